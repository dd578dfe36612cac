package dev.caisson.testing.bench;

import com.sun.management.ThreadMXBean;
import dev.caisson.kernel.Task;
import dev.caisson.spi.platform.Registers;
import java.lang.management.ManagementFactory;

/** The same few calls again and again; a signal that is delivered is answered by rt_sigreturn(2). Measures itself. */
final class Cycle implements Script {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final int RT_SIGRETURN = 15;

    private final Call[] calls;
    private final long iterations;
    private int at = -1;
    private long done;
    private long beganNs;
    private long beganBytes;
    private long elapsedNs;
    private long allocatedBytes;

    Cycle(long iterations, Call... calls) {
        this.calls = calls;
        this.iterations = iterations;
    }

    /** {@return the processor time of one round, in nanoseconds} */
    double roundNs() {
        return (double) elapsedNs / iterations;
    }

    /** {@return what one round allocated on the Java heap, in bytes} */
    double roundBytes() {
        return (double) allocatedBytes / iterations;
    }

    @Override
    public boolean next(Task task, Registers registers) {
        if (registers.rip() == Guest.HANDLER) {
            registers.rsp(registers.rsp() + Long.BYTES); // the handler's return to the restorer
            registers.rip(Guest.CODE);
            registers.origRax(RT_SIGRETURN);
            return true;
        }
        if (at < 0) {
            beganBytes = THREADS.getCurrentThreadAllocatedBytes();
            beganNs = THREADS.getCurrentThreadCpuTime();
            at = 0;
        } else {
            calls[at].check(registers.rax());
            if (++at == calls.length) {
                at = 0;
                if (++done == iterations) {
                    elapsedNs = THREADS.getCurrentThreadCpuTime() - beganNs;
                    allocatedBytes = THREADS.getCurrentThreadAllocatedBytes() - beganBytes;
                    return false;
                }
            }
        }
        calls[at].issue(registers);
        return true;
    }
}
