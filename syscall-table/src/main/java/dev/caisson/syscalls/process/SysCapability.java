package dev.caisson.syscalls.process;

import static dev.caisson.abi.Capability.CAP_SETPCAP;
import static dev.caisson.abi.Capability._LINUX_CAPABILITY_VERSION_1;
import static dev.caisson.abi.Capability._LINUX_CAPABILITY_VERSION_2;
import static dev.caisson.abi.Capability._LINUX_CAPABILITY_VERSION_3;
import static dev.caisson.abi.Errno.EFAULT;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.ESRCH;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.kernel.CredentialEdit;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.spi.cred.Credentials;
import java.lang.foreign.MemorySegment;

/**
 * capget(2), capset(2). The header is version[4] pid[4]; the data, once for version 1 and twice for the others, is effective[4]
 * permitted[4] inheritable[4], low halves first.
 */
public final class SysCapability {
    private static final int ENTRY_BYTES = 12;

    private SysCapability() {}

    /** How many entries the header's version has; an unknown one is answered with the version we prefer. */
    private static int entries(Task task, long header) throws ErrnoException {
        switch (task.memory().readInt(header)) {
            case _LINUX_CAPABILITY_VERSION_1 -> {
                return 1;
            }
            case _LINUX_CAPABILITY_VERSION_2, _LINUX_CAPABILITY_VERSION_3 -> {
                return 2;
            }
            default -> {
                task.memory().writeInt(header, _LINUX_CAPABILITY_VERSION_3);
                return 0;
            }
        }
    }

    /** capget(2). */
    public static long capget(Task task, SyscallArgs args) throws ErrnoException {
        long header = args.address(0);
        long data = args.address(1);
        int entries = entries(task, header);
        if (entries == 0) {
            if (data == 0) {
                return 0;
            }
            throw EINVAL.error();
        }
        int pid = task.memory().readInt(header + 4);
        if (pid < 0) {
            throw EINVAL.error();
        }
        Task target = pid == 0 ? task : task.pidNamespace().task(pid);
        if (target == null) {
            throw ESRCH.error();
        }
        if (data == 0) {
            return 0;
        }
        Credentials credentials = target.credentials();
        MemorySegment out = task.scratch();
        for (int i = 0; i < entries; i++) {
            long at = (long) i * ENTRY_BYTES;
            out.set(Layouts.U32, at, (int) (credentials.effective() >>> 32 * i));
            out.set(Layouts.U32, at + 4, (int) (credentials.permitted() >>> 32 * i));
            out.set(Layouts.U32, at + 8, (int) (credentials.inheritable() >>> 32 * i));
        }
        task.memory().copyOut(data, out, 0, (long) entries * ENTRY_BYTES);
        return 0;
    }

    /** capset(2). */
    public static long capset(Task task, SyscallArgs args) throws ErrnoException {
        long header = args.address(0);
        int entries = entries(task, header);
        if (entries == 0) {
            throw EINVAL.error();
        }
        int pid = task.memory().readInt(header + 4);
        if (pid != 0 && pid != task.tid()) {
            throw EPERM.error();
        }
        if (args.address(1) == 0) {
            throw EFAULT.error();
        }
        MemorySegment in = task.scratch();
        task.memory().copyIn(args.address(1), in, 0, (long) entries * ENTRY_BYTES);
        long effective = 0;
        long permitted = 0;
        long inheritable = 0;
        for (int i = 0; i < entries; i++) {
            long at = (long) i * ENTRY_BYTES;
            effective |= Integer.toUnsignedLong(in.get(Layouts.U32, at)) << 32 * i;
            permitted |= Integer.toUnsignedLong(in.get(Layouts.U32, at + 4)) << 32 * i;
            inheritable |= Integer.toUnsignedLong(in.get(Layouts.U32, at + 8)) << 32 * i;
        }
        effective &= Credentials.ALL_CAPABILITIES;
        permitted &= Credentials.ALL_CAPABILITIES;
        inheritable &= Credentials.ALL_CAPABILITIES;
        Credentials old = task.credentials();
        if (!old.has(CAP_SETPCAP) && (inheritable & ~(old.inheritable() | old.permitted())) != 0
                || (inheritable & ~(old.inheritable() | old.bounding())) != 0
                || (permitted & ~old.permitted()) != 0 || (effective & ~permitted) != 0) {
            throw EPERM.error();
        }
        CredentialEdit edit = new CredentialEdit(old);
        edit.effective = effective;
        edit.permitted = permitted;
        edit.inheritable = inheritable;
        edit.ambient &= permitted & inheritable;
        CredentialEdit.commit(task, edit.build());
        return 0;
    }
}
