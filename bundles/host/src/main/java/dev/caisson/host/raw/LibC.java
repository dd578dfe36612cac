package dev.caisson.host.raw;

/**
 * The C library through jnr-ffi; public because jnr-ffi implements it in a class loader of its own. Sound because the callers of
 * {@link HostCalls} answer for every pointer they pass, and nothing here keeps one.
 */
public interface LibC {
    /**
     * syscall(2). The error number is in jnr-ffi's per-thread last error.
     *
     * @param number number of the call
     * @param a1 first argument
     * @param a2 second argument
     * @param a3 third argument
     * @param a4 fourth argument
     * @param a5 fifth argument
     * @param a6 sixth argument
     * @return the result, or -1
     */
    long syscall(long number, long a1, long a2, long a3, long a4, long a5, long a6);
}
