package dev.caisson.syscalls.process;

import static dev.caisson.abi.Capability.CAP_SETGID;
import static dev.caisson.abi.Capability.CAP_SETUID;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EPERM;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.kernel.CredentialEdit;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.spi.cred.Credentials;
import java.lang.foreign.MemorySegment;

/** User and group ids, credentials(7). */
public final class SysUser {
    private static final int KEEP = -1;
    private static final int MOST_GROUPS = 65536;

    private SysUser() {}

    /** getuid(2). */
    public static long getuid(Task task, SyscallArgs args) {
        return Integer.toUnsignedLong(task.credentials().uid());
    }

    /** geteuid(2). */
    public static long geteuid(Task task, SyscallArgs args) {
        return Integer.toUnsignedLong(task.credentials().euid());
    }

    /** getgid(2). */
    public static long getgid(Task task, SyscallArgs args) {
        return Integer.toUnsignedLong(task.credentials().gid());
    }

    /** getegid(2). */
    public static long getegid(Task task, SyscallArgs args) {
        return Integer.toUnsignedLong(task.credentials().egid());
    }

    /** setuid(2). */
    public static long setuid(Task task, SyscallArgs args) throws ErrnoException {
        int uid = args.i32(0);
        if (uid == KEEP) {
            throw EINVAL.error();
        }
        Credentials old = task.credentials();
        CredentialEdit edit = new CredentialEdit(old);
        if (old.has(CAP_SETUID)) {
            edit.uid = uid;
            edit.suid = uid;
        } else if (uid != old.uid() && uid != old.suid()) {
            throw EPERM.error();
        }
        edit.euid = uid;
        edit.fsuid = uid;
        CredentialEdit.commit(task, edit.afterUserChange());
        return 0;
    }

    /** setgid(2). */
    public static long setgid(Task task, SyscallArgs args) throws ErrnoException {
        int gid = args.i32(0);
        if (gid == KEEP) {
            throw EINVAL.error();
        }
        Credentials old = task.credentials();
        CredentialEdit edit = new CredentialEdit(old);
        if (old.has(CAP_SETGID)) {
            edit.gid = gid;
            edit.sgid = gid;
        } else if (gid != old.gid() && gid != old.sgid()) {
            throw EPERM.error();
        }
        edit.egid = gid;
        edit.fsgid = gid;
        CredentialEdit.commit(task, edit.build());
        return 0;
    }

    /** setreuid(2). */
    public static long setreuid(Task task, SyscallArgs args) throws ErrnoException {
        int ruid = args.i32(0);
        int euid = args.i32(1);
        Credentials old = task.credentials();
        CredentialEdit edit = new CredentialEdit(old);
        if (ruid != KEEP) {
            edit.uid = ruid;
            if (old.uid() != ruid && old.euid() != ruid && !old.has(CAP_SETUID)) {
                throw EPERM.error();
            }
        }
        if (euid != KEEP) {
            edit.euid = euid;
            if (old.uid() != euid && old.euid() != euid && old.suid() != euid && !old.has(CAP_SETUID)) {
                throw EPERM.error();
            }
        }
        if (ruid != KEEP || euid != KEEP && euid != old.uid()) {
            edit.suid = edit.euid;
        }
        edit.fsuid = edit.euid;
        CredentialEdit.commit(task, edit.afterUserChange());
        return 0;
    }

    /** setregid(2). */
    public static long setregid(Task task, SyscallArgs args) throws ErrnoException {
        int rgid = args.i32(0);
        int egid = args.i32(1);
        Credentials old = task.credentials();
        CredentialEdit edit = new CredentialEdit(old);
        if (rgid != KEEP) {
            edit.gid = rgid;
            if (old.gid() != rgid && old.egid() != rgid && !old.has(CAP_SETGID)) {
                throw EPERM.error();
            }
        }
        if (egid != KEEP) {
            edit.egid = egid;
            if (old.gid() != egid && old.egid() != egid && old.sgid() != egid && !old.has(CAP_SETGID)) {
                throw EPERM.error();
            }
        }
        if (rgid != KEEP || egid != KEEP && egid != old.gid()) {
            edit.sgid = edit.egid;
        }
        edit.fsgid = edit.egid;
        CredentialEdit.commit(task, edit.build());
        return 0;
    }

