package dev.caisson.fs.host;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostPath;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.nio.charset.StandardCharsets;

/** Whole trees of the host: what they take, and removing them. Links are never followed. */
final class HostTree {
    private static final int BUFFER_BYTES = 32 << 10;
    private static final int DEEPEST = 2000;
    private static final int DIRECTORY_FLAGS = Fcntl.O_RDONLY | Fcntl.O_DIRECTORY | Fcntl.O_NOFOLLOW | Fcntl.O_CLOEXEC;

    private HostTree() {}

    /** Removes a file or a whole directory, if it is there. */
    static void remove(int at, String name) throws ErrnoException {
        remove(at, name, 0);
    }

    private static void remove(int at, String name, int depth) throws ErrnoException {
        HostStatus status = HostStatus.find(at, name);
        if (status == null) {
            return;
        }
        if (!status.isDirectory()) {
            Errno.check(HostPath.unlink(at, name, 0));
            return;
        }
        if (depth > DEEPEST) {
            throw Errno.ELOOP.error("a tree that deep was not made here");
        }
        long fd = HostPath.open(at, name, DIRECTORY_FLAGS, 0);
        if (fd == -Errno.EACCES.number()) {
            HostPath.changeMode(at, name, 0700);
            fd = HostPath.open(at, name, DIRECTORY_FLAGS, 0);
        }
        int directory = (int) Errno.check(fd);
        try {
            for (String child : names(directory)) {
                remove(directory, child, depth + 1);
            }
        } finally {
            HostFile.close(directory);
        }
        Errno.check(HostPath.unlink(at, name, Fcntl.AT_REMOVEDIR));
    }

    /** What the files below a directory take: their blocks, and so much for each of them. */
    static long usedBytes(int directory, long bytesEach) throws ErrnoException {
        return usedBytes(directory, bytesEach, new java.util.HashSet<>(), 0);
    }

    private static long usedBytes(int directory, long bytesEach, java.util.Set<Long> linked, int depth) throws ErrnoException {
        long sum = 0;
        for (String name : names(directory)) {
            HostStatus status = HostStatus.find(directory, name);
            if (status == null || !status.isDirectory() && status.links() > 1 && !linked.add(status.inode())) {
                continue;
            }
            sum += status.blocks() * HostInode.BLOCK_UNIT + bytesEach;
            if (status.isDirectory() && depth < DEEPEST) {
                int child = (int) Errno.check(HostPath.open(directory, name, DIRECTORY_FLAGS, 0));
                try {
                    sum += usedBytes(child, bytesEach, linked, depth + 1);
                } finally {
                    HostFile.close(child);
                }
            }
        }
        return sum;
    }

    /** The names in a directory, but "." and "..". */
    private static List<String> names(int directory) throws ErrnoException {
        List<String> names = new ArrayList<>();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(BUFFER_BYTES, 8);
            Errno.check(HostFile.seek(directory, 0, Fcntl.SEEK_SET));
            while (true) {
                long got = Errno.check(HostFile.directoryEntries(directory, buffer.address(), BUFFER_BYTES));
                if (got == 0) {
                    return names;
                }
                for (long at = 0; at < got; at += buffer.get(ValueLayout.JAVA_SHORT, at + 16) & 0xffff) {
                    String name = buffer.getString(at + 19, StandardCharsets.ISO_8859_1);
                    if (!name.equals(".") && !name.equals("..")) {
                        names.add(name);
                    }
                }
            }
        }
    }
}
