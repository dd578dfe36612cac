package dev.caisson.kernel.ptrace;

import static dev.caisson.abi.Errno.EACCES;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EIO;
import static dev.caisson.abi.Errno.ENOENT;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Prctl;
import dev.caisson.abi.Ptrace;
import dev.caisson.abi.SignalInfo;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.seccomp.SeccompState;
import dev.caisson.kernel.signal.SignalState;
import dev.caisson.memory.MemoryManager;
import dev.caisson.spi.platform.Registers;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** The requests of ptrace(2) about a tracee, in terms of the caller's memory. Each is ESRCH unless the tracee is stopped. */
public final class TracerRequests {
    private static final int SIGNAL_SET_BYTES = 8;
    private static final int WORD = 8;
    /** {@code struct sock_filter}. */
    private static final int FILTER_INSTRUCTION_BYTES = 8;
    /** {@code struct ptrace_peeksiginfo_args}: off[8] flags[4] nr[4]. */
    private static final int PEEK_ARGUMENT_BYTES = 16;

    private final Task caller;
    private final TracerHold hold;

    /**
     * Makes requests.
     *
     * @param caller the tracer
     * @param tracee the tracee
     */
    public TracerRequests(Task caller, Tracee tracee) {
        this.caller = caller;
        this.hold = new TracerHold(tracee, caller);
    }

    /**
     * PTRACE_CONT, PTRACE_SYSCALL, PTRACE_SINGLESTEP, PTRACE_SYSEMU, PTRACE_SYSEMU_SINGLESTEP.
     *
     * @param request which
     * @param signal to deliver, 0 for none
     * @throws ErrnoException ESRCH, EIO
     */
    public void resume(int request, long signal) throws ErrnoException {
        hold.resume(request, signal);
    }

    /**
     * PTRACE_DETACH.
     *
     * @param signal to deliver, 0 for none
     * @throws ErrnoException ESRCH, EIO
     */
    public void detach(long signal) throws ErrnoException {
        hold.detach(signal);
    }

    /**
     * PTRACE_KILL.
     *
     * @throws ErrnoException ESRCH
     */
    public void kill() throws ErrnoException {
        hold.kill();
    }

    /**
     * PTRACE_INTERRUPT.
     *
     * @throws ErrnoException ESRCH, EIO without PTRACE_SEIZE
     */
    public void interrupt() throws ErrnoException {
        hold.interrupt();
    }

    /**
     * PTRACE_LISTEN.
     *
     * @throws ErrnoException ESRCH, EIO when it is not in PTRACE_EVENT_STOP
     */
    public void listen() throws ErrnoException {
        hold.listen();
    }

    /**
     * PTRACE_PEEKTEXT, PTRACE_PEEKDATA.
     *
     * @param address in the tracee
     * @param result where the word goes
     * @throws ErrnoException ESRCH, EIO for an address that is none, EFAULT
     */
    public void peek(long address, long result) throws ErrnoException {
        MemoryManager memory = hold.memory();
        MemorySegment word = MemorySegment.ofArray(new long[1]);
        if (memory.forceCopyIn(address, word, 0, WORD) != WORD) {
            throw EIO.error();
        }
        caller.memory().copyOut(result, word);
    }

    /**
     * PTRACE_POKETEXT, PTRACE_POKEDATA.
     *
     * @param address in the tracee
     * @param value the word
     * @throws ErrnoException ESRCH, EIO for an address that is none
     */
    public void poke(long address, long value) throws ErrnoException {
        MemoryManager memory = hold.memory();
        try {
            memory.forceCopyOut(address, MemorySegment.ofArray(new long[] {value}), 0, WORD);
        } catch (ErrnoException fault) {
            throw EIO.error();
        }
    }

    /**
     * PTRACE_PEEKUSER.
     *
     * @param offset in {@code struct user}
     * @param result where the word goes
     * @throws ErrnoException ESRCH, EIO, EFAULT
     */
    public void peekUser(long offset, long result) throws ErrnoException {
        caller.memory().writeLong(result, hold.look(stopped -> TraceeRegisters.peek(stopped, offset)));
    }

    /**
     * PTRACE_POKEUSER.
     *
     * @param offset in {@code struct user}
     * @param value the word
     * @throws ErrnoException ESRCH, EIO, EINVAL and ENOSPC for debug registers
     */
    public void pokeUser(long offset, long value) throws ErrnoException {
        hold.look(stopped -> {
            TraceeRegisters.poke(stopped, offset, value);
            return null;
        });
    }

    /**
     * PTRACE_GETREGS.
     *
     * @param result where {@code struct user_regs_struct} goes
     * @throws ErrnoException ESRCH, EFAULT
     */
    public void registers(long result) throws ErrnoException {
        caller.memory().copyOut(result, hold.look(TraceeRegisters::all));
    }

    /**
     * PTRACE_SETREGS.
     *
     * @param source where {@code struct user_regs_struct} is
     * @throws ErrnoException ESRCH, EFAULT, EIO
     */
    public void setRegisters(long source) throws ErrnoException {
        hold.check();
        setRegisters(read(source, Registers.BYTES));
    }

