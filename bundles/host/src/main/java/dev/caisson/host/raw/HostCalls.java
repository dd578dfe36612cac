package dev.caisson.host.raw;

import jnr.ffi.LibraryLoader;
import jnr.ffi.Runtime;

/**
 * The system call instruction. Results are the kernel's: a value, or a negated error number from -4095 to -1. Whoever calls
 * answers for the memory behind each pointer. The property {@code caisson.host.binding=jnr} goes through jnr-ffi and the C
 * library instead of machine code of our own (for a host that forbids executable memory made at run time).
 */
public final class HostCalls {
    private static final boolean MACHINE_CODE = !"jnr".equals(System.getProperty("caisson.host.binding"));

    private HostCalls() {}

    /** Loaded only when it is wanted: jnr-ffi takes 100 ms to start. */
    private static final class Fallback {
        private static final LibC LIBC = LibraryLoader.create(LibC.class).load("c");
        private static final Runtime RUNTIME = Runtime.getRuntime(LIBC);

        private Fallback() {}

        static long call(long number, long a1, long a2, long a3, long a4, long a5, long a6) {
            long result = LIBC.syscall(number, a1, a2, a3, a4, a5, a6);
            return result == -1 ? -jnr.ffi.LastError.getLastError(RUNTIME) : result;
        }
    }

    /**
     * Makes a system call.
     *
     * @param number see {@link SyscallNumber}
     * @return its result
     */
    public static long call(long number) {
        return MACHINE_CODE ? NativeCode.call(number) : Fallback.call(number, 0, 0, 0, 0, 0, 0);
    }

    /**
     * Makes a system call.
     *
     * @param number see {@link SyscallNumber}
     * @param a1 first argument
     * @return its result
     */
    public static long call(long number, long a1) {
        return MACHINE_CODE ? NativeCode.call(number, a1) : Fallback.call(number, a1, 0, 0, 0, 0, 0);
    }

    /**
     * Makes a system call.
     *
     * @param number see {@link SyscallNumber}
     * @param a1 first argument
     * @param a2 second argument
     * @return its result
     */
    public static long call(long number, long a1, long a2) {
        return MACHINE_CODE ? NativeCode.call(number, a1, a2) : Fallback.call(number, a1, a2, 0, 0, 0, 0);
    }

    /**
     * Makes a system call.
     *
     * @param number see {@link SyscallNumber}
     * @param a1 first argument
     * @param a2 second argument
     * @param a3 third argument
     * @return its result
     */
    public static long call(long number, long a1, long a2, long a3) {
        return MACHINE_CODE ? NativeCode.call(number, a1, a2, a3) : Fallback.call(number, a1, a2, a3, 0, 0, 0);
    }

    /**
     * Makes a system call.
     *
     * @param number see {@link SyscallNumber}
     * @param a1 first argument
     * @param a2 second argument
     * @param a3 third argument
     * @param a4 fourth argument
     * @return its result
     */
    public static long call(long number, long a1, long a2, long a3, long a4) {
        return MACHINE_CODE ? NativeCode.call(number, a1, a2, a3, a4) : Fallback.call(number, a1, a2, a3, a4, 0, 0);
    }

    /**
     * Makes a system call.
     *
     * @param number see {@link SyscallNumber}
     * @param a1 first argument
     * @param a2 second argument
     * @param a3 third argument
     * @param a4 fourth argument
     * @param a5 fifth argument
     * @return its result
     */
    public static long call(long number, long a1, long a2, long a3, long a4, long a5) {
        return MACHINE_CODE
            ? NativeCode.call(number, a1, a2, a3, a4, a5) : Fallback.call(number, a1, a2, a3, a4, a5, 0);
    }

    /**
     * Makes a system call.
     *
     * @param number see {@link SyscallNumber}
     * @param a1 first argument
     * @param a2 second argument
     * @param a3 third argument
     * @param a4 fourth argument
     * @param a5 fifth argument
     * @param a6 sixth argument
     * @return its result
     */
    public static long call(long number, long a1, long a2, long a3, long a4, long a5, long a6) {
        return MACHINE_CODE
            ? NativeCode.call(number, a1, a2, a3, a4, a5, a6) : Fallback.call(number, a1, a2, a3, a4, a5, a6);
    }

    /** {@return the time stamp counter (not serialised against other instructions)} */
    public static long rdtsc() {
        return NativeCode.rdtsc();
    }

    /** {@return XCR0; only on a processor where CPUID says OSXSAVE} */
    public static long xcr0() {
        return NativeCode.xgetbv();
    }

    /**
     * Executes cpuid.
     *
     * @param leaf eax
     * @param subleaf ecx
     * @param out address of 16 bytes for eax, ebx, ecx, edx
     */
    public static void cpuid(int leaf, int subleaf, long out) {
        NativeCode.cpuid(leaf & 0xffff_ffffL, subleaf & 0xffff_ffffL, out);
    }
}
