package dev.caisson.syscalls.process;

import static dev.caisson.abi.Capability.CAP_LAST_CAP;
import static dev.caisson.abi.Capability.CAP_SETPCAP;
import static dev.caisson.abi.Errno.EFAULT;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENODEV;
import static dev.caisson.abi.Errno.ENXIO;
import static dev.caisson.abi.Errno.EPERM;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Prctl;
import dev.caisson.kernel.CredentialEdit;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.memory.AddressLayout;
import dev.caisson.spi.cred.Credentials;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;

/** prctl(2), arch_prctl(2). */
public final class SysPrctl {
    private static final int SIGNALS = 64;
    private static final int NAME_BYTES = 16;

    private SysPrctl() {}

    /** prctl(2). */
    public static long prctl(Task task, SyscallArgs args) throws ErrnoException {
        long value = args.value(1);
        switch (args.i32(0)) {
            case Prctl.PR_SET_PDEATHSIG -> {
                if (value < 0 || value > SIGNALS) {
                    throw EINVAL.error();
                }
                task.parentDeathSignal((int) value);
            }
            case Prctl.PR_GET_PDEATHSIG -> task.memory().writeInt(value, task.parentDeathSignal());
            case Prctl.PR_GET_DUMPABLE -> {
                return task.memory().layout().dumpable;
            }
            case Prctl.PR_SET_DUMPABLE -> {
                if (value != 0 && value != 1) {
                    throw EINVAL.error();
                }
                task.memory().layout().dumpable = (int) value;
            }
            case Prctl.PR_SET_UNALIGN, Prctl.PR_GET_UNALIGN, Prctl.PR_SET_FPEMU, Prctl.PR_GET_FPEMU, Prctl.PR_SET_FPEXC,
                    Prctl.PR_GET_FPEXC, Prctl.PR_GET_ENDIAN, Prctl.PR_SET_ENDIAN -> throw EINVAL.error("not on x86");
            case Prctl.PR_GET_TIMING -> {
                return Prctl.PR_TIMING_STATISTICAL;
            }
            case Prctl.PR_SET_TIMING -> {
                if (value != Prctl.PR_TIMING_STATISTICAL) {
                    throw EINVAL.error();
                }
            }
            case Prctl.PR_SET_NAME -> task.comm(name(task, value));
            case Prctl.PR_GET_NAME -> {
                MemorySegment out = task.scratch();
                out.asSlice(0, NAME_BYTES).fill((byte) 0);
                MemorySegment.copy(MemorySegment.ofArray(task.comm().getBytes(StandardCharsets.ISO_8859_1)), 0, out, 0,
                        task.comm().length());
                task.memory().copyOut(value, out, 0, NAME_BYTES);
            }
            case Prctl.PR_GET_SECCOMP -> {
                return SysSeccomp.mode(task);
            }
            case Prctl.PR_SET_SECCOMP -> SysSeccomp.set(task, value, args.value(2));
            case Prctl.PR_GET_TSC -> task.memory().writeInt(value, Prctl.PR_TSC_ENABLE);
            case Prctl.PR_SET_TSC -> {
                if (value != Prctl.PR_TSC_ENABLE) {
                    throw EINVAL.error("the time stamp counter cannot be hidden");
                }
            }
            case Prctl.PR_TASK_PERF_EVENTS_DISABLE, Prctl.PR_TASK_PERF_EVENTS_ENABLE -> { }
            case Prctl.PR_SET_TIMERSLACK -> task.scheduling().timerSlackNs(value);
            case Prctl.PR_GET_TIMERSLACK -> {
                return Math.min(task.scheduling().timerSlackNs(), Long.MAX_VALUE);
            }
            case Prctl.PR_MCE_KILL, Prctl.PR_MCE_KILL_GET -> {
                requireZero(args, args.i32(0) == Prctl.PR_MCE_KILL ? 3 : 1);
                if (args.i32(0) == Prctl.PR_MCE_KILL_GET) {
                    return task.scheduling().memoryErrorPolicy();
                }
                boolean clear = value == Prctl.PR_MCE_KILL_CLEAR;
                if (clear ? args.value(2) != 0 : value != Prctl.PR_MCE_KILL_SET || args.value(2) < 0 || args.value(2) > 2) {
                    throw EINVAL.error();
                }
                task.scheduling().memoryErrorPolicy(clear ? Prctl.PR_MCE_KILL_DEFAULT : args.i32(2));
            }
            case Prctl.PR_SET_CHILD_SUBREAPER -> task.process().subreaper(value != 0);
            case Prctl.PR_GET_CHILD_SUBREAPER -> task.memory().writeInt(value, task.process().isSubreaper() ? 1 : 0);
            case Prctl.PR_SET_NO_NEW_PRIVS -> {
                if (value != 1) {
                    throw EINVAL.error();
                }
                requireZero(args, 2);
                task.setNoNewPrivileges();
            }
            case Prctl.PR_GET_NO_NEW_PRIVS -> {
                requireZero(args, 1);
                return task.noNewPrivileges() ? 1 : 0;
            }
            case Prctl.PR_GET_THP_DISABLE -> {
                requireZero(args, 1);
                return task.process().isThpDisabled() ? 1 : 0;
            }
            case Prctl.PR_SET_THP_DISABLE -> {
                requireZero(args, 2);
                task.process().thpDisabled(value != 0);
            }
            case Prctl.PR_GET_TID_ADDRESS -> task.memory().writeLong(value, task.clearChildTid());
            case Prctl.PR_SET_PTRACER -> { }
            case Prctl.PR_GET_SPECULATION_CTRL -> {
                requireZero(args, 2);
                if (value < 0 || value > Prctl.PR_SPEC_L1D_FLUSH) {
                    throw ENODEV.error();
                }
                return Prctl.PR_SPEC_NOT_AFFECTED;
            }
            case Prctl.PR_SET_SPECULATION_CTRL -> throw value < 0 || value > Prctl.PR_SPEC_L1D_FLUSH ? ENODEV.error() : ENXIO.error();
            case Prctl.PR_SET_IO_FLUSHER, Prctl.PR_GET_IO_FLUSHER -> {
                if (!task.credentials().has(dev.caisson.abi.Capability.CAP_SYS_RESOURCE)) {
                    throw EPERM.error();
                }
                requireZero(args, args.i32(0) == Prctl.PR_SET_IO_FLUSHER ? 2 : 1);
                if (args.i32(0) == Prctl.PR_SET_IO_FLUSHER && value != 0 && value != 1) {
                    throw EINVAL.error();
                }
            }
            case Prctl.PR_SET_VMA -> throw EINVAL.error("anonymous mappings have no names (CONFIG_ANON_VMA_NAME)");
            case Prctl.PR_SET_SYSCALL_USER_DISPATCH -> SysSeccomp.setUserDispatch(task, args);
            case Prctl.PR_SET_MM -> setMemoryLayout(task, args);
            default -> {
                return credentials(task, args, value);
            }
        }
        return 0;
    }

