package dev.caisson.platform.systrap;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.host.HostProcess;
import dev.caisson.mailbox.GuestRegisters;
import dev.caisson.mailbox.SlotLayout;
import dev.caisson.mailbox.SpinPolicy;
import dev.caisson.mailbox.Spinner;
import dev.caisson.mailbox.Turn;
import dev.caisson.spi.platform.AddressSpace;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Registers;
import dev.caisson.stub.FpuFormat;
import dev.caisson.stub.GuestFpu;
import dev.caisson.stub.Placement;
import dev.caisson.stub.Processors;
import dev.caisson.stub.StubCode;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * One task: the kernel's side of a slot. The slot is taken when the task first runs in a space, and given back when it goes to
 * another. What an event means is {@link SlotExchange}'s business.
 */
final class SystrapContext implements GuestContext {
    /** So often a stub may not answer in time although it was kicked: on a crowded host, its thread may not run for seconds. */
    private static final int KICKS = 100;

    private final SlotGeometry geometry;
    private final Spinner spinner;
    private final long patienceNs;
    private final GuestFpu fpu;
    private final Placement placement;
    private final ThreadBases bases = new ThreadBases();
    private final SlotExchange exchange = new SlotExchange(bases);

    private SystrapAddressSpace space;
    private volatile Slot slot;
    private volatile boolean running;
    private volatile boolean interrupted;
    /** A kick is on its way that has not led to an event. Keeps the handler's stack shallow. */
    private final AtomicBoolean kicked = new AtomicBoolean();

    SystrapContext(FpuFormat format, SlotGeometry geometry, SpinPolicy policy, Processors processors, long patienceNs) {
        this.geometry = geometry;
        this.spinner = new Spinner(policy, () -> interrupted);
        this.patienceNs = patienceNs;
        fpu = new GuestFpu(format);
        placement = new Placement(processors);
    }

    @Override
    public Exit run(AddressSpace wanted, Registers registers) throws ErrnoException {
        if (interrupted) {
            interrupted = false;
            return Exit.Plain.INTERRUPTED;
        }
        if (space != wanted) {
            attach((SystrapAddressSpace) wanted);
        }
        if (!GuestRegisters.prepare(registers)) {
            return SlotExceptions.protectionFault();
        }
        boolean spins = spinner.begin();
        if (interrupted) {
            interrupted = false;
            return Exit.Plain.INTERRUPTED;
        }
        if (!spins && !placement.isTogether()) {
            placement.together();
        } else if (spins && placement.pair() != spinner.pair()) {
            placement.apart(spinner.pair());
        }
        Slot own = slot;
        if (space.isUnsettled()) {
            own.memory().set(Layouts.U64, StubWords.ORDER, space.settleAhead(own.processor()));
        }
        int command = SlotLayout.LOAD_REGISTERS;
        if (!fpu.isInThread()) {
            fpu.copyTo(own.memory(), geometry.fpu());
            fpu.given();
            command |= SlotLayout.LOAD_FPU;
        }
        if (bases.replace(registers)) {
            command |= SlotLayout.LOAD_BASES;
        }
        bases.claim(space.table(), own);
        while (true) {
            exchange.load(registers, own.memory(), space);
            running = true;
            if (interrupted) {
                running = false;
                interrupted = false;
                forgetCommand(command);
                return Exit.Plain.INTERRUPTED;
            }
            give(own, command);
            await(own);
            running = false;
            Exit exit = exchange.read(own.memory(), registers, space);
            if (exit == Exit.Plain.INTERRUPTED) {
                kicked.set(false);
                if (interrupted) {
                    interrupted = false;
                    return exit;
                }
            } else if (exit != null) {
                return exit;
            }
            command = SlotLayout.LOAD_REGISTERS; // a kick that came late, or a signal of somebody on the host: go on as it was
        }
    }

    /** What was to be loaded is still to be loaded. */
    private void forgetCommand(int command) {
        if ((command & SlotLayout.LOAD_FPU) != 0) {
            fpu.taken();
        }
        if ((command & SlotLayout.LOAD_BASES) != 0) {
            bases.forget();
        }
    }

    private void give(Slot own, int command) {
        own.memory().set(Layouts.U32, SlotLayout.COMMAND, command);
        own.memory().set(Layouts.U64, SlotLayout.SPIN, placement.isTogether() ? 0 : Spinner.spinTicks());
        own.give();
    }