    private void setRegisters(byte[] bytes) throws ErrnoException {
        hold.look(stopped -> {
            TraceeRegisters.setAll(stopped, bytes);
            return null;
        });
    }

    /**
     * PTRACE_GETFPREGS.
     *
     * @param result where {@code struct user_fpregs_struct} goes
     * @throws ErrnoException ESRCH, EFAULT
     */
    public void floatingPoint(long result) throws ErrnoException {
        copyOut(result, TraceeFpu.image(hold), TraceeFpu.LEGACY_BYTES);
    }

    /**
     * PTRACE_SETFPREGS.
     *
     * @param source where {@code struct user_fpregs_struct} is
     * @throws ErrnoException ESRCH, EFAULT, EINVAL
     */
    public void setFloatingPoint(long source) throws ErrnoException {
        hold.check();
        TraceeFpu.setLegacy(hold, read(source, TraceeFpu.LEGACY_BYTES));
    }

    /**
     * PTRACE_GETREGSET, PTRACE_SETREGSET.
     *
     * @param type {@code NT_*}
     * @param vector address of a {@code struct iovec}; its length becomes what was copied
     * @param writes whether it is PTRACE_SETREGSET
     * @throws ErrnoException ESRCH, EFAULT, EINVAL for a set that is none or a length in parts of words, EIO
     */
    public void registerSet(long type, long vector, boolean writes) throws ErrnoException {
        hold.check();
        long base = caller.memory().readLong(vector);
        long length = caller.memory().readLong(vector + WORD);
        int whole = switch ((int) type) {
            case Ptrace.NT_PRSTATUS -> Registers.BYTES;
            case Ptrace.NT_PRFPREG -> TraceeFpu.LEGACY_BYTES;
            case Ptrace.NT_X86_XSTATE -> TraceeFpu.bytes(hold);
            default -> throw EINVAL.error("no such register set");
        };
        if (Long.remainderUnsigned(length, WORD) != 0) {
            throw EINVAL.error();
        }
        int count = Long.compareUnsigned(length, whole) < 0 ? (int) length : whole;
        if (writes) {
            setRegisterSet((int) type, read(base, count));
        } else {
            copyOut(base, (int) type == Ptrace.NT_PRSTATUS ? hold.look(TraceeRegisters::all) : TraceeFpu.image(hold),
                    count);
        }
        caller.memory().writeLong(vector + WORD, count);
    }

    private void setRegisterSet(int type, byte[] bytes) throws ErrnoException {
        switch (type) {
            case Ptrace.NT_PRSTATUS -> setRegisters(bytes);
            case Ptrace.NT_PRFPREG -> TraceeFpu.setLegacy(hold, bytes);
            default -> TraceeFpu.set(hold, bytes);
        }
    }

    /**
     * PTRACE_SETOPTIONS.
     *
     * @param options {@code PTRACE_O_*}
     * @throws ErrnoException ESRCH, EINVAL, EPERM
     */
    public void options(long options) throws ErrnoException {
        hold.check();
        Tracing.checkOptions(caller, options);
        hold.options((int) options);
    }

    /**
     * PTRACE_GETEVENTMSG.
     *
     * @param result where the word goes
     * @throws ErrnoException ESRCH, EFAULT
     */
    public void eventMessage(long result) throws ErrnoException {
        caller.memory().writeLong(result, hold.message());
    }

    /**
     * PTRACE_GETSIGINFO.
     *
     * @param result where {@code siginfo_t} goes
     * @throws ErrnoException ESRCH, EINVAL in a group-stop, EFAULT
     */
    public void signalInformation(long result) throws ErrnoException {
        caller.memory().write(result, SignalInfo.CODEC, hold.information());
    }

    /**
     * PTRACE_SETSIGINFO.
     *
     * @param source where {@code siginfo_t} is
     * @throws ErrnoException ESRCH, EFAULT, EINVAL in a group-stop
     */
    public void setSignalInformation(long source) throws ErrnoException {
        hold.check();
        hold.information(caller.memory().read(source, SignalInfo.CODEC));
    }

    /**
     * PTRACE_PEEKSIGINFO.
     *
     * @param arguments address of {@code struct ptrace_peeksiginfo_args}
     * @param result where the {@code siginfo_t} go
     * @return how many
     * @throws ErrnoException ESRCH, EFAULT, EINVAL
     */
    public long queuedSignals(long arguments, long result) throws ErrnoException {
        hold.check();
        MemorySegment wanted = MemorySegment.ofArray(read(arguments, PEEK_ARGUMENT_BYTES));
        long offset = wanted.get(Layouts.U64, 0);
        int flags = wanted.get(Layouts.U32, 8);
        int count = wanted.get(Layouts.U32, 12);
        if ((flags & ~Ptrace.PTRACE_PEEKSIGINFO_SHARED) != 0 || count < 0) {
            throw EINVAL.error();
        }
        SignalState state = hold.tracee().task().signals();
        List<SignalInfo> queued = state.process().queued(state, (flags & Ptrace.PTRACE_PEEKSIGINFO_SHARED) != 0);
        int done = 0;
        for (long at = offset; done < count && at >= 0 && at < queued.size(); at++) {
            try {
                caller.memory().write(result + (long) done * SignalInfo.BYTES, SignalInfo.CODEC, queued.get((int) at));
            } catch (ErrnoException fault) {
                if (done == 0) {
                    throw fault;
                }
                return done;
            }
            done++;
        }
        return done;
    }

