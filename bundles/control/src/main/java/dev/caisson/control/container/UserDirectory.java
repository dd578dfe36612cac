package dev.caisson.control.container;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.vfs.Caller;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.Vfs;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

/** Looks users up in a container's own /etc/passwd, which anybody may have written. */
final class UserDirectory {
    private static final int MOST_BYTES = 1 << 20;

    private UserDirectory() {}

    /**
     * The home directory of a user.
     *
     * @param vfs the files
     * @param caller with the container's root
     * @param uid the user
     * @return an absolute path; that of the root directory when nothing is said
     */
    static String home(Vfs vfs, Caller caller, int uid) {
        String number = Integer.toUnsignedString(uid);
        for (String line : passwords(vfs, caller).split("\n")) {
            String[] fields = line.split(":", -1);
            if (fields.length >= 7 && fields[2].equals(number) && fields[5].startsWith("/")) {
                return fields[5];
            }
        }
        return "/";
    }

    private static String passwords(Vfs vfs, Caller caller) {
        FileDescription file = null;
        try (Arena arena = Arena.ofConfined()) {
            file = vfs.open(caller, null, "/etc/passwd", Fcntl.O_RDONLY | Fcntl.O_NONBLOCK, 0, 0);
            MemorySegment bytes = arena.allocate(MOST_BYTES);
            long length = 0;
            for (long got = 1; got > 0 && length < MOST_BYTES; length += Math.max(0, got)) {
                got = file.read(IoBuffer.of(bytes.asSlice(length)));
            }
            return new String(bytes.asSlice(0, length).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.ISO_8859_1);
        } catch (ErrnoException e) {
            return ""; // images without users are common
        } finally {
            if (file != null) {
                file.release();
            }
        }
    }
}
