package dev.caisson.fs.host;

import static dev.caisson.abi.Errno.ENODATA;
import static dev.caisson.abi.Errno.EOPNOTSUPP;
import static dev.caisson.abi.Errno.EPERM;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Stat;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostPath;
import dev.caisson.spi.fs.PosixAcl;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Extended attributes of host files. Guests see {@code user.*}, file capabilities and access control lists, and may change {@code user.*}
 * and the lists; the overlay reads its marks. A layer that takes the changes of an overlay holds all namespaces, as far as the host lets
 * the sandbox.
 */
final class HostXattrs {
    private static final String CAPABILITIES = "security.capability";
    private static final String OVERLAY = "trusted.overlay.";
    private static final int VALUE_LIMIT = 64 << 10;
    private static final int SMALL_VALUE = 256;

    private HostXattrs() {}

    /** Something done with a descriptor. */
    @FunctionalInterface
    private interface Use {
        long on(int fd);
    }

    private static boolean isAcl(String attribute) {
        return attribute.equals(PosixAcl.ACCESS) || attribute.equals(PosixAcl.DEFAULT);
    }

    private static boolean hasContent(HostInode inode) {
        return inode.type() == Stat.S_IFREG || inode.type() == Stat.S_IFDIR;
    }

    private static boolean isVisible(HostInode inode, String attribute) {
        if (attribute.startsWith("user.")) {
            return hasContent(inode);
        }
        return attribute.equals(CAPABILITIES) || attribute.startsWith(OVERLAY) || isAcl(attribute)
                || inode.host().isLayer() && (attribute.startsWith("trusted.") || attribute.startsWith("security."));
    }

    static void checkReadable(HostInode inode, String attribute) throws ErrnoException {
        if (!isVisible(inode, attribute)) {
            throw attribute.startsWith("system.") ? EOPNOTSUPP.error() : ENODATA.error();
        }
    }

    static void checkWritable(HostInode inode, String attribute) throws ErrnoException {
        if (attribute.startsWith("user.")) {
            if (!hasContent(inode)) {
                throw EPERM.error();
            }
        } else if (!isAcl(attribute)
                && !(inode.host().isLayer() && (attribute.startsWith("trusted.") || attribute.startsWith("security.")))) {
            throw EOPNOTSUPP.error();
        }
    }

    /** Whether a filesystem of the host knows access control lists. */
    static boolean hasAcls(int directory) {
        long result = HostPath.attribute("/proc/self/fd/" + directory, PosixAcl.ACCESS, true, 0, 0);
        return result >= 0 || result == -ENODATA.number();
    }

    /** By an open descriptor, or by the name in the directory: a file need not be readable to have attributes. */
    private static long with(HostInode inode, HostInode.NameCall byPath, Use byDescriptor) throws ErrnoException {
        return inode.byName((at, name) -> byPath.call(at, "/proc/self/fd/" + at + "/" + name), byDescriptor::on);
    }

    static byte[] get(HostInode inode, String attribute) throws ErrnoException {
        try (Arena arena = Arena.ofConfined()) {
            // Mostly there is none (every execve asks), or a short one.
            MemorySegment small = arena.allocate(SMALL_VALUE);
            try {
                return small.asSlice(0, read(inode, attribute, small)).toArray(ValueLayout.JAVA_BYTE);
            } catch (ErrnoException e) {
                if (e.errno() != Errno.ERANGE) {
                    throw e;
                }
            }
            MemorySegment large = arena.allocate(VALUE_LIMIT);
            return large.asSlice(0, read(inode, attribute, large)).toArray(ValueLayout.JAVA_BYTE);
        }
    }

    private static long read(HostInode inode, String attribute, MemorySegment target) throws ErrnoException {
        long address = target.address();
        long bytes = target.byteSize();
        return with(inode, (at, path) -> HostPath.attribute(path, attribute, false, address, bytes),
                fd -> HostFile.attribute(fd, attribute, address, bytes));
    }

    static void set(HostInode inode, String attribute, byte[] value, int flags) throws ErrnoException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment copy = arena.allocate(Math.max(1, value.length));
            MemorySegment.copy(value, 0, copy, ValueLayout.JAVA_BYTE, 0, value.length);
            with(inode, (at, path) -> HostPath.setAttribute(path, attribute, false, copy.address(), value.length, flags),
                    fd -> HostFile.setAttribute(fd, attribute, copy.address(), value.length, flags));
        }
    }

    static void remove(HostInode inode, String attribute) throws ErrnoException {
        with(inode, (at, path) -> HostPath.removeAttribute(path, attribute, false), fd -> HostFile.removeAttribute(fd, attribute));
    }

    static List<String> list(HostInode inode) throws ErrnoException {
        if (!hasContent(inode) && !inode.host().isLayer()) {
            return List.of();
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment names = arena.allocate(VALUE_LIMIT);
            long length;
            try {
                length = with(inode, (at, path) -> HostPath.attributes(path, false, names.address(), VALUE_LIMIT),
                        fd -> HostFile.attributes(fd, names.address(), VALUE_LIMIT));
            } catch (ErrnoException e) {
                if (e.errno() == EOPNOTSUPP) {
                    return List.of();
                }
                throw e;
            }
            String all = new String(names.asSlice(0, length).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.ISO_8859_1);
            List<String> visible = new ArrayList<>();
            for (String name : all.split("\0")) {
                if (!name.isEmpty() && isVisible(inode, name) && (inode.host().isLayer() || !name.startsWith(OVERLAY))) {
                    visible.add(name);
                }
            }
            return visible;
        }
    }
}
