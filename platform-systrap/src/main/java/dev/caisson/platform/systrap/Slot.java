package dev.caisson.platform.systrap;

import dev.caisson.mailbox.Turn;
import java.lang.foreign.MemorySegment;

/**
 * A slot and its stub thread.
 *
 * @param memory the slot, which guest code may write at any time
 * @param turn the kernel's half of its state word
 * @param address where it lies in the process
 * @param processId the process
 * @param threadId the stub thread
 */
record Slot(MemorySegment memory, Turn turn, long address, int processId, int threadId) {
    Slot(MemorySegment memory, long address, int processId, int threadId) {
        this(memory, new Turn(memory), address, processId, threadId);
    }
}
