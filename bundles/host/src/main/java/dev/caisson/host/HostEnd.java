package dev.caisson.host;

import dev.caisson.abi.Layouts;
import dev.caisson.host.raw.HostCalls;
import dev.caisson.host.raw.SyscallNumber;
import java.lang.foreign.MemorySegment;

/** Ends this process as another one ended, for whoever waits for this one in its place. */
public final class HostEnd {
    private static final int RLIMIT_CORE = 4;
    private static final int SIG_SETMASK = 2;
    /** {@code struct sigaction} of the system call: handler, flags, restorer, mask, 8 bytes each. */
    private static final int ACTION_BYTES = 32;
    private static final int SIGNALED = 128;

    private HostEnd() {}

    /**
     * Ends the process with the status that wait(2) told of another one. Nothing of Java's runs any more. Does not return.
     *
     * @param waitStatus exit code times 256, or the number of the signal; a core dump is not repeated
     */
    public static void as(int waitStatus) {
        int signal = waitStatus & 0x7f;
        if (signal != 0) {
            dieOf(signal);
        }
        // A signal that ends nobody: what a shell would say.
        HostCalls.call(SyscallNumber.EXIT_GROUP, signal == 0 ? waitStatus >>> 8 & 0xff : SIGNALED + signal);
    }

    private static void dieOf(int signal) {
        Scratch scratch = Scratch.mine();
        MemorySegment structure = scratch.structure();
        structure.asSlice(0, ACTION_BYTES).fill((byte) 0); // no core file, SIG_DFL, an empty mask: all are zeros
        HostCalls.call(SyscallNumber.PRLIMIT64, 0, RLIMIT_CORE, scratch.structureAddress(), 0);
        HostCalls.call(SyscallNumber.RT_SIGACTION, signal, scratch.structureAddress(), 0, Long.BYTES);
        HostCalls.call(SyscallNumber.KILL, HostCalls.call(SyscallNumber.GETPID), signal);
        // Only this thread takes signals, so it is pending here; with it, others that came before may be.
        structure.set(Layouts.U64, 0, ~(1L << signal - 1));
        HostCalls.call(SyscallNumber.RT_SIGPROCMASK, SIG_SETMASK, scratch.structureAddress(), 0, Long.BYTES);
    }
}
