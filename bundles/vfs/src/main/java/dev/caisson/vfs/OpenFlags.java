package dev.caisson.vfs;

import static dev.caisson.abi.Errno.EINVAL;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.spi.fs.Inode;
import dev.caisson.vfs.pseudo.PseudoFileSystem;

/** Combinations of flags for open(2) and openat2(2). */
public final class OpenFlags {
    /** Every flag that Linux knows. */
    public static final int VALID = Fcntl.O_ACCMODE | Fcntl.O_CREAT | Fcntl.O_EXCL | Fcntl.O_NOCTTY | Fcntl.O_TRUNC
            | Fcntl.O_APPEND | Fcntl.O_NONBLOCK | Fcntl.O_SYNC | Fcntl.O_ASYNC | Fcntl.O_DIRECT | Fcntl.O_LARGEFILE
            | Fcntl.O_DIRECTORY | Fcntl.O_NOFOLLOW | Fcntl.O_NOATIME | Fcntl.O_CLOEXEC | Fcntl.O_PATH | Fcntl.O_TMPFILE;

    /** The bit of O_TMPFILE that O_DIRECTORY does not have. */
    public static final int TMPFILE_BIT = Fcntl.O_TMPFILE & ~Fcntl.O_DIRECTORY;

    private static final int PATH_FLAGS = Fcntl.O_DIRECTORY | Fcntl.O_NOFOLLOW | Fcntl.O_PATH | Fcntl.O_CLOEXEC;

    private OpenFlags() {}

    /**
     * Makes the flags of open(2) and openat(2) legal as Linux does: unknown ones are dropped, O_PATH drops the rest.
     *
     * @param flags as the guest gave them
     * @return flags to go on with
     * @throws ErrnoException EINVAL
     */
    public static int check(int flags) throws ErrnoException {
        int kept = flags & VALID;
        if ((kept & Fcntl.O_SYNC) != 0) {
            kept |= Fcntl.O_DSYNC; // half of O_SYNC counts as all of it
        }
        if ((kept & Fcntl.O_PATH) != 0) {
            return kept & PATH_FLAGS;
        }
        if ((kept & TMPFILE_BIT) != 0) {
            boolean writes = (kept & Fcntl.O_ACCMODE) != Fcntl.O_RDONLY;
            if ((kept & (Fcntl.O_TMPFILE | Fcntl.O_CREAT)) != Fcntl.O_TMPFILE || !writes) {
                throw EINVAL.error("O_TMPFILE");
            }
        } else if ((kept & (Fcntl.O_CREAT | Fcntl.O_DIRECTORY)) == (Fcntl.O_CREAT | Fcntl.O_DIRECTORY)) {
            throw EINVAL.error("O_CREAT with O_DIRECTORY");
        }
        return kept;
    }

    /**
     * O_DIRECT is for data of regular files that the kernel does not make up itself.
     *
     * @param inode a file that is opened, or whose flags change
     * @throws ErrnoException EINVAL
     */
    public static void checkDirect(Inode inode) throws ErrnoException {
        if ((inode.mode() & Stat.S_IFMT) != Stat.S_IFREG || inode.fileSystem() instanceof PseudoFileSystem) {
            throw EINVAL.error("O_DIRECT");
        }
    }

    /**
     * Access that flags ask for.
     *
     * @param flags {@code O_*}
     * @return mask of R_OK and W_OK
     */
    public static int access(int flags) {
        int mask = switch (flags & Fcntl.O_ACCMODE) {
            case Fcntl.O_RDONLY -> Fcntl.R_OK;
            case Fcntl.O_WRONLY -> Fcntl.W_OK;
            default -> Fcntl.R_OK | Fcntl.W_OK;
        };
        return (flags & Fcntl.O_TRUNC) != 0 ? mask | Fcntl.W_OK : mask;
    }
}
