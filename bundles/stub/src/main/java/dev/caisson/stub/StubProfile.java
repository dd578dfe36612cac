package dev.caisson.stub;

import dev.caisson.abi.ErrnoException;
import dev.caisson.host.code.Assembler;
import dev.caisson.host.code.SeccompProgram;
import java.lang.foreign.MemorySegment;

/** What is different about the stub processes of a platform. */
public interface StubProfile {
    /** What a platform keeps for one process beside its control page. */
    interface Attachment {
        /** The process is gone: nothing of it runs or maps anything any more. */
        void release();

        /**
         * Begins to take the process's threads away from the guest, whose memory is no longer mapped. Never blocks for long.
         *
         * @param process the process
         * @return whether the process may be used again once {@link #endWithdrawal} says so; else it is to be ended
         */
        default boolean beginWithdrawal(StubProcess process) {
            return true;
        }

        /**
         * Waits until no thread of the process runs what the guest wanted, and removes what the guest left here.
         *
         * @param process the process
         * @return whether that is so; else the process is to be ended
         */
        default boolean endWithdrawal(StubProcess process) {
            return true;
        }

        /** {@return whether {@link #endWithdrawal} would not have to wait} */
        default boolean isWithdrawn() {
            return true;
        }
    }

    /** {@return descriptors of the JVM that stub processes have from {@link StubCode#FIRST_EXTRA_FD} on} */
    default int[] descriptors() {
        return new int[0];
    }

    /**
     * Makes what a new process needs, and says so in its control page.
     *
     * @param page the page, which nobody looks at yet
     * @return it, or null
     * @throws ErrnoException when there is no room for one more
     */
    default Attachment attach(MemorySegment page) throws ErrnoException {
        return null;
    }

    /**
     * Code of a new process, before its control thread takes orders. {@code rbp} is the address of the control page; all
     * registers but {@code rbp} and {@code r15} may be used, and a failure jumps to {@link StubCode#die}.
     *
     * @param stub the code so far
     * @param code where to append
     */
    default void assembleStart(StubCode stub, Assembler code) {}

    /**
     * Code of a new thread, which never comes back. {@code rsp} is what the order that made the thread said.
     *
     * @param stub the code so far
     * @param code where to append
     */
    void assembleThread(StubCode stub, Assembler code);

    /**
     * The stack pointer of a process's first thread.
     *
     * @param attachment of that process
     * @return the address, or 0
     */
    default long firstStack(Attachment attachment) {
        return 0;
    }

    /**
     * Prepares a new zygote, by orders to its control thread, before its filter is installed. What the calls point at goes to
     * {@link ControlPages#DATA}.
     *
     * @param process the zygote
     * @return 0 or a negated error number
     */
    default long prepareZygote(StubProcess process) {
        return 0;
    }

    /** {@return the filter of control threads, which threads inherit} */
    SeccompProgram controlFilter();

    /** {@return a name for Java threads} */
    String name();
}
