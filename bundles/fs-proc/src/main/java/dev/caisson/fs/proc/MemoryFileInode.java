package dev.caisson.fs.proc;

import static dev.caisson.abi.Errno.EIO;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Stat;
import dev.caisson.kernel.Task;
import dev.caisson.memory.MemoryManager;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.OpenFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** /proc/PID/mem: the memory of a process by address, whatever its protections, for whoever may trace it. */
final class MemoryFileInode extends TaskInode {
    private static final int CHUNK_BYTES = 4096;

    MemoryFileInode(FileSystem fileSystem, Task task) {
        super(fileSystem, Stat.S_IFREG | 0600, task);
    }

    @Override
    public OpenFile open(int flags) throws ErrnoException {
        ProcLink.checkMayInspect(task(), Callers.current().credentials());
        return new Window();
    }

    private final class Window extends OpenFile {
        /** The memory as it was at open: execve does not lead to the new program's. */
        private final MemoryManager memory = task().memory();

        @Override
        public long seek(long position) {
            return position;
        }

        @Override
        public long read(IoBuffer target, long position) throws ErrnoException {
            long done = 0;
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment chunk = arena.allocate(CHUNK_BYTES, 8);
                while (memory != null && target.remaining() > 0) {
                    long wanted = Math.min(CHUNK_BYTES - (position + done) % CHUNK_BYTES, target.remaining());
                    long got = memory.forceCopyIn(position + done, chunk, 0, wanted);
                    if (got <= 0) {
                        break;
                    }
                    done += target.put(chunk, 0, got);
                }
            }
            if (done == 0) {
                throw EIO.error();
            }
            return done;
        }

        @Override
        public long write(IoBuffer source, long position) throws ErrnoException {
            long done = 0;
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment chunk = arena.allocate(CHUNK_BYTES, 8);
                while (memory != null && source.remaining() > 0) {
                    long wanted = Math.min(CHUNK_BYTES - (position + done) % CHUNK_BYTES, source.remaining());
                    long got = source.get(chunk, 0, wanted);
                    memory.forceCopyOut(position + done, chunk, 0, got);
                    done += got;
                }
            } catch (ErrnoException fault) {
                if (done == 0) {
                    throw EIO.error();
                }
            }
            return done;
        }
    }
}