    /** setresuid(2). */
    public static long setresuid(Task task, SyscallArgs args) throws ErrnoException {
        Credentials old = task.credentials();
        for (int i = 0; i < 3; i++) {
            int id = args.i32(i);
            if (id != KEEP && id != old.uid() && id != old.euid() && id != old.suid() && !old.has(CAP_SETUID)) {
                throw EPERM.error();
            }
        }
        CredentialEdit edit = new CredentialEdit(old);
        edit.uid = args.i32(0) != KEEP ? args.i32(0) : edit.uid;
        edit.euid = args.i32(1) != KEEP ? args.i32(1) : edit.euid;
        edit.suid = args.i32(2) != KEEP ? args.i32(2) : edit.suid;
        edit.fsuid = edit.euid;
        CredentialEdit.commit(task, edit.afterUserChange());
        return 0;
    }

    /** setresgid(2). */
    public static long setresgid(Task task, SyscallArgs args) throws ErrnoException {
        Credentials old = task.credentials();
        for (int i = 0; i < 3; i++) {
            int id = args.i32(i);
            if (id != KEEP && id != old.gid() && id != old.egid() && id != old.sgid() && !old.has(CAP_SETGID)) {
                throw EPERM.error();
            }
        }
        CredentialEdit edit = new CredentialEdit(old);
        edit.gid = args.i32(0) != KEEP ? args.i32(0) : edit.gid;
        edit.egid = args.i32(1) != KEEP ? args.i32(1) : edit.egid;
        edit.sgid = args.i32(2) != KEEP ? args.i32(2) : edit.sgid;
        edit.fsgid = edit.egid;
        CredentialEdit.commit(task, edit.build());
        return 0;
    }

    /** getresuid(2). */
    public static long getresuid(Task task, SyscallArgs args) throws ErrnoException {
        Credentials own = task.credentials();
        task.memory().writeInt(args.address(0), own.uid());
        task.memory().writeInt(args.address(1), own.euid());
        task.memory().writeInt(args.address(2), own.suid());
        return 0;
    }

    /** getresgid(2). */
    public static long getresgid(Task task, SyscallArgs args) throws ErrnoException {
        Credentials own = task.credentials();
        task.memory().writeInt(args.address(0), own.gid());
        task.memory().writeInt(args.address(1), own.egid());
        task.memory().writeInt(args.address(2), own.sgid());
        return 0;
    }

    /** setfsuid(2): never fails, tells the old one. */
    public static long setfsuid(Task task, SyscallArgs args) {
        int id = args.i32(0);
        Credentials old = task.credentials();
        if (id != KEEP && (id == old.uid() || id == old.euid() || id == old.suid() || id == old.fsuid() || old.has(CAP_SETUID))) {
            CredentialEdit edit = new CredentialEdit(old);
            edit.fsuid = id;
            CredentialEdit.commit(task, edit.afterFileUserChange());
        }
        return Integer.toUnsignedLong(old.fsuid());
    }

    /** setfsgid(2): never fails, tells the old one. */
    public static long setfsgid(Task task, SyscallArgs args) {
        int id = args.i32(0);
        Credentials old = task.credentials();
        if (id != KEEP && (id == old.gid() || id == old.egid() || id == old.sgid() || id == old.fsgid() || old.has(CAP_SETGID))) {
            CredentialEdit edit = new CredentialEdit(old);
            edit.fsgid = id;
            CredentialEdit.commit(task, edit.build());
        }
        return Integer.toUnsignedLong(old.fsgid());
    }

    /** getgroups(2). */
    public static long getgroups(Task task, SyscallArgs args) throws ErrnoException {
        int size = args.i32(0);
        int[] groups = task.credentials().groups();
        if (size < 0) {
            throw EINVAL.error();
        }
        if (size == 0) {
            return groups.length;
        }
        if (groups.length > size) {
            throw EINVAL.error();
        }
        task.memory().copyOut(args.address(1), MemorySegment.ofArray(groups));
        return groups.length;
    }

    /** setgroups(2). */
    public static long setgroups(Task task, SyscallArgs args) throws ErrnoException {
        int size = args.i32(0);
        if (!task.credentials().has(CAP_SETGID)) {
            throw EPERM.error();
        }
        if (Integer.compareUnsigned(size, MOST_GROUPS) > 0) {
            throw EINVAL.error();
        }
        MemorySegment bytes = MemorySegment.ofArray(new int[size]);
        task.memory().copyIn(args.address(1), bytes);
        int[] groups = new int[size];
        for (int i = 0; i < size; i++) {
            groups[i] = bytes.get(Layouts.U32, 4L * i);
            if (groups[i] == KEEP) {
                throw EINVAL.error();
            }
        }
        java.util.Arrays.sort(groups);
        CredentialEdit edit = new CredentialEdit(task.credentials());
        edit.groups = groups;
        CredentialEdit.commit(task, edit.build());
        return 0;
    }
}
