package dev.caisson.kernel.signal;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOMEM;
import static dev.caisson.abi.Errno.EPERM;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.SignalStack;
import dev.caisson.abi.Signals;

/** The signal state of one task. Fields without a remark belong to the task's own thread. */
public final class SignalState {
    /** A stop was asked for: PTRACE_INTERRUPT, a new tracee. */
    static final int TRAP_STOP = 1;
    /** The stop state of the group changed (PTRACE_LISTEN). */
    static final int TRAP_NOTIFY = 2;

    private final SignalThread thread;
    private final ProcessSignals process;
    /** What was sent to this task alone. Guarded by the lock of {@link #process}. */
    final PendingSignals pending = new PendingSignals();

    /** Written by the own thread under the lock of {@link #process}. */
    private volatile long mask;
    /**
     * The mask proper while rt_sigtimedwait(2) has taken signals out of {@link #mask}: they wake the thread, but are neither dropped nor
     * fatal. Else 0.
     */
    private volatile long realMask;
    private boolean maskSaved;
    private long savedMask;
    private SignalStack alternateStack = SignalStack.NONE;
    private RestartBlock restartBlock;

    /** Something awaits {@link SignalDelivery#deliver}. Written under the lock. */
    private volatile boolean work;
    /** The thread must end, though not its group (execve(2) of another thread). Written under the lock. */
    volatile boolean dying;
    /** The thread has ended or is about to: it takes no more signals. Guarded by the lock. */
    boolean exiting;
    /** The thread has reached its group's stop. A tracer may have let it go on nevertheless. Guarded by the lock. */
    boolean stopped;
    /** Who looks on; null for nobody. Written under the lock. */
    private volatile SignalTrace trace;
    /** {@code TRAP_*} bits: stops that the thread owes its tracer. Written under the lock. */
    private volatile int traps;
    /** The thread is in a stop of its tracer's. Guarded by the lock. */
    boolean trapped;
    /** A signal that kills whatever a tracer says (SA_IMMUTABLE); 0 for none. Guarded by the lock. */
    int immutable;

    private int trapNumber;
    private long trapErrorCode;
    private long faultAddress;
    private SignalFrame frame;

    /**
     * Makes the state of a new task. {@link ProcessSignals#add} makes it known.
     *
     * @param thread the task
     * @param process its thread group
     * @param mask blocked signals
     */
    public SignalState(SignalThread thread, ProcessSignals process, long mask) {
        this.thread = thread;
        this.process = process;
        this.mask = mask & ~SignalSets.UNMASKABLE;
    }

    /** {@return the task} */
    public SignalThread thread() {
        return thread;
    }

    /** {@return the signals of its thread group} */
    public ProcessSignals process() {
        return process;
    }

    /** {@return whether {@link SignalDelivery#deliver} has something to do; any thread} */
    public boolean hasWork() {
        return work;
    }

    /** {@return whether the thread must end, alone or with its group; any thread} */
    public boolean isEnding() {
        return dying || process.isEnding();
    }

    /** {@return who traces the thread, or null; any thread} */
    SignalTrace trace() {
        return trace;
    }

    /** {@return whether the thread owes its tracer a stop; any thread} */
    public boolean hasTraps() {
        return traps != 0;
    }

    void trapsLocked(int bits) {
        traps = bits;
    }

    /** Makes the thread stop for its tracer. */
    void trapLocked(int bits) {
        traps |= bits;
        kickLocked();
        SignalTrace onlooker = trace;
        if (onlooker != null) {
            onlooker.trapPending();
        }
    }

    void clearTrapsLocked(int bits) {
        traps &= ~bits;
    }

    void traceLocked(SignalTrace next) {
        trace = next;
    }

    /** {@return blocked signals; any thread} */
    public long mask() {
        return mask;
    }

    /** {@return what is pending for this task alone; any thread} */
    public long pendingSet() {
        return pending.set();
    }

    /** {@return blocked signals that are pending, as sigpending(2) reports them} */
    public long pendingBlocked() {
        return (pending.set() | process.pendingSet()) & mask;
    }

    /** {@return whether something deliverable is pending, or the thread must stop or end} */
    boolean needsWorkLocked() {
        return ((pending.set() | process.pendingSet()) & ~mask) != 0 || process.wantsAttentionLocked(this);
    }

    /** Marks that there is work, and wakes. */
    void kickLocked() {
        work = true;
        thread.wakeUp();
    }

    void workLocked(boolean hasWork) {
        work = hasWork;
    }

    long realMask() {
        return realMask;
    }

    /**
     * Whether a signal is blocked; any thread.
     *
     * @param signal 1 to 64
     * @return whether it is
     */
    public boolean isBlocked(int signal) {
        return SignalSets.has(mask, signal);
    }

    /**
     * Sets the blocked signals.
     *
     * @param newMask SIGKILL and SIGSTOP are left out of it
     */
    public void setMask(long newMask) {
        process.lock.lock();
        try {
            setMaskLocked(newMask & ~SignalSets.UNMASKABLE);
        } finally {
            process.lock.unlock();
        }
    }

    void setMaskLocked(long newMask) {
        long newlyBlocked = newMask & ~mask;
        mask = newMask;
        if (newlyBlocked != 0) {
            // Somebody else must take what was ours to take.
            process.routing().retargetLocked(this, newlyBlocked);
        }
        work = needsWorkLocked();
    }

