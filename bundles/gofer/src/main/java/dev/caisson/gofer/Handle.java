package dev.caisson.gofer;

import static dev.caisson.abi.Errno.EMFILE;

import dev.caisson.abi.ErrnoException;
import dev.caisson.host.HostFile;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A file of the host: a descriptor, open with {@code O_PATH} or for transfers, and how many fids share it. The file is what the descriptor
 * says, whatever becomes of its names.
 */
final class Handle {
    private static final int TYPE = 0xf000;
    private static final int REGULAR = 0x8000;
    private static final int DIRECTORY = 0x4000;
    private static final int LINK = 0xa000;

    /** Counts the descriptors that files hold, and knows how many may be. */
    static final class Budget {
        private final int most;
        private final AtomicInteger used = new AtomicInteger();

        Budget(int most) {
            this.most = most;
        }

        int used() {
            return used.get();
        }
    }

    private final Budget budget;
    private final int fd;
    private final int type;
    private final AtomicInteger users = new AtomicInteger(1);

    private Handle(Budget budget, int fd, int mode) {
        this.budget = budget;
        this.fd = fd;
        this.type = mode & TYPE;
    }

    /**
     * Takes a descriptor over. It is closed when this fails.
     *
     * @param budget what counts it
     * @param fd the descriptor
     * @param mode {@code st_mode} of the file
     * @return the handle, with one user
     * @throws ErrnoException EMFILE
     */
    static Handle of(Budget budget, int fd, int mode) throws ErrnoException {
        if (budget.used.incrementAndGet() > budget.most) {
            budget.used.decrementAndGet();
            HostFile.close(fd);
            throw EMFILE.error("descriptors of the gofer");
        }
        return new Handle(budget, fd, mode);
    }

    int fd() {
        return fd;
    }

    boolean isDirectory() {
        return type == DIRECTORY;
    }

    boolean isRegular() {
        return type == REGULAR;
    }

    boolean isLink() {
        return type == LINK;
    }

    /** One more user; only for who is one already. */
    Handle share() {
        users.incrementAndGet();
        return this;
    }

    /** One user less; the last one closes the descriptor. */
    void release() {
        if (users.decrementAndGet() == 0) {
            budget.used.decrementAndGet();
            HostFile.close(fd);
        }
    }
}
