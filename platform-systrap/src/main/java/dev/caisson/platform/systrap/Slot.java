package dev.caisson.platform.systrap;

import dev.caisson.host.HostFutex;
import dev.caisson.host.HostScheduler;
import dev.caisson.host.HostSignal;
import dev.caisson.mailbox.Turn;
import dev.caisson.stub.GuestThread;
import java.lang.foreign.MemorySegment;

/** A slot and its stub thread, as one guest after the other has them. */
final class Slot implements GuestThread {
    private final MemorySegment memory;
    private final Turn turn;
    private final long address;
    private final int processId;
    private final int threadId;
    /** The processor the thread is bound to; negative for none. Guarded by this. */
    private int processor = -1;
    /** Guarded by this. */
    private boolean revoked;
    /** Address of the word at which the thread waits, withdrawn from the guest before; 0 for none. For who has the slot. */
    private long heldAt;

    /**
     * Makes it.
     *
     * @param memory the slot, which guest code may write at any time
     * @param address where it lies in the process
     * @param processId the process
     * @param threadId the stub thread
     */
    Slot(MemorySegment memory, long address, int processId, int threadId) {
        this.memory = memory;
        this.turn = new Turn(memory);
        this.address = address;
        this.processId = processId;
        this.threadId = threadId;
    }

    MemorySegment memory() {
        return memory;
    }

    /** {@return the kernel's half of its state word} */
    Turn turn() {
        return turn;
    }

    long address() {
        return address;
    }

    int threadId() {
        return threadId;
    }

    @Override
    public synchronized void pin(int number) {
        if (processor != number) {
            processor = number;
            HostScheduler.pin(threadId, number);
        }
    }

    /** {@return the processor the thread is bound to; negative for none} */
    synchronized int processor() {
        return processor;
    }

    /** Kicks the thread, if it is still this one's. */
    synchronized void kick() {
        if (!revoked) {
            HostSignal.kill(processId, threadId, StubWords.KICK);
        }
    }

    /** Whether the process has been taken from the guest: the slot is nobody's. */
    synchronized boolean isRevoked() {
        return revoked;
    }

    /**
     * Takes the thread from the guest, whatever it does; no kick follows.
     *
     * @param token that the thread shows when it has let go
     * @return whether the host passes the word
     */
    synchronized boolean revoke(long token) {
        revoked = true;
        return HostSignal.queue(processId, threadId, StubWords.WITHDRAW, token) == 0;
    }

    /**
     * The same slot for another guest.
     *
     * @param word where its thread waits until {@link #give} wakes it
     * @return the slot
     */
    synchronized Slot renewed(long word) {
        Slot fresh = new Slot(memory, address, processId, threadId);
        fresh.processor = processor;
        fresh.heldAt = word;
        return fresh;
    }

    /** Gives the turn to the thread. */
    void give() {
        turn.give();
        if (heldAt != 0) {
            HostFutex.wake(heldAt, Integer.MAX_VALUE); // other threads there look at their turns, and sleep on
            heldAt = 0;
        }
    }
}
