package dev.caisson.host;

import dev.caisson.abi.Layouts;
import dev.caisson.host.raw.HostCalls;
import dev.caisson.host.raw.SyscallNumber;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;

/** The host as a whole. */
public final class HostSystem {
    private static final int SECCOMP_SET_MODE_FILTER = 1;

    private HostSystem() {}

    /**
     * A field of uname(2).
     *
     * @param field 0 sysname, 1 nodename, 2 release, 3 version, 4 machine, 5 domainname
     * @return its text
     */
    public static String name(int field) {
        Scratch scratch = Scratch.mine();
        HostCalls.call(SyscallNumber.UNAME, scratch.structureAddress());
        return scratch.structure().getString(field * 65L, StandardCharsets.ISO_8859_1);
    }

    /**
     * sysinfo(2).
     *
     * @param sysinfo address of 112 bytes for struct sysinfo
     * @return 0 or a negated error number
     */
    public static long information(long sysinfo) {
        return HostCalls.call(SyscallNumber.SYSINFO, sysinfo);
    }

    /**
     * getrandom(2).
     *
     * @param address native address
     * @param bytes how many
     * @param flags {@code GRND_*}
     * @return the number of bytes or a negated error number
     */
    public static long random(long address, long bytes, int flags) {
        return HostCalls.call(SyscallNumber.GETRANDOM, address, bytes, flags);
    }

    /**
     * clock_gettime(2) in nanoseconds.
     *
     * @param clock {@code CLOCK_*}
     * @return nanoseconds, or a negated error number
     */
    public static long clockNs(int clock) {
        Scratch scratch = Scratch.mine();
        long result = HostCalls.call(SyscallNumber.CLOCK_GETTIME, clock, scratch.structureAddress());
        MemorySegment time = scratch.structure();
        return result < 0 ? result : time.get(Layouts.U64, 0) * 1_000_000_000 + time.get(Layouts.U64, 8);
    }

    /**
     * Installs a seccomp filter on the calling thread, or on all threads of the process.
     *
     * @param flags {@code SECCOMP_FILTER_FLAG_*}; {@code TSYNC} is 1
     * @param program address of struct sock_fprog
     * @return 0, a thread id that could not be synchronised, or a negated error number
     */
    public static long seccompFilter(int flags, long program) {
        return HostCalls.call(SyscallNumber.SECCOMP, SECCOMP_SET_MODE_FILTER, flags, program);
    }
}