    /**
     * Blocks other signals for the duration of one call (sigsuspend, ppoll, pselect6, epoll_pwait). The call then throws
     * ERESTARTNOHAND (or returns EINTR) when a signal arrived, and {@link SignalDelivery} saves the old mask in the frame or restores it.
     * A call that ends without a signal calls {@link #restoreMask}.
     *
     * @param temporary the blocked signals meanwhile
     */
    public void suspendWith(long temporary) {
        if (!maskSaved) {
            savedMask = mask;
            maskSaved = true;
        }
        setMask(temporary);
    }

    /** Goes back to the mask from before {@link #suspendWith}; does nothing when there was none. */
    public void restoreMask() {
        if (maskSaved) {
            maskSaved = false;
            setMask(savedMask);
        }
    }

    /** {@return whether {@link #suspendWith} is in force} */
    public boolean isMaskSaved() {
        return maskSaved;
    }

    /**
     * The mask that a tracer sees and a frame stores: the one to go back to. Own thread, or its tracer while it is stopped.
     *
     * @return blocked signals
     */
    public long frameMask() {
        return maskSaved ? savedMask : mask;
    }

    void forgetSavedMask() {
        maskSaved = false;
    }

    /**
     * PTRACE_SETSIGMASK: for the tracer of the thread, which is stopped.
     *
     * @param newMask SIGKILL and SIGSTOP are left out of it
     */
    public void replaceMask(long newMask) {
        maskSaved = false;
        setMask(newMask);
    }

    void beginAwaitLocked(long wanted) {
        realMask = mask;
        mask &= ~wanted;
        work = needsWorkLocked();
    }

    void endAwaitLocked() {
        mask = realMask;
        realMask = 0;
    }

    /** {@return the alternate stack} */
    public SignalStack alternateStack() {
        return alternateStack;
    }

    /**
     * Sets the alternate stack, without checks; for clone(2) and execve(2).
     *
     * @param stack the stack, {@link SignalStack#NONE} for none
     */
    public void alternateStack(SignalStack stack) {
        alternateStack = stack;
    }

    /**
     * Whether an address is on the alternate stack (Linux: on_sig_stack). A stack that disarms itself never counts.
     *
     * @param sp a stack pointer
     * @return whether it is
     */
    boolean isOnAlternateStack(long sp) {
        if ((alternateStack.flags() & Signals.SS_AUTODISARM) != 0) {
            return false;
        }
        return isWithinAlternateStack(sp);
    }

    boolean isWithinAlternateStack(long sp) {
        long start = alternateStack.pointer();
        return Long.compareUnsigned(sp, start) > 0 && Long.compareUnsigned(sp - start, alternateStack.sizeBytes()) <= 0;
    }

    /** The flags sigaltstack(2) reports for the mode: SS_DISABLE, SS_ONSTACK or 0. */
    int alternateStackMode(long sp) {
        if (alternateStack.sizeBytes() == 0) {
            return Signals.SS_DISABLE;
        }
        return isOnAlternateStack(sp) ? Signals.SS_ONSTACK : 0;
    }

    /**
     * What sigaltstack(2) reports.
     *
     * @param sp the program's stack pointer
     * @return the stack with its flags
     */
    public SignalStack reportStack(long sp) {
        int flags = alternateStackMode(sp) | alternateStack.flags() & Signals.SS_AUTODISARM;
        return new SignalStack(alternateStack.pointer(), flags, alternateStack.sizeBytes());
    }

    /**
     * sigaltstack(2).
     *
     * @param wanted the new stack
     * @param sp the program's stack pointer
     * @param minimumBytes least size
     * @throws ErrnoException EPERM on the stack, EINVAL flags, ENOMEM too small
     */
    public void changeStack(SignalStack wanted, long sp, long minimumBytes) throws ErrnoException {
        if (isOnAlternateStack(sp)) {
            throw EPERM.error("sigaltstack: the program is on it");
        }
        int mode = wanted.flags() & ~Signals.SS_AUTODISARM;
        if (mode != Signals.SS_DISABLE && mode != Signals.SS_ONSTACK && mode != 0) {
            throw EINVAL.error();
        }
        if (mode == Signals.SS_DISABLE) {
            alternateStack = new SignalStack(0, wanted.flags(), 0);
            return;
        }
        if (Long.compareUnsigned(wanted.sizeBytes(), minimumBytes) < 0) {
            throw ENOMEM.error("sigaltstack: too small");
        }
        alternateStack = wanted;
    }

    /** Forgets the alternate stack, as SS_AUTODISARM and execve(2) do. */
    public void resetStack() {
        alternateStack = SignalStack.NONE;
    }

    /**
     * Says how to restart the current call, which is about to throw ERESTART_RESTARTBLOCK.
     *
     * @param block how
     */
    public void restartBlock(RestartBlock block) {
        restartBlock = block;
    }

    /** {@return how to restart; the block answers EINTR when there is none} */
    public RestartBlock takeRestartBlock() {
        RestartBlock block = restartBlock;
        restartBlock = null;
        return block;
    }

    /**
     * Remembers a processor exception, for the sigcontext of the frame.
     *
     * @param number x86 vector (14 for a page fault)
     * @param errorCode the error code the processor would push
     * @param address cr2
     */
    public void trap(int number, long errorCode, long address) {
        trapNumber = number;
        trapErrorCode = errorCode;
        faultAddress = address;
    }

    int trapNumber() {
        return trapNumber;
    }

    long trapErrorCode() {
        return trapErrorCode;
    }

    long faultAddress() {
        return faultAddress;
    }

    /** The scratch memory to build frames in; made when the first handler runs. */
    SignalFrame frame() {
        if (frame == null) {
            frame = new SignalFrame(thread);
        }
        return frame;
    }
}
