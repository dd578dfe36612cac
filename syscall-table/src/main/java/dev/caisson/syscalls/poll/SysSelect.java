package dev.caisson.syscalls.poll;

import static dev.caisson.abi.Errno.EBADF;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Layouts.U64;
import static dev.caisson.abi.Poll.POLLERR;
import static dev.caisson.abi.Poll.POLLHUP;
import static dev.caisson.abi.Poll.POLLIN;
import static dev.caisson.abi.Poll.POLLNVAL;
import static dev.caisson.abi.Poll.POLLOUT;
import static dev.caisson.abi.Poll.POLLPRI;
import static dev.caisson.abi.Poll.POLLRDBAND;
import static dev.caisson.abi.Poll.POLLRDNORM;
import static dev.caisson.abi.Poll.POLLWRBAND;
import static dev.caisson.abi.Poll.POLLWRNORM;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.StructCodec;
import dev.caisson.abi.Timespec;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import java.lang.foreign.MemorySegment;

/** select(2), pselect6(2). A set is an array of 64-bit words, descriptor n being bit n. */
public final class SysSelect {
    private static final int READ = POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR;
    private static final int WRITE = POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR;
    private static final int EXCEPTION = POLLPRI;

    private SysSelect() {}

    /** select(2). */
    public static long select(Task task, SyscallArgs args) throws ErrnoException {
        long timeout = args.address(4);
        long deadlineNs = timeout == 0 ? dev.caisson.spi.wait.Blocker.FOREVER : timeval(task, timeout);
        return finish(task, args, timeout, Timespec.TIMEVAL, deadlineNs);
    }

    /** Microseconds of a second and more are carried over, as Linux does for select(2) only. */
    private static long timeval(Task task, long address) throws ErrnoException {
        Timespec raw = task.memory().read(address, Timespec.CODEC);
        Timespec time = new Timespec(raw.seconds() + raw.nanoseconds() / 1_000_000, raw.nanoseconds() % 1_000_000 * 1000);
        if (!time.isValid()) {
            throw EINVAL.error();
        }
        return Timeouts.deadlineAfter(time.toNanos());
    }

    /** pselect6(2): the last argument points to the address and size of a signal mask. */
    public static long pselect6(Task task, SyscallArgs args) throws ErrnoException {
        long timeout = args.address(4);
        long pair = args.address(5);
        long mask = 0;
        long maskBytes = 0;
        if (pair != 0) {
            mask = task.memory().readLong(pair);
            maskBytes = task.memory().readLong(pair + 8);
        }
        long deadlineNs = Timeouts.deadline(task, timeout, Timespec.CODEC);
        Timeouts.suspend(task, mask, maskBytes);
        return finish(task, args, timeout, Timespec.CODEC, deadlineNs);
    }

    private static long finish(Task task, SyscallArgs args, long timeout, StructCodec<Timespec> codec, long deadlineNs)
            throws ErrnoException {
        int count = args.i32(0);
        long in = args.address(1);
        long out = args.address(2);
        long exceptions = args.address(3);
        return Timeouts.finish(task, timeout, codec, deadlineNs, () -> select(task, count, in, out, exceptions, deadlineNs));
    }

    private static int select(Task task, int wantedCount, long in, long out, long exceptions, long deadlineNs) throws ErrnoException {
        if (wantedCount < 0) {
            throw EINVAL.error();
        }
        int count = Math.min(wantedCount, task.fds().capacity()); // behind it nothing is looked at, read or written
        int words = count + 63 >> 6;
        long[] reads = words(task, in, words);
        long[] writes = words(task, out, words);
        long[] others = words(task, exceptions, words);
        PollSet set = new PollSet(8);
        for (int word = 0; word < words; word++) {
            long all = reads[word] | writes[word] | others[word];
            while (all != 0) {
                long bit = Long.lowestOneBit(all);
                all ^= bit;
                int fd = (word << 6) + Long.numberOfTrailingZeros(bit);
                if (fd >= count) {
                    break;
                }
                if (task.fds().peek(fd) == null && !task.fds().isTaken(fd)) {
                    throw EBADF.error();
                }
                set.add(fd, ((reads[word] & bit) != 0 ? READ : 0) | ((writes[word] & bit) != 0 ? WRITE : 0)
                        | ((others[word] & bit) != 0 ? EXCEPTION : 0));
            }
        }
        set.await(task, deadlineNs);
        return store(task, set, words, new long[] {in, out, exceptions}, reads, writes, others);
    }

    private static int store(Task task, PollSet set, int words, long[] addresses, long[] reads, long[] writes, long[] others)
            throws ErrnoException {
        long[][] results = new long[3][words];
        int bits = 0;
        for (int i = 0; i < set.count(); i++) {
            int fd = set.fd(i);
            int word = fd >> 6;
            long bit = 1L << fd;
            int found = (set.found(i) & POLLNVAL) != 0 ? READ | WRITE | EXCEPTION : set.found(i); // closed meanwhile: let the guest find out
            if ((found & READ) != 0 && (reads[word] & bit) != 0) {
                results[0][word] |= bit;
                bits++;
            }
            if ((found & WRITE) != 0 && (writes[word] & bit) != 0) {
                results[1][word] |= bit;
                bits++;
            }
            if ((found & EXCEPTION) != 0 && (others[word] & bit) != 0) {
                results[2][word] |= bit;
                bits++;
            }
        }
        for (int i = 0; i < results.length; i++) {
            if (addresses[i] != 0 && words > 0) {
                MemorySegment bytes = MemorySegment.ofArray(new byte[words * 8]);
                for (int word = 0; word < words; word++) {
                    bytes.set(U64, word * 8L, results[i][word]);
                }
                task.memory().copyOut(addresses[i], bytes, 0, words * 8L);
            }
        }
        return bits;
    }

    private static long[] words(Task task, long address, int words) throws ErrnoException {
        long[] set = new long[words];
        if (address != 0 && words > 0) {
            MemorySegment bytes = MemorySegment.ofArray(new byte[words * 8]);
            task.memory().copyIn(address, bytes, 0, words * 8L);
            for (int word = 0; word < words; word++) {
                set[word] = bytes.get(U64, word * 8L);
            }
        }
        return set;
    }
}
