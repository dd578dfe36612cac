package dev.caisson.platform.systrap;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.host.raw.SyscallNumber;
import dev.caisson.mailbox.SlotLayout;
import dev.caisson.mailbox.Turn;
import dev.caisson.stub.StubCode;
import dev.caisson.stub.StubProcess;
import dev.caisson.stub.StubProfile;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/** The slots of one process. A slot has its stub thread for ever; threads of the guest that end leave it for the next one. */
final class ProcessSlots implements StubProfile.Attachment {
    private static final int READ_WRITE = 3;
    private static final int MAP_SHARED_FIXED = 0x11;

    private final SlotFile file;
    private final SlotGeometry geometry;
    /** Guarded by this, as all below. */
    private final List<Integer> chunks = new ArrayList<>(1);
    private final ArrayDeque<Slot> free = new ArrayDeque<>();
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
            return new Slot(memory(1), geometry.address(1), process.processId(), process.takeThread());
        }
        return add(process);
    }

    SlotTable table() {
        return table;
    }

    synchronized void giveBack(Slot slot) {
        free.push(slot);
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
        return new Slot(memory(slots), geometry.address(slots++), process.processId(), thread);
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
        memory.set(Layouts.U32, SlotLayout.STATE, Turn.KERNEL);
        memory.set(Layouts.U64, SystrapCode.STACK_STRUCTURE, geometry.address(slot) + geometry.stack());
        memory.set(Layouts.U64, SystrapCode.STACK_STRUCTURE + 8L, 0);
        memory.set(Layouts.U64, SystrapCode.STACK_STRUCTURE + 16L, geometry.stackBytes());
    }

    /** {@return where rewritten sites jump to, or null} */
    Trampolines trampolines() {
        return trampolines;
    }

    synchronized void trampolines(Trampolines own) {
        trampolines = own;
    }

    @Override
    public synchronized void release() {
        if (trampolines != null) {
            trampolines.release();
        }
        chunks.forEach(file::free);
        chunks.clear();
        free.clear();
    }
}
