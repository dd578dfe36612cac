package dev.caisson.host;

import dev.caisson.abi.Layouts;
import dev.caisson.host.raw.HostCalls;
import dev.caisson.host.raw.SyscallNumber;
import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;

/** Which processors threads run on. A new Java thread inherits the mask of the one that starts it. */
public final class HostScheduler {
    private static final int MASK_BYTES = 128;

    private HostScheduler() {}

    /**
     * The processors that this process may use, as the mask of its first thread says.
     *
     * @return processor numbers, ascending; [0] if the host does not tell
     */
    public static int[] processors() {
        Scratch scratch = Scratch.mine();
        scratch.structure().fill((byte) 0);
        long bytes = HostCalls.call(SyscallNumber.SCHED_GETAFFINITY, HostProcess.processId(), MASK_BYTES, scratch.structureAddress());
        if (bytes <= 0) {
            return new int[] {0};
        }
        MemorySegment mask = scratch.structure();
        return IntStream.range(0, (int) bytes * 8)
            .filter(cpu -> (mask.get(Layouts.U8, cpu >> 3) & 1 << (cpu & 7)) != 0).toArray();
    }

    /**
     * Lets a thread run on one processor only (sched_setaffinity(2)).
     *
     * @param thread thread id, 0 for the caller; any thread of a process of the same user
     * @param processor processor number, below 1024
     * @return 0 or a negated error number
     */
    public static long pin(int thread, int processor) {
        Scratch scratch = Scratch.mine();
        MemorySegment mask = scratch.structure();
        mask.asSlice(0, MASK_BYTES).fill((byte) 0);
        mask.set(Layouts.U8, processor >> 3, (byte) (1 << (processor & 7)));
        return HostCalls.call(SyscallNumber.SCHED_SETAFFINITY, thread, MASK_BYTES, scratch.structureAddress());
    }

    /**
     * Lets a thread run on several processors.
     *
     * @param thread thread id, 0 for the caller
     * @param processors processor numbers, below 1024
     * @return 0 or a negated error number
     */
    public static long pin(int thread, int[] processors) {
        Scratch scratch = Scratch.mine();
        MemorySegment mask = scratch.structure();
        mask.asSlice(0, MASK_BYTES).fill((byte) 0);
        for (int cpu : processors) {
            mask.set(Layouts.U8, cpu >> 3, (byte) (mask.get(Layouts.U8, cpu >> 3) | 1 << (cpu & 7)));
        }
        return HostCalls.call(SyscallNumber.SCHED_SETAFFINITY, thread, MASK_BYTES, scratch.structureAddress());
    }

    /**
     * getcpu(2).
     *
     * @return the processor the caller runs on, which may change at once
     */
    public static int currentProcessor() {
        Scratch scratch = Scratch.mine();
        long result = HostCalls.call(SyscallNumber.GETCPU, scratch.structureAddress(), 0, 0);
        return result < 0 ? 0 : scratch.structure().get(Layouts.U32, 0);
    }

    /**
     * sched_yield(2).
     *
     * @return 0 or a negated error number
     */
    public static long yield() {
        return HostCalls.call(SyscallNumber.SCHED_YIELD);
    }
}
