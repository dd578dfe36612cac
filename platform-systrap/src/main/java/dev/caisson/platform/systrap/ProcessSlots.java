package dev.caisson.platform.systrap;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.host.HostScheduler;
import dev.caisson.host.HostSystem;
import dev.caisson.host.raw.SyscallNumber;
import dev.caisson.mailbox.SlotLayout;
import dev.caisson.mailbox.Turn;
import dev.caisson.stub.StubCode;
import dev.caisson.stub.StubProcess;
import dev.caisson.stub.StubProfile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/**
 * The slots of one process. A slot has its stub thread for ever; threads of the guest that end leave it for the next one, and so does a
 * guest that ends, if the process is used again.
 *
 * <p>A guest may have made us believe that its threads wait for us. So before a process is used again, each thread gets a signal, whose
 * handler knows what it is by a register alone, forgets all other registers, shows the token that came with the signal, and then waits
 * for a word of the control page, which guests cannot write. A thread that shows its token is in that handler: who does not
 * receive the signal cannot know the token. When all have shown theirs, nobody is left who could write to the slots; then they are
 * wiped, and the threads wait for their turns as new ones do.
 */
final class ProcessSlots implements StubProfile.Attachment {
    private static final VarHandle WORD = ValueLayout.JAVA_LONG.varHandle();
    /** Threads that need longer have no processor for now. */
    private static final long PATIENCE_NS = 2_000_000;
    private static final int READ_WRITE = 3;
    private static final int MAP_SHARED_FIXED = 0x11;

    private final SlotFile file;
    private final SlotGeometry geometry;
    /** Guarded by this, as all below. */
    private final List<Integer> chunks = new ArrayList<>(1);
    private final ArrayDeque<Slot> free = new ArrayDeque<>();
    /** All that have a thread, in order. */
    private final List<Slot> all = new ArrayList<>(2);
    /** What each of them is to show; null while nobody is to. */
    private long[] tokens;
    /** The first place is the table's. */
    private int slots = 2;
    private final SlotTable table;
    private boolean firstTaken;
    /** Written under the monitor. */
    private volatile Trampolines trampolines;

    /** The first slot's thread is made when the process starts. */
    ProcessSlots(SlotFile file, SlotGeometry geometry) throws ErrnoException {
        this.file = file;
        this.geometry = geometry;
        chunks.add(file.allocate());
        table = new SlotTable(memory(0));
        prepare(1);
    }

    /** Offset in the file of the chunk that is mapped when the process starts. */
    long firstChunk() {
        return file.offset(chunks.getFirst());
    }

    /**
     * Takes a slot for a task.
     *
     * @param process the process of these slots
     * @return a slot whose stub waits or will wait for its turn
     * @throws ErrnoException EAGAIN when there is no more room, ESRCH when the process is dead
     */
    synchronized Slot take(StubProcess process) throws ErrnoException {
        Slot slot = free.poll();
        if (slot != null) {
            return slot;
        }
        if (!firstTaken) {
            firstTaken = true;
            return remember(new Slot(memory(1), geometry.address(1), process.processId(), process.takeThread()));
        }
        return add(process);
    }

    private Slot remember(Slot slot) {
        all.add(slot);
        return slot;
    }

    SlotTable table() {
        return table;
    }

    /**
     * Gives a slot back, unless it has been revoked.
     *
     * @param slot what {@link #take} gave
     * @param claimed the base of fs under which the table knows it
     */
    synchronized void giveBack(Slot slot, long claimed) {
        if (!slot.isRevoked()) {
            table.drop(slot, claimed);
            free.push(slot);
        }
    }

    /** Makes one more thread before it is wanted. */
    synchronized void stock(StubProcess process) throws ErrnoException {
        if (free.isEmpty() && firstTaken) {
            free.push(add(process));
        }
    }

    private Slot add(StubProcess process) throws ErrnoException {
        if (slots == geometry.maxSlots()) {
            throw Errno.EAGAIN.error("too many threads");
        }
        int chunk = slots / SlotGeometry.CHUNK_SLOTS;
        if (chunk == chunks.size()) {
            addChunk(process);
        }
        prepare(slots);
        int thread = process.newThread(geometry.address(slots + 1));
        return remember(new Slot(memory(slots), geometry.address(slots++), process.processId(), thread));
    }

