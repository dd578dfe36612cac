package dev.caisson.platform.kvm;

import dev.caisson.abi.ErrnoException;
import java.util.Arrays;

/**
 * The processors of a machine. A context has one only while it runs guest code; with more of them running than there are processors, one
 * that waits makes the one that has run longest give way.
 */
final class ProcessorPool {
    /** How long a context runs while others wait. */
    private static final long SLICE_MS = 4;

    private final Machine machine;
    private final int limit;
    /** Replaced under the lock of this when one is added. */
    private volatile Processor[] processors = {};
    private volatile int waiters;
    private int nextVictim;
    private int nextNumber;

    ProcessorPool(Machine machine, int limit) {
        this.machine = machine;
        this.limit = limit;
    }

    /**
     * Takes a processor for a context, the one that has its state if possible.
     *
     * @param home which may have its state, or null
     * @return a processor that nobody else uses until {@link #giveBack}
     * @throws ErrnoException EAGAIN or ENOMEM when the host has none
     */
    Processor take(Processor home) throws ErrnoException {
        if (home != null && home.machine() == machine && waiters == 0 && home.tryTake()) {
            return home;
        }
        return takeAny();
    }

    private Processor takeAny() throws ErrnoException {
        Processor free = waiters == 0 ? findFree() : null;
        if (free != null) {
            return free;
        }
        synchronized (this) {
            waiters++;
            try {
                while (true) {
                    free = findFree();
                    if (free != null) {
                        return free;
                    }
                    if (processors.length < limit) {
                        return add();
                    }
                    waitForOne();
                }
            } finally {
                waiters--;
            }
        }
    }

    /** Waits for a processor to come back, and asks one to. Callers hold the lock. */
    private void waitForOne() {
        boolean interrupted = false;
        try {
            wait(SLICE_MS);
        } catch (InterruptedException e) {
            interrupted = true; // not a way to end a guest
        }
        Processor[] all = processors;
        nextVictim = (nextVictim + 1) % all.length;
        all[nextVictim].kick();
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Prefers one whose state belongs to nobody. */
    private Processor findFree() {
        Processor[] all = processors;
        for (Processor processor : all) {
            if (processor.owner() == null && processor.tryTake()) {
                return processor;
            }
        }
        for (Processor processor : all) {
            if (processor.tryTake()) {
                return processor;
            }
        }
        return null;
    }

    private Processor add() throws ErrnoException {
        Processor added = new Processor(machine, nextNumber);
        nextNumber++;
        Processor[] all = Arrays.copyOf(processors, processors.length + 1);
        all[all.length - 1] = added;
        processors = all;
        return added;
    }

    /** Gives a processor back. */
    void giveBack(Processor processor) {
        processor.giveBack();
        if (waiters != 0) {
            synchronized (this) {
                notify();
            }
        }
    }

    /** {@return whether somebody waits for a processor} */
    boolean isWanted() {
        return waiters != 0;
    }

    /** Makes sure that no companion is in a space; no task runs there. */
    void leave(KvmAddressSpace space) {
        for (Processor processor : processors) {
            if (processor.isIn(space)) {
                processor.bringOut();
            }
        }
    }

    void close() {
        for (Processor processor : processors) {
            processor.close();
        }
    }
}
