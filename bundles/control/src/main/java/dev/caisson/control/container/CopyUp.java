package dev.caisson.control.container;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.control.internal.BootCaller;
import dev.caisson.spi.fs.Attributes;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.Vfs;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Copies a directory of an image into the tmpfs that will hide it (runc's option tmpcopyup): directories, files, symbolic links, with modes, owners and
 * times. Device nodes and sockets of an image are left out. An image may be hostile: depth is bounded, links are not followed, and what
 * does not fit into the tmpfs is ENOSPC.
 */
final class CopyUp {
    private static final int MOST_DEPTH = 256;
    private static final int BUFFER_BYTES = 1 << 16;

    private final Vfs vfs;
    private final BootCaller root;

    CopyUp(Vfs vfs, BootCaller root) {
        this.vfs = vfs;
        this.root = root;
    }

    /**
     * Copies what is in a directory.
     *
     * @param from the directory
     * @param to an empty one, which gets its mode and owner, too
     * @throws ErrnoException as the files say
     */
    void copy(Location from, Location to) throws ErrnoException {
        copy(from, to, 0);
    }

    private void copy(Location from, Location to, int depth) throws ErrnoException {
        if (depth > MOST_DEPTH) {
            throw Errno.ELOOP.error();
        }
        for (String name : names(from)) {
            Location source = vfs.resolve(root, from, name, 0);
            Attributes attributes = vfs.attributes(source);
            int type = attributes.mode() & Stat.S_IFMT;
            if (type == Stat.S_IFDIR) {
                vfs.mkdir(root, to, name, 0700);
                copy(source, vfs.resolve(root, to, name, 0), depth + 1);
                continue;
            } else if (type == Stat.S_IFREG) {
                content(from, to, name);
            } else if (type == Stat.S_IFLNK) {
                vfs.symlink(root, vfs.readLink(root, source), to, name);
            } else {
                continue;
            }
            finish(attributes, vfs.resolve(root, to, name, 0));
        }
        finish(vfs.attributes(from), to);
    }

    private List<String> names(Location directory) throws ErrnoException {
        List<String> names = new ArrayList<>();
        FileDescription open = vfs.openAt(root, directory, Fcntl.O_RDONLY | Fcntl.O_DIRECTORY);
        try {
            open.readDirectory((name, inode, type, next) -> {
                if (!name.equals(".") && !name.equals("..")) {
                    names.add(name);
                }
                return true;
            });
        } finally {
            open.release();
        }
        return names;
    }

    private void content(Location from, Location to, String name) throws ErrnoException {
        FileDescription source = vfs.open(root, from, name, Fcntl.O_RDONLY | Fcntl.O_NOFOLLOW, 0, 0);
        try (Arena arena = Arena.ofConfined()) {
            FileDescription target = vfs.open(root, to, name, Fcntl.O_WRONLY | Fcntl.O_CREAT | Fcntl.O_EXCL, 0600, 0);
            try {
                MemorySegment buffer = arena.allocate(BUFFER_BYTES);
                for (;;) {
                    long length = source.read(IoBuffer.of(buffer));
                    if (length <= 0) {
                        break;
                    }
                    IoBuffer rest = IoBuffer.of(buffer.asSlice(0, length));
                    while (rest.remaining() > 0) {
                        target.write(rest, root);
                    }
                }
            } finally {
                target.release();
            }
        } finally {
            source.release();
        }
    }

    private void finish(Attributes attributes, Location made) throws ErrnoException {
        vfs.chown(root, made, attributes.uid(), attributes.gid());
        if ((attributes.mode() & Stat.S_IFMT) != Stat.S_IFLNK) {
            vfs.chmod(root, made, attributes.mode() & 07777);
            vfs.setTimes(root, made, attributes.accessNs(), attributes.modifyNs());
        }
    }
}
