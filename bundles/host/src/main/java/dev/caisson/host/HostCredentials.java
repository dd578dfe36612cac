package dev.caisson.host;

import dev.caisson.abi.Layouts;
import dev.caisson.host.raw.HostCalls;
import dev.caisson.host.raw.SyscallNumber;

/**
 * Credentials of the <em>calling thread</em>: unlike the C library's functions, these change no other thread of the process. A
 * thread that is started later has those of the thread that started it.
 */
public final class HostCredentials {
    private static final int CAPABILITY_VERSION_3 = 0x20080522;
    private static final int PR_CAPBSET_DROP = 24;
    private static final int MOST_GROUPS = 512;

    private HostCredentials() {}

    /** {@return the effective user id} */
    public static int effectiveUser() {
        return (int) HostCalls.call(SyscallNumber.GETEUID);
    }

    /** {@return the effective group id} */
    public static int effectiveGroup() {
        return (int) HostCalls.call(SyscallNumber.GETEGID);
    }

    /**
     * setfsuid(2). From 0 to another user, the thread's file capabilities stop being effective; back at 0 they are again.
     *
     * @param user user id for access to files
     */
    public static void setFileUser(int user) {
        HostCalls.call(SyscallNumber.SETFSUID, user & 0xffff_ffffL);
    }

    /**
     * setfsgid(2).
     *
     * @param group group id for access to files
     */
    public static void setFileGroup(int group) {
        HostCalls.call(SyscallNumber.SETFSGID, group & 0xffff_ffffL);
    }

    /**
     * setgroups(2).
     *
     * @param groups supplementary group ids, at most 512
     * @return 0 or a negated error number
     */
    public static long setGroups(int[] groups) {
        Scratch scratch = Scratch.mine();
        int count = Math.min(groups.length, MOST_GROUPS);
        for (int i = 0; i < count; i++) {
            scratch.structure().set(Layouts.U32, 4L * i, groups[i]);
        }
        return HostCalls.call(SyscallNumber.SETGROUPS, count, scratch.structureAddress());
    }

    /**
     * capget(2): the effective capabilities.
     *
     * @return bit n stands for capability n
     */
    public static long effectiveCapabilities() {
        return capabilities(0);
    }

    /**
     * capget(2): the permitted capabilities.
     *
     * @return bit n stands for capability n
     */
    public static long permittedCapabilities() {
        return capabilities(4);
    }

    private static long capabilities(int at) {
        Scratch scratch = Scratch.mine();
        long address = header(scratch);
        if (HostCalls.call(SyscallNumber.CAPGET, address, address + 16) < 0) {
            return 0;
        }
        return scratch.structure().get(Layouts.U32, 16 + at) & 0xffff_ffffL
            | (long) scratch.structure().get(Layouts.U32, 28 + at) << 32;
    }

    /**
     * capset(2): keeps these as permitted and effective ones, and none as inheritable.
     *
     * @param mask bit n stands for capability n; those that are not permitted now are EPERM
     * @return 0 or a negated error number
     */
    public static long keepCapabilities(long mask) {
        Scratch scratch = Scratch.mine();
        long address = header(scratch);
        for (int half = 0; half < 2; half++) {
            int bits = (int) (mask >>> 32 * half);
            scratch.structure().set(Layouts.U32, 16 + 12L * half, bits); // effective
            scratch.structure().set(Layouts.U32, 20 + 12L * half, bits); // permitted
            scratch.structure().set(Layouts.U32, 24 + 12L * half, 0); // inheritable
        }
        return HostCalls.call(SyscallNumber.CAPSET, address, address + 16);
    }

    /**
     * prctl(2), PR_CAPBSET_DROP: no program that this thread becomes will have the capability.
     *
     * @param capability its number
     * @return 0 or a negated error number; EINVAL for one that the host does not know
     */
    public static long dropFromBoundingSet(int capability) {
        return HostCalls.call(SyscallNumber.PRCTL, PR_CAPBSET_DROP, capability, 0, 0, 0);
    }

    private static long header(Scratch scratch) {
        scratch.structure().set(Layouts.U32, 0, CAPABILITY_VERSION_3);
        scratch.structure().set(Layouts.U32, 4, 0); // the calling thread
        return scratch.structureAddress();
    }
}
