package dev.caisson.kernel;

import dev.caisson.abi.Capability;
import dev.caisson.spi.cred.Credentials;

/** Credentials under change; with the effects that a change of user has on capabilities, capabilities(7). */
public final class CredentialEdit {
    /** User 0 gets no capabilities by itself. */
    public static final int SECBIT_NOROOT = 1;
    /** Changes of user leave capabilities alone. */
    public static final int SECBIT_NO_SETUID_FIXUP = 4;
    /** Permitted capabilities stay when the last user id 0 goes. */
    public static final int SECBIT_KEEP_CAPS = 16;
    /** PR_CAP_AMBIENT_RAISE is refused. */
    public static final int SECBIT_NO_CAP_AMBIENT_RAISE = 64;
    /** All bits, with those that lock others. */
    public static final int SECBITS = 0xff;

    /** CAP_FS_MASK: what fsuid 0 is worth. */
    private static final long FILE_CAPABILITIES = 1L << Capability.CAP_CHOWN | 1L << Capability.CAP_DAC_OVERRIDE
            | 1L << Capability.CAP_DAC_READ_SEARCH | 1L << Capability.CAP_FOWNER | 1L << Capability.CAP_FSETID
            | 1L << Capability.CAP_LINUX_IMMUTABLE | 1L << Capability.CAP_MKNOD | 1L << Capability.CAP_MAC_OVERRIDE;

    private final Credentials old;
    /** Real user. */
    public int uid;
    /** Effective user. */
    public int euid;
    /** Saved set-user-ID. */
    public int suid;
    /** User for file access. */
    public int fsuid;
    /** Real group. */
    public int gid;
    /** Effective group. */
    public int egid;
    /** Saved set-group-ID. */
    public int sgid;
    /** Group for file access. */
    public int fsgid;
    /** Supplementary groups; the array is not written to afterwards. */
    public int[] groups;
    /** Permitted capabilities. */
    public long permitted;
    /** Effective capabilities. */
    public long effective;
    /** Inheritable capabilities. */
    public long inheritable;
    /** Bounding set. */
    public long bounding;
    /** Ambient set. */
    public long ambient;
    /** {@code SECBIT_*}. */
    public int securebits;

    /**
     * Starts from credentials.
     *
     * @param old the credentials
     */
    public CredentialEdit(Credentials old) {
        this.old = old;
        uid = old.uid();
        euid = old.euid();
        suid = old.suid();
        fsuid = old.fsuid();
        gid = old.gid();
        egid = old.egid();
        sgid = old.sgid();
        fsgid = old.fsgid();
        groups = old.groups();
        permitted = old.permitted();
        effective = old.effective();
        inheritable = old.inheritable();
        bounding = old.bounding();
        ambient = old.ambient();
        securebits = old.securebits();
    }

    /** {@return the result, as it is} */
    public Credentials build() {
        return new Credentials(uid, euid, suid, fsuid, gid, egid, sgid, fsgid, groups, permitted, effective, inheritable, bounding,
                ambient, securebits);
    }

    /** {@return the result after setuid(2), setreuid(2) or setresuid(2): cap_task_fix_setuid of Linux} */
    public Credentials afterUserChange() {
        if ((securebits & SECBIT_NO_SETUID_FIXUP) == 0) {
            boolean wasRoot = old.uid() == 0 || old.euid() == 0 || old.suid() == 0;
            if (wasRoot && uid != 0 && euid != 0 && suid != 0) {
                if ((securebits & SECBIT_KEEP_CAPS) == 0) {
                    permitted = 0;
                    effective = 0;
                }
                ambient = 0;
            }
            if (old.euid() == 0 && euid != 0) {
                effective = 0;
            }
            if (old.euid() != 0 && euid == 0) {
                effective = permitted;
            }
        }
        return build();
    }

    /** {@return the result after setfsuid(2)} */
    public Credentials afterFileUserChange() {
        if ((securebits & SECBIT_NO_SETUID_FIXUP) == 0) {
            if (old.fsuid() == 0 && fsuid != 0) {
                effective &= ~FILE_CAPABILITIES;
            }
            if (old.fsuid() != 0 && fsuid == 0) {
                effective |= permitted & FILE_CAPABILITIES;
            }
        }
        return build();
    }

    /**
     * Gives a task changed credentials, with what else that changes (Linux: commit_creds): a process with other rights than before can
     * no longer be looked into, and its parent's death no longer signals it.
     *
     * @param task the calling task
     * @param next its new credentials
     */
    public static void commit(Task task, Credentials next) {
        Credentials before = task.credentials();
        if (before.euid() != next.euid() || before.egid() != next.egid() || before.fsuid() != next.fsuid()
                || before.fsgid() != next.fsgid() || (next.permitted() & ~before.permitted()) != 0) {
            task.memory().layout().dumpable = 0;
            task.parentDeathSignal(0);
        }
        task.credentials(next);
    }
}