    /** Waits for the kernel's turn, and sees to it that it comes. */
    private void await(Slot own) throws ErrnoException {
        Turn turn = own.turn();
        if (placement.isTogether()) {
            if (turn.isMine()) {
                return;
            }
        } else if (turn.spin(spinner.spinNs())) {
            spinner.succeeded();
            return;
        } else {
            spinner.failed();
        }
        int unanswered = 0;
        while (!turn.sleep(patienceNs)) {
            if (space.process().isDead() || !HostProcess.isAlive(space.process().processId(), StubCode.CODE)) {
                throw lost();
            }
            if (interrupted && ++unanswered > KICKS) { // no code of ours takes that long
                space.kill();
                throw lost();
            }
        }
    }

    private void attach(SystrapAddressSpace wanted) throws ErrnoException {
        detach();
        placement.awake();
        Slot taken = wanted.takeSlot();
        slot = taken;
        placement.guest(taken);
        space = wanted;
        bases.forget();
        fpu.taken();
    }

    /** Gives the slot back, and keeps the FPU state. */
    private void detach() throws ErrnoException {
        Slot own = slot;
        if (own == null) {
            return;
        }
        if (fpu.isInThread()) {
            if (space.process().isDead() || own.isRevoked()) {
                fpu.reset();
            } else {
                fetchFpu();
                fpu.taken();
            }
        }
        giveBack();
    }

    /** Gives the slot back, if there is one. Its thread stays bound to where it is. */
    private void giveBack() {
        Slot own = slot;
        if (own != null) {
            SystrapAddressSpace old = space;
            long base = forgetSlot();
            old.giveBack(own, base);
        }
    }

    /** {@return the base under which the slot is noted} */
    private long forgetSlot() {
        synchronized (this) { // nobody kicks a thread that has become another's
            slot = null;
            kicked.set(false);
        }
        placement.guest(null);
        space = null;
        return bases.yieldClaim();
    }

    private ErrnoException lost() {
        running = false;
        space.process().markDead();
        forgetSlot();
        fpu.reset();
        return Errno.ESRCH.error("stub thread is gone");
    }

    /** Brings the image of {@link #fpu} up to date. */
    private void fetchFpu() throws ErrnoException {
        if (!fpu.isInThread()) {
            return;
        }
        Slot own = slot;
        long image = own.memory().get(Layouts.U64, StubWords.FPU_IMAGE) - own.address();
        if (!geometry.isFrameImage(image)) { // there is none: the state is in the processor
            give(own, SlotLayout.SAVE_FPU);
            await(own);
            image = geometry.fpu();
        }
        fpu.fetch(own.memory(), image);
    }

    @Override
    public void interrupt() {
        interrupted = true;
        spinner.callAway();
        if (running && kicked.compareAndSet(false, true)) {
            synchronized (this) {
                Slot own = slot;
                if (own != null) {
                    own.kick();
                }
            }
        }
    }

    @Override
    public int fpuBytes() {
        return fpu.bytes();
    }

    @Override
    public void saveFpu(MemorySegment image) throws ErrnoException {
        fetchFpu();
        fpu.copyTo(image, 0);
    }

    @Override
    public void restoreFpu(MemorySegment image) throws ErrnoException {
        fpu.restore(image);
    }

    @Override
    public void resetFpu() {
        fpu.reset();
    }

    @Override
    public void sleeping() {
        spinner.sleeping();
        Slot own = slot;
        if (placement.isTogether()) {
            placement.sleeping();
        } else if (own != null) {
            own.memory().set(Layouts.U64, SlotLayout.SPIN, 0); // others may want the processor
        }
    }

    @Override
    public void awake() {
        placement.awake();
    }

    @Override
    public boolean reset() {
        giveBack();
        fpu.reset();
        interrupted = false;
        spinner.sleeping();
        if (placement.pair() >= 0) {
            placement.together(); // the next task begins where its creator wants it
        }
        placement.sleeping();
        return true;
    }

    @Override
    public void startBeside(GuestContext parent) {
        if (parent instanceof SystrapContext other) {
            placement.startBeside(other.placement);
        }
    }

    @Override
    public void close() {
        giveBack();
        placement.leave();
        spinner.end();
    }

    /** {@return the stub thread, for tests; the task has run} */
    int threadId() {
        return slot.threadId();
    }
}
