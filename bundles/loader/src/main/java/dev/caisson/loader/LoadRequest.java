package dev.caisson.loader;

import dev.caisson.abi.ErrnoException;
import dev.caisson.memory.MemoryFile;
import dev.caisson.memory.MemoryLimits;
import dev.caisson.spi.platform.Platform;
import dev.caisson.vfs.FileDescription;
import java.util.List;

/**
 * A program to load. Strings are Latin-1, one character per byte.
 *
 * @param program the file, open for reading; the loader takes over the reference, also when it fails
 * @param name what the program is told as its file name, and scripts' interpreters as their argument
 * @param isNameHidden whether the name leads nowhere when the program runs; a script is then ENOENT
 * @param arguments argv
 * @param environment envp
 * @param frames where memory comes from
 * @param platform what will run it
 * @param limits RLIMIT_STACK counts for the size of arguments and the place of mappings
 * @param files opens interpreters
 * @param identities says who the program runs as
 * @param vdso mapped into the program, or null
 * @param isRandomized whether each run has other addresses; a program that runs as somebody else has them always
 */
public record LoadRequest(FileDescription program, String name, boolean isNameHidden, List<String> arguments, List<String> environment,
        MemoryFile frames, Platform platform, MemoryLimits limits, Files files, Identities identities, VdsoImage vdso,
        boolean isRandomized) {
    /** Opens the interpreters that programs name, and closes program files. */
    public interface Files {
        /**
         * Opens a program.
         *
         * @param path its path
         * @return open for reading, with one reference
         * @throws ErrnoException as execve(2) for an interpreter
         */
        FileDescription open(String path) throws ErrnoException;

        /**
         * Gives a program file back that is not needed, or no longer: mappings have references of their own.
         *
         * @param program what {@link #open} or the request gave
         */
        void close(FileDescription program);
    }

    /** Says who a program runs as. */
    @FunctionalInterface
    public interface Identities {
        /**
         * Looks at set-user-ID bits and the like.
         *
         * @param program the file that is loaded; of a script, its interpreter
         * @return ids for the auxiliary vector
         */
        Identity of(FileDescription program);
    }

    /**
     * Who a program runs as.
     *
     * @param uid AT_UID
     * @param euid AT_EUID
     * @param gid AT_GID
     * @param egid AT_EGID
     * @param isSecure AT_SECURE
     */
    public record Identity(int uid, int euid, int gid, int egid, boolean isSecure) {}
}