    private static long credentials(Task task, SyscallArgs args, long value) throws ErrnoException {
        Credentials own = task.credentials();
        CredentialEdit edit = new CredentialEdit(own);
        switch (args.i32(0)) {
            case Prctl.PR_CAPBSET_READ -> {
                checkCapability(value);
                return own.bounding() >>> value & 1;
            }
            case Prctl.PR_CAPBSET_DROP -> {
                requireSetPcap(own);
                checkCapability(value);
                edit.bounding &= ~(1L << value);
            }
            case Prctl.PR_GET_SECUREBITS -> {
                return own.securebits();
            }
            case Prctl.PR_SET_SECUREBITS -> {
                // A lock bit (odd) protects itself and the bit below it.
                int locks = own.securebits() & 0xaa;
                if ((value & ~(long) CredentialEdit.SECBITS) != 0 || ((locks >>> 1) & (own.securebits() ^ value)) != 0
                        || (locks & ~value) != 0) {
                    throw EPERM.error();
                }
                requireSetPcap(own);
                edit.securebits = (int) value;
            }
            case Prctl.PR_GET_KEEPCAPS -> {
                return (own.securebits() & CredentialEdit.SECBIT_KEEP_CAPS) != 0 ? 1 : 0;
            }
            case Prctl.PR_SET_KEEPCAPS -> {
                if (value != 0 && value != 1) {
                    throw EINVAL.error();
                }
                if ((own.securebits() & CredentialEdit.SECBIT_KEEP_CAPS << 1) != 0) {
                    throw EPERM.error();
                }
                edit.securebits = value == 1 ? edit.securebits | CredentialEdit.SECBIT_KEEP_CAPS
                        : edit.securebits & ~CredentialEdit.SECBIT_KEEP_CAPS;
            }
            case Prctl.PR_CAP_AMBIENT -> {
                return ambient(task, args, edit);
            }
            default -> throw EINVAL.error();
        }
        CredentialEdit.commit(task, edit.build());
        return 0;
    }

