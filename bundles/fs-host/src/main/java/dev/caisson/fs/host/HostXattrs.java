package dev.caisson.fs.host;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Stat;
import dev.caisson.host.HostFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Extended attributes of host files. Guests see {@code user.*} and file capabilities, and may change {@code user.*}; the overlay reads its
 * marks. Deviation: POSIX ACLs of the host are neither shown nor evaluated.
 */
final class HostXattrs {
    private static final String CAPABILITIES = "security.capability";
    private static final String OVERLAY = "trusted.overlay.";
    private static final int VALUE_LIMIT = 64 << 10;

    private HostXattrs() {}

    /** Something done with a descriptor. */
    @FunctionalInterface
    interface Use<T> {
        T on(int fd) throws ErrnoException;
    }

    static boolean isReadable(String attribute, int type) {
        boolean hasContent = type == Stat.S_IFREG || type == Stat.S_IFDIR;
        return hasContent && (attribute.startsWith("user.") || attribute.equals(CAPABILITIES) || attribute.startsWith(OVERLAY));
    }

    static boolean isWritable(String attribute, int type) {
        return (type == Stat.S_IFREG || type == Stat.S_IFDIR) && attribute.startsWith("user.");
    }

    static <T> T with(HostInode inode, Use<T> use) throws ErrnoException {
        if (inode instanceof HostDirectory directory) {
            int fd = directory.openForReading();
            try {
                return use.on(fd);
            } finally {
                HostFile.close(fd);
            }
        }
        HandleCache.Handle open = inode.content().handle(false);
        try {
            return use.on(open.fd);
        } finally {
            inode.host().handles().release(open);
        }
    }

    static byte[] get(int fd, String attribute) throws ErrnoException {
        Errno.check(HostFile.attribute(fd, attribute, 0, 0)); // mostly, there is none: every execve asks
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment value = arena.allocate(VALUE_LIMIT);
            long length = Errno.check(HostFile.attribute(fd, attribute, value.address(), VALUE_LIMIT));
            return value.asSlice(0, length).toArray(ValueLayout.JAVA_BYTE);
        }
    }

    static Void set(int fd, String attribute, byte[] value, int flags) throws ErrnoException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment copy = arena.allocate(Math.max(1, value.length));
            MemorySegment.copy(value, 0, copy, ValueLayout.JAVA_BYTE, 0, value.length);
            Errno.check(HostFile.setAttribute(fd, attribute, copy.address(), value.length, flags));
            return null;
        }
    }

    static List<String> list(int fd) throws ErrnoException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment names = arena.allocate(VALUE_LIMIT);
            long length = HostFile.attributes(fd, names.address(), VALUE_LIMIT);
            if (length == -Errno.EOPNOTSUPP.number()) {
                return List.of();
            }
            Errno.check(length);
            String all = new String(names.asSlice(0, length).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.ISO_8859_1);
            List<String> visible = new ArrayList<>();
            for (String name : all.split("\0")) {
                if (name.startsWith("user.") || name.equals(CAPABILITIES)) {
                    visible.add(name);
                }
            }
            return visible;
        }
    }
}