    private void addChunk(StubProcess process) throws ErrnoException {
        int chunk = file.allocate();
        long result = process.order(StubCode.QUIET, SyscallNumber.MMAP, geometry.address(chunks.size() * SlotGeometry.CHUNK_SLOTS),
            geometry.chunkBytes(), READ_WRITE, MAP_SHARED_FIXED, StubCode.FIRST_EXTRA_FD, file.offset(chunk));
        if (result < 0) {
            file.free(chunk);
            throw Errno.of(result).error();
        }
        chunks.add(chunk);
    }

    private MemorySegment memory(int slot) {
        return file.memory(chunks.get(slot / SlotGeometry.CHUNK_SLOTS))
            .asSlice((long) (slot % SlotGeometry.CHUNK_SLOTS) * geometry.slotBytes(), geometry.slotBytes());
    }

    /** Writes what the new thread looks for: whose turn it is, and its stack. */
    private void prepare(int slot) {
        MemorySegment memory = memory(slot);
        if (file.isDirty(chunks.get(slot / SlotGeometry.CHUNK_SLOTS))) {
            memory.fill((byte) 0);
        }
        describe(memory, slot);
    }

    private void describe(MemorySegment memory, int slot) {
        memory.set(Layouts.U32, SlotLayout.STATE, Turn.KERNEL);
        memory.set(Layouts.U64, StubWords.STACK_STRUCTURE, geometry.address(slot) + geometry.stack());
        memory.set(Layouts.U64, StubWords.STACK_STRUCTURE + 8L, 0);
        memory.set(Layouts.U64, StubWords.STACK_STRUCTURE + 16L, geometry.stackBytes());
    }

    /** {@return where rewritten sites jump to, or null} */
    Trampolines trampolines() {
        return trampolines;
    }

    synchronized void trampolines(Trampolines own) {
        trampolines = own;
    }

    @Override
    public synchronized boolean beginWithdrawal(StubProcess process) {
        dropTrampolines();
        if (slots > SlotGeometry.CHUNK_SLOTS) {
            return false; // to wipe so many costs more than to begin anew
        }
        tokens = tokens(all.size());
        hold(process, 1);
        for (int i = 0; i < tokens.length; i++) {
            if (!all.get(i).revoke(tokens[i])) {
                return false;
            }
        }
        return true;
    }

    @Override
    public synchronized boolean isWithdrawn() {
        for (int i = 0; tokens != null && i < tokens.length; i++) {
            if (!shows(all.get(i), tokens[i])) {
                return false;
            }
        }
        return true;
    }

    private static boolean shows(Slot slot, long token) {
        return (long) WORD.getAcquire(slot.memory(), (long) StubWords.TOKEN) == token;
    }

    @Override
    public synchronized boolean endWithdrawal(StubProcess process) {
        long start = System.nanoTime();
        while (!isWithdrawn()) {
            if (System.nanoTime() - start > PATIENCE_NS) {
                return false;
            }
            HostScheduler.yield();
        }
        if (tokens == null || tokens.length == 0) {
            return true;
        }
        tokens = null;
        free.clear();
        table.reset();
        for (int i = all.size() - 1; i >= 0; i--) {
            Slot slot = all.get(i).renewed(process.page().address() + StubWords.HOLD);
            slot.memory().fill((byte) 0);
            describe(slot.memory(), i + 1);
            all.set(i, slot);
            free.push(slot);
        }
        hold(process, 0);
        return true;
    }

    private static void hold(StubProcess process, long value) {
        WORD.setVolatile(process.page(), (long) StubWords.HOLD, value);
    }

    /** Numbers that no guest can guess. */
    private static long[] tokens(int count) {
        long[] tokens = new long[count];
        if (count > 0) {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment random = arena.allocate(8L * count, 8);
                if (HostSystem.random(random.address(), random.byteSize(), 0) != random.byteSize()) {
                    throw new IllegalStateException("getrandom(2) gives less than was asked for");
                }
                MemorySegment.copy(random, Layouts.U64, 0, tokens, 0, count);
            }
        }
        return tokens;
    }

    private void dropTrampolines() {
        if (trampolines != null) {
            trampolines.release();
            trampolines = null;
        }
    }

    @Override
    public synchronized void release() {
        dropTrampolines();
        chunks.forEach(file::free);
        chunks.clear();
        free.clear();
        all.clear();
    }
}
