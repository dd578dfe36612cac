package dev.caisson.host;

import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Terminal;
import java.lang.foreign.MemorySegment;

/** Pairs of terminals that the host makes, pty(7). */
public final class HostPty {
    private static final int TIOCSWINSZ = 0x5414;

    private HostPty() {}

    /**
     * Makes a pair. Neither becomes anybody's controlling terminal, and both are closed on exec.
     *
     * @return the master in the low half, the slave in the high half, or a negated error number
     */
    public static long open() {
        int flags = Fcntl.O_RDWR | Fcntl.O_NOCTTY | Fcntl.O_CLOEXEC;
        long master = HostPath.open(Fcntl.AT_FDCWD, "/dev/ptmx", flags, 0);
        if (master < 0) {
            return master;
        }
        Scratch scratch = Scratch.mine();
        scratch.structure().set(Layouts.U32, 0, 0);
        long result = HostFile.ioctl((int) master, Terminal.TIOCSPTLCK, scratch.structureAddress());
        if (result == 0) {
            // By the master and not by a name: /dev/pts may be another instance here.
            result = HostFile.ioctl((int) master, Terminal.TIOCGPTPEER, flags);
        }
        if (result < 0) {
            HostFile.close((int) master);
            return result;
        }
        return result << 32 | master;
    }

    /**
     * Sets the size of a terminal's window.
     *
     * @param fd either side
     * @param rows lines
     * @param columns characters in a line
     * @return 0 or a negated error number
     */
    public static long resize(int fd, int rows, int columns) {
        Scratch scratch = Scratch.mine();
        MemorySegment size = scratch.structure();
        size.set(Layouts.U64, 0, 0);
        size.set(Layouts.U16, 0, (short) rows);
        size.set(Layouts.U16, 2, (short) columns);
        return HostFile.ioctl(fd, TIOCSWINSZ, scratch.structureAddress());
    }

    /**
     * Makes a terminal the controlling one of this process' session, which this process leads and which has none.
     *
     * @param slave the terminal
     * @return 0 or a negated error number
     */
    public static long control(int slave) {
        return HostFile.ioctl(slave, Terminal.TIOCSCTTY, 0);
    }
}
