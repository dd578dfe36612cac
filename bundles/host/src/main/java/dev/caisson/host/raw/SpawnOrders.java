package dev.caisson.host.raw;

import dev.caisson.abi.Layouts;
import dev.caisson.host.code.OrderList;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * System calls that a spawned child makes before it becomes another program; the last one is execveat(2). The first that fails
 * ends the child with the error number as its exit status.
 */
public final class SpawnOrders {
    private static final int ORDER_BYTES = OrderList.ORDER_BYTES;
    private static final int MAX_ORDERS = 63;

    private static final int SIG_BLOCK = 0, SIG_SETMASK = 2;
    /** Every signal but SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV. */
    private static final long MASKED = ~(1L << 3 | 1L << 4 | 1L << 6 | 1L << 7 | 1L << 10);

    private final MemorySegment list;
    /** Two masks of signals: the one to set, and the one before. */
    private final MemorySegment masks;
    private int count;

    /**
     * Makes an empty list.
     *
     * @param arena what the list lives as long as
     */
    public SpawnOrders(Arena arena) {
        masks = arena.allocate(2 * Long.BYTES, Long.BYTES);
        list = arena.allocate((MAX_ORDERS + 1) * (long) ORDER_BYTES, 8);
    }

    /**
     * Appends a call.
     *
     * @param number number of the call
     * @param arguments up to six
     * @return this
     */
    public SpawnOrders add(long number, long... arguments) {
        if (count == MAX_ORDERS || arguments.length > 6) {
            throw new IllegalArgumentException("too many orders or arguments");
        }
        long at = (long) count++ * ORDER_BYTES;
        list.set(Layouts.U64, at, number);
        for (int i = 0; i < arguments.length; i++) {
            list.set(Layouts.U64, at + 8 * (i + 1L), arguments[i]);
        }
        // Whatever follows the last order: exit(127), should execveat ever return 0.
        list.set(Layouts.U64, at + ORDER_BYTES, SyscallNumber.EXIT);
        list.set(Layouts.U64, at + ORDER_BYTES + 8, 127);
        return this;
    }

    /**
     * Runs the list in a new process that shares memory with this one until its execveat (clone(2) with CLONE_VM and
     * CLONE_VFORK). The caller blocks all signals that have handlers first: a handler would run in the child.
     *
     * @param exitSignal signal for the parent when the child ends; with 0 it must be waited for with {@code __WALL}
     * @return process id or negated error number
     */
    public long spawn(int exitSignal) {
        return NativeCode.spawn(0x100 /* CLONE_VM */ | 0x4000 /* CLONE_VFORK */ | exitSignal, list.address());
    }

    /**
     * As {@link #spawn}, with all signals blocked meanwhile but those that a Java thread may not block. The child starts with them blocked, unless
     * its list says otherwise.
     *
     * @param exitSignal as above, and further flags of clone(2)
     * @return process id or negated error number
     */
    public long spawnMasked(int exitSignal) {
        masks.set(Layouts.U64, 0, MASKED);
        HostCalls.call(SyscallNumber.RT_SIGPROCMASK, SIG_BLOCK, masks.address(), masks.address() + Long.BYTES, Long.BYTES);
        try {
            return spawn(exitSignal);
        } finally {
            HostCalls.call(SyscallNumber.RT_SIGPROCMASK, SIG_SETMASK, masks.address() + Long.BYTES, 0, Long.BYTES);
        }
    }
}