    private static long ambient(Task task, SyscallArgs args, CredentialEdit edit) throws ErrnoException {
        long operation = args.value(1);
        long capability = args.value(2);
        if (operation == Prctl.PR_CAP_AMBIENT_CLEAR_ALL) {
            requireZero(args, 2);
            edit.ambient = 0;
            CredentialEdit.commit(task, edit.build());
            return 0;
        }
        requireZero(args, 3);
        checkCapability(capability);
        long bit = 1L << capability;
        if (operation == Prctl.PR_CAP_AMBIENT_IS_SET) {
            return (edit.ambient & bit) != 0 ? 1 : 0;
        }
        if (operation != Prctl.PR_CAP_AMBIENT_RAISE && operation != Prctl.PR_CAP_AMBIENT_LOWER) {
            throw EINVAL.error();
        }
        if (operation == Prctl.PR_CAP_AMBIENT_RAISE) {
            if ((edit.permitted & edit.inheritable & bit) == 0
                    || (edit.securebits & CredentialEdit.SECBIT_NO_CAP_AMBIENT_RAISE) != 0) {
                throw EPERM.error();
            }
            edit.ambient |= bit;
        } else {
            edit.ambient &= ~bit;
        }
        CredentialEdit.commit(task, edit.build());
        return 0;
    }

    private static void setMemoryLayout(Task task, SyscallArgs args) throws ErrnoException {
        if (!task.credentials().has(dev.caisson.abi.Capability.CAP_SYS_RESOURCE)) {
            throw EPERM.error();
        }
        AddressLayout layout = task.memory().layout();
        long address = args.value(2);
        if (address < 4096 || address >= layout.addressLimit) {
            throw EINVAL.error();
        }
        switch (args.i32(1)) {
            case Prctl.PR_SET_MM_START_CODE -> layout.codeStart = address;
            case Prctl.PR_SET_MM_END_CODE -> layout.codeEnd = address;
            case Prctl.PR_SET_MM_START_DATA -> layout.dataStart = address;
            case Prctl.PR_SET_MM_END_DATA -> layout.dataEnd = address;
            case Prctl.PR_SET_MM_START_STACK -> layout.stackStart = address;
            case Prctl.PR_SET_MM_ARG_START -> layout.argumentsStart = address;
            case Prctl.PR_SET_MM_ARG_END -> layout.argumentsEnd = address;
            case Prctl.PR_SET_MM_ENV_START -> layout.environmentStart = address;
            case Prctl.PR_SET_MM_ENV_END -> layout.environmentEnd = address;
            default -> throw EINVAL.error();
        }
    }

    private static String name(Task task, long address) throws ErrnoException {
        MemorySegment bytes = task.scratch();
        // strncpy_from_user: the string may end before an unmapped page.
        long got = task.memory().copyInSome(address, bytes, 0, NAME_BYTES - 1);
        StringBuilder name = new StringBuilder(NAME_BYTES);
        for (int i = 0; i < got; i++) {
            int c = bytes.get(Layouts.U8, i) & 0xff;
            if (c == 0) {
                return name.toString();
            }
            name.append((char) c);
        }
        if (got < NAME_BYTES - 1) {
            throw EFAULT.error();
        }
        return name.toString();
    }

    private static void requireZero(SyscallArgs args, int from) throws ErrnoException {
        for (int i = from; i < 5; i++) {
            if (args.value(i) != 0) {
                throw EINVAL.error();
            }
        }
    }

    private static void checkCapability(long capability) throws ErrnoException {
        if (capability < 0 || capability > CAP_LAST_CAP) {
            throw EINVAL.error();
        }
    }

    private static void requireSetPcap(Credentials credentials) throws ErrnoException {
        if (!credentials.has(CAP_SETPCAP)) {
            throw EPERM.error();
        }
    }

    /** arch_prctl(2): bases of the segments; what concerns CPUID faulting and AMX is refused as by a processor without. */
    public static long archPrctl(Task task, SyscallArgs args) throws ErrnoException {
        long address = args.value(1);
        switch (args.i32(0)) {
            case Prctl.ARCH_SET_FS -> {
                checkBase(task, address);
                task.registers().fsBase(address);
            }
            case Prctl.ARCH_SET_GS -> {
                checkBase(task, address);
                task.registers().gsBase(address);
            }
            case Prctl.ARCH_GET_FS -> task.memory().writeLong(address, task.registers().fsBase());
            case Prctl.ARCH_GET_GS -> task.memory().writeLong(address, task.registers().gsBase());
            case Prctl.ARCH_GET_CPUID -> {
                return 1;
            }
            case Prctl.ARCH_SET_CPUID -> throw ENODEV.error();
            default -> throw EINVAL.error();
        }
        return 0;
    }

    private static void checkBase(Task task, long address) throws ErrnoException {
        // TASK_SIZE_MAX, not the guest's limit: libraries probe with any user address.
        if (address < 0 || address >= 0x7ffffffff000L) {
            throw EPERM.error();
        }
    }
}
