package dev.caisson.host.raw;

import dev.caisson.abi.Layouts;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * System calls that a spawned child makes before it becomes another program; the last one is execveat(2). The first that fails
 * ends the child with the error number as its exit status.
 */
public final class SpawnOrders {
    static final int ORDER_BYTES = 64;
    private static final int MAX_ORDERS = 63;

    private final MemorySegment list;
    private int count;

    /**
     * Makes an empty list.
     *
     * @param arena what the list lives as long as
     */
    public SpawnOrders(Arena arena) {
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
}
