package dev.caisson.kernel.signal;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Layouts.U64;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Poll;
import dev.caisson.abi.SignalInfo;
import dev.caisson.abi.Signals;
import dev.caisson.kernel.Task;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.wait.WaitQueue;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A signalfd, signalfd(2): reading takes pending signals of the task that reads, as {@code struct signalfd_siginfo} of 128 bytes.
 * <pre>
 *  off size field              off size field
 *    0    4 ssi_signo           36    4 ssi_trapno
 *    4    4 ssi_errno           40    4 ssi_status   (si_status)
 *    8    4 ssi_code            44    4 ssi_int      (si_value)
 *   12    4 ssi_pid             48    8 ssi_ptr
 *   16    4 ssi_uid             56    8 ssi_utime
 *   20    4 ssi_fd              64    8 ssi_stime
 *   24    4 ssi_tid             72    8 ssi_addr
 *   28    4 ssi_band            80    2 ssi_addr_lsb
 *   32    4 ssi_overrun         84    4 ssi_syscall, 88 8 ssi_call_addr, 96 4 ssi_arch
 * </pre>
 * Source: include/uapi/linux/signalfd.h, fs/signalfd.c.
 *
 * <p>Readiness is that of the task which asks.
 */
public final class SignalFile extends OpenFile {
    /** sizeof(struct signalfd_siginfo). */
    public static final int BYTES = 128;

    private final Task maker;
    private volatile long set;

    /**
     * Makes a signalfd.
     *
     * @param maker the calling task
     * @param set the signals it takes
     */
    public SignalFile(Task maker, long set) {
        this.maker = maker;
        this.set = set & ~SignalSets.UNMASKABLE;
    }

    /**
     * Changes the signals.
     *
     * @param next the new set
     */
    public void set(long next) {
        set = next & ~SignalSets.UNMASKABLE;
        maker.process().signals().signalReaders().notify(Poll.POLLIN);
    }

    /** {@return the signals it takes} */
    public long set() {
        return set;
    }

    @Override
    public boolean isSeekable() {
        return false;
    }

    @Override
    public boolean ignoresSeeks() {
        return true;
    }

    /** The task that reads: one of Caisson's threads runs one task for its whole life. */
    private Task reader() {
        Task current = Task.current();
        return current != null ? current : maker;
    }

    @Override
    public long read(IoBuffer target, long position) throws ErrnoException {
        if (target.remaining() < BYTES) {
            throw EINVAL.error();
        }
        SignalState state = reader().signals();
        MemorySegment image = null;
        long done = 0;
        while (target.remaining() >= BYTES) {
            SignalInfo info = state.process().take(state, set);
            if (info == null) {
                break;
            }
            if (image == null) {
                image = Arena.ofAuto().allocate(BYTES, 8);
            }
            image.fill((byte) 0);
            encode(image, info);
            if (target.put(image, 0, BYTES) < BYTES) {
                break;
            }
            done += BYTES;
        }
        return done == 0 ? WOULD_BLOCK : done;
    }

    static void encode(MemorySegment image, SignalInfo info) {
        image.set(U32, 0, info.signal());
        image.set(U32, 4, info.errno());
        image.set(U32, 8, info.code());
        int code = info.code();
        if (info.signal() == Signals.SIGCHLD && code > 0) {
            image.set(U32, 12, info.pid());
            image.set(U32, 16, info.uid());
            image.set(U32, 40, info.status());
            image.set(U64, 56, info.word32());
            image.set(U64, 64, info.word40());
        } else if (code == dev.caisson.abi.SignalCodes.SI_TIMER) {
            image.set(U32, 24, info.pid());
            image.set(U32, 32, info.uid());
            image.set(U64, 48, info.word24());
            image.set(U32, 44, (int) info.word24());
        } else if (SignalSets.has(SignalSets.SYNCHRONOUS, info.signal()) && code > 0 && code < 0x80) {
            image.set(U64, 72, info.address());
        } else if (info.signal() == Signals.SIGIO && code > 0 && code < 0x80) {
            image.set(U32, 28, (int) info.word16());
            image.set(U32, 20, (int) info.word24());
        } else {
            image.set(U32, 12, info.pid());
            image.set(U32, 16, info.uid());
            if (code < 0) {
                image.set(U64, 48, info.word24());
                image.set(U32, 44, (int) info.word24());
            }
        }
    }

    @Override
    public int readiness(int mask) {
        SignalState state = reader().signals();
        long pending = state.pendingSet() | state.process().pendingSet();
        return (pending & set) != 0 ? mask & (Poll.POLLIN | Poll.POLLRDNORM) : 0;
    }

    @Override
    public WaitQueue waitQueue() {
        return reader().process().signals().signalReaders();
    }
}