    /**
     * PTRACE_GETSIGMASK.
     *
     * @param sizeBytes of a set of signals
     * @param result where the set goes
     * @throws ErrnoException ESRCH, EINVAL for another size, EFAULT
     */
    public void signalMask(long sizeBytes, long result) throws ErrnoException {
        long mask = hold.look(stopped -> {
            checkSetSize(sizeBytes);
            return stopped.task().signals().frameMask();
        });
        caller.memory().writeLong(result, mask);
    }

    /**
     * PTRACE_SETSIGMASK.
     *
     * @param sizeBytes of a set of signals
     * @param source where the set is
     * @throws ErrnoException ESRCH, EINVAL for another size, EFAULT
     */
    public void setSignalMask(long sizeBytes, long source) throws ErrnoException {
        hold.check();
        checkSetSize(sizeBytes);
        long mask = caller.memory().readLong(source);
        hold.look(stopped -> {
            stopped.task().signals().replaceMask(mask);
            return null;
        });
    }

    private static void checkSetSize(long sizeBytes) throws ErrnoException {
        if (sizeBytes != SIGNAL_SET_BYTES) {
            throw EINVAL.error();
        }
    }

    /**
     * PTRACE_GET_SYSCALL_INFO.
     *
     * @param sizeBytes how much the caller has room for
     * @param result where {@code struct ptrace_syscall_info} goes
     * @return how much there is to tell
     * @throws ErrnoException ESRCH, EFAULT
     */
    public long callInformation(long sizeBytes, long result) throws ErrnoException {
        byte[] bytes = new byte[CallInformation.BYTES];
        int known = hold.look(stopped -> CallInformation.describe(stopped, MemorySegment.ofArray(bytes)));
        copyOut(result, bytes, Long.compareUnsigned(sizeBytes, known) < 0 ? (int) sizeBytes : known);
        return known;
    }

    /**
     * PTRACE_ARCH_PRCTL.
     *
     * @param code {@code ARCH_SET_FS}, {@code ARCH_GET_FS}, {@code ARCH_SET_GS} or {@code ARCH_GET_GS}
     * @param value the base, or where it goes
     * @throws ErrnoException ESRCH, EINVAL, EPERM for an address that is none, EFAULT
     */
    public void base(long code, long value) throws ErrnoException {
        boolean isFs = code == Prctl.ARCH_SET_FS || code == Prctl.ARCH_GET_FS;
        long old = hold.look(stopped -> {
            Registers registers = stopped.task().registers();
            if (code == Prctl.ARCH_SET_FS || code == Prctl.ARCH_SET_GS) {
                TraceeRegisters.setBase(stopped, isFs, value);
            } else if (code != Prctl.ARCH_GET_FS && code != Prctl.ARCH_GET_GS) {
                throw EINVAL.error();
            }
            return isFs ? registers.fsBase() : registers.gsBase();
        });
        if (code == Prctl.ARCH_GET_FS || code == Prctl.ARCH_GET_GS) {
            caller.memory().writeLong(value, old);
        }
    }

    /**
     * PTRACE_SECCOMP_GET_FILTER.
     *
     * @param index 0 for the oldest filter
     * @param result where its {@code struct sock_filter} go, 0 for nowhere
     * @return how many there are
     * @throws ErrnoException ESRCH, EACCES without CAP_SYS_ADMIN or with filters of the caller's own, EINVAL when the tracee has none,
     *     ENOENT, EFAULT
     */
    public long filter(long index, long result) throws ErrnoException {
        SeccompState state = hold.look(stopped -> stopped.task().seccomp());
        if (!caller.credentials().has(Capability.CAP_SYS_ADMIN) || caller.seccomp() != null) {
            throw EACCES.error();
        }
        if (state == null || state.filters() == 0) {
            throw EINVAL.error();
        }
        if (index < 0 || index >= state.filters()) {
            throw ENOENT.error();
        }
        byte[] instructions = state.filter((int) index);
        if (result != 0) {
            caller.memory().copyOut(result, instructions);
        }
        return instructions.length / FILTER_INSTRUCTION_BYTES;
    }

    /**
     * Any other request.
     *
     * @throws ErrnoException ESRCH, EIO
     */
    public void refuse() throws ErrnoException {
        hold.look(stopped -> {
            throw EIO.error("no such request");
        });
    }

    private byte[] read(long address, int lengthBytes) throws ErrnoException {
        byte[] bytes = new byte[lengthBytes];
        caller.memory().copyIn(address, bytes);
        return bytes;
    }

    private void copyOut(long address, byte[] bytes, int lengthBytes) throws ErrnoException {
        caller.memory().copyOut(address, MemorySegment.ofArray(bytes), 0, lengthBytes);
    }
}
