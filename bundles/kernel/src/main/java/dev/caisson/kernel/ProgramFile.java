package dev.caisson.kernel;

import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.Writers;
import java.util.concurrent.atomic.AtomicInteger;

/** The file of a running program: nobody may write it while a task runs it (ETXTBSY). Counted by tasks. */
final class ProgramFile {
    private final FileDescription description;
    private final AtomicInteger users = new AtomicInteger(1);

    ProgramFile(FileDescription description) {
        this.description = description;
    }

    void retain() {
        users.incrementAndGet();
    }

    void release() {
        if (users.decrementAndGet() == 0) {
            close(description);
        }
    }

    /** Ends what {@link dev.caisson.vfs.Vfs#openProgram} began. */
    static void close(FileDescription program) {
        Writers.of(program.inode()).endRun();
        program.release();
    }
}
