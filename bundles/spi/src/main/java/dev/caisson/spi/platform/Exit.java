package dev.caisson.spi.platform;

/** Why guest code stopped running. */
public sealed interface Exit {
    /** The common reasons; they carry nothing. */
    enum Plain implements Exit {
        /**
         * The guest executed {@code syscall}. The number is in {@code orig_rax}, {@code rip} is behind the instruction, and
         * {@code rcx} and {@code r11} may have been changed as the instruction does.
         */
        SYSCALL,
        /** {@link GuestContext#interrupt} was called; may be spurious. */
        INTERRUPTED
    }

    /**
     * A page fault that the kernel must resolve or turn into SIGSEGV or SIGBUS. One instance per context, valid until its
     * next {@link GuestContext#run}.
     */
    non-sealed class Fault implements Exit {
        private long address;
        private AccessType access = AccessType.UNKNOWN;
        private boolean mapped;

        /**
         * Sets the fault; for platforms.
         *
         * @param address the address
         * @param access what the guest wanted
         * @param mapped whether the platform had a mapping there
         * @return this
         */
        public Fault set(long address, AccessType access, boolean mapped) {
            this.address = address;
            this.access = access;
            this.mapped = mapped;
            return this;
        }

        /** {@return the guest address} */
        public long address() {
            return address;
        }

        /** {@return what the guest wanted; {@link AccessType#UNKNOWN} where the platform cannot tell} */
        public AccessType access() {
            return access;
        }

        /** {@return whether the platform had a mapping at the address whose rights did not suffice} */
        public boolean isMapped() {
            return mapped;
        }

        @Override
        public String toString() {
            return "Fault[" + access + " at " + Long.toHexString(address) + (mapped ? ", mapped]" : "]");
        }
    }

    /**
     * An exception of the processor other than a page fault, as Linux reports it: SIGFPE, SIGILL, SIGTRAP, SIGBUS, or
     * SIGSEGV without an address (general protection). {@code rip} is where Linux would have it in the signal frame.
     *
     * @param signal signal number
     * @param code {@code si_code}
     * @param address {@code si_addr}
     */
    record Signal(int signal, int code, long address) implements Exit {}
}
