package dev.caisson.kernel;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Prctl;
import dev.caisson.loader.Image;
import dev.caisson.loader.LoadRequest;
import dev.caisson.loader.Loader;
import dev.caisson.memory.MemoryManager;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.platform.Platform;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.PathWalker;
import java.util.List;

/**
 * A program that has been loaded into an address space of its own and waits to become some task's.
 *
 * @param memory the address space, with one user
 * @param entry first instruction
 * @param stackPointer first stack pointer
 * @param credentials who the task becomes
 * @param isPrivileged whether the program has rights that its caller lacks
 * @param comm its name
 * @param file its file, with one user
 * @param platform which the address space was made for
 */
record ProgramImage(MemoryManager memory, long entry, long stackPointer, Credentials credentials, boolean isPrivileged, String comm,
        ProgramFile file, Platform platform) {
    /** Opens interpreters as the task does, and remembers what the last program does to credentials. */
    private static final class Context implements LoadRequest.Files, LoadRequest.Identities {
        private final Task task;
        private ProgramCredentials result;

        Context(Task task) {
            this.task = task;
        }

        @Override
        public FileDescription open(String path) throws ErrnoException {
            return task.kernel().vfs().openProgram(task, task.kernel().vfs().resolve(task, null, path, PathWalker.FOLLOW));
        }

        @Override
        public void close(FileDescription program) {
            ProgramFile.close(program);
        }

        @Override
        public LoadRequest.Identity of(FileDescription program) {
            result = ProgramCredentials.of(task, program.location());
            Credentials next = result.credentials();
            return new LoadRequest.Identity(next.uid(), next.euid(), next.gid(), next.egid(), result.isSecure());
        }
    }

    /**
     * Loads.
     *
     * @param task who executes; it stays as it is
     * @param location the program
     * @param name for AT_EXECFN and scripts' arguments
     * @param hidden whether the name leads nowhere once close-on-exec descriptors are closed: scripts are then ENOENT
     * @param arguments argv
     * @param environment envp
     */
    static ProgramImage load(Task task, Location location, String name, boolean hidden, List<String> arguments,
            List<String> environment) throws ErrnoException {
        Kernel kernel = task.kernel();
        Context context = new Context(task);
        FileDescription program = kernel.vfs().openProgram(task, location);
        Platform platform = kernel.platform();
        Image image = Loader.load(new LoadRequest(program, name, hidden, arguments, environment, kernel.memoryFile(), platform,
                new ProcessMemoryLimits(task.process()), context, context,
                task.process().set().time().vdso(kernel.vdso()),
                (task.personality() & Prctl.ADDR_NO_RANDOMIZE) == 0));
        return new ProgramImage(image.memory(), image.entry(), image.stackPointer(), context.result.credentials(),
                context.result.isSecure(), name.substring(name.lastIndexOf('/') + 1), new ProgramFile(image.executable()), platform);
    }

    /** Nobody wants it. */
    void close() {
        memory.close();
        file.release();
    }
}
