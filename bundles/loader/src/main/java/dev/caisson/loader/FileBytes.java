package dev.caisson.loader;

import static dev.caisson.abi.Errno.EIO;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.vfs.FileDescription;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Reads parts of program files. */
final class FileBytes {
    private FileBytes() {}

    /** Reads as much as there is; the rest is zeros. Returns how much there was. */
    static long read(FileDescription file, long position, MemorySegment target) throws ErrnoException {
        IoBuffer buffer = IoBuffer.of(target);
        long done = 0;
        while (buffer.remaining() > 0) {
            long count = file.file().read(buffer, position + done);
            if (count == OpenFile.WOULD_BLOCK) {
                throw EIO.error("a program that cannot be read at once");
            }
            if (count <= 0) {
                break;
            }
            done += count;
        }
        return done;
    }

    /** Reads a part that must be there. */
    static MemorySegment require(FileDescription file, long position, long lengthBytes, dev.caisson.abi.Errno otherwise)
            throws ErrnoException {
        MemorySegment target = Arena.ofAuto().allocate(Math.max(1, lengthBytes), 8).asSlice(0, lengthBytes);
        if (read(file, position, target) < lengthBytes) {
            throw otherwise.error("truncated program");
        }
        return target;
    }
}
