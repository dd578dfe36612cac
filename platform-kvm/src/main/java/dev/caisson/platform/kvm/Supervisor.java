package dev.caisson.platform.kvm;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Mman;
import dev.caisson.host.code.Assembler;
import java.lang.foreign.MemorySegment;

/**
 * What every address space of a machine has above the guest's limit: descriptor tables and code of ring 0, which user code cannot
 * reach.
 *
 * <pre>
 * BASE + 0x0000     code of ring 0: 256 handlers of 16 bytes
 *      + 0x1000     code of ring 0: where syscall of 32-bit code arrives, and iretq
 *      + 0x2000     interrupt descriptor table
 *      + 0x3000     global descriptor table
 *      + 0x100000   a page for each processor: task state segment below, supervisor stack above
 * </pre>
 *
 * Above that, in tables of its own, each address space has for each processor that ever ran in it
 *
 * <pre>
 * SLOTS + number * 0x4000
 *      + 0x0000     where syscall arrives ({@link StubCode})
 *      + 0x1000     its slot
 *      + 0x2000     the doorbell: no memory there, so a store ends KVM_RUN
 * </pre>
 *
 * Users can reach these on hosts that do not change rings only ({@link EntryPath#RING_3}). All exceptions go to the supervisor's stack
 * by an entry of the interrupt stack table: one that came in ring 0 would else be pushed to where the guest's stack pointer is. No
 * processor has a reason to write to the descriptor tables, so ring 0 may read them only.
 */
final class Supervisor {
    /** Where all this begins. */
    static final long BASE = 0x7ff8_0000_0000L;
    /** Where {@code syscall} of 32-bit code arrives in ring 0. */
    static final long ENTRY = BASE + 0x1000;
    /** Where {@code iretq} is. */
    static final long IRET = ENTRY + 1;
    /** The interrupt descriptor table. */
    static final long IDT = BASE + 0x2000;
    /** The global descriptor table. */
    static final long GDT = BASE + 0x3000;
    /** Where the slots begin: the next GiB. */
    static final long SLOTS = BASE + (1L << 30);
    /** Guest-physical address of the doorbell. */
    static final long DOORBELL = Machine.NOTHING_BASE;
    /** Size of the descriptor table. */
    static final int IDT_LIMIT = 256 * 16 - 1;
    /** Size of the descriptor table. */
    static final int GDT_LIMIT = 0x4f;

    /** Selectors as Linux has them; some monitors accept no others. */
    static final int KERNEL_CS = 0x10;
    static final int KERNEL_SS = 0x18;
    static final int USER_CS = 0x33;
    static final int USER_SS = 0x2b;
    static final int TSS_SELECTOR = 0x40;

    /** Highest vector that a user may raise with an instruction: {@code int3} and {@code into}. */
    private static final int BREAKPOINT = 3;
    private static final int OVERFLOW = 4;
    private static final int HANDLER_SHIFT = 4;
    /** Of a gate: the first entry of the interrupt stack table. */
    private static final long IST_1 = 1;
    private static final long PROCESSORS = BASE + 0x10_0000;
    private static final int PAGE = 4096;
    private static final int STUB_BYTES = 4 * PAGE;
    private static final int TSS_RSP0 = 4;
    private static final int TSS_IST1 = 0x24;
    private static final int TSS_IO_MAP = 0x66;
    private static final int TSS_BYTES = 0x68;

    private final TableMemory memory;
    private final PageTables tables;
    private final EntryPath entryPath;
    private final StubCode stub;
    private final long stubPage;

    /**
     * Builds the pages.
     *
     * @param memory where they lie
     * @param frames the memory file, of which nothing is mapped
     * @param entryPath how system calls arrive
     * @throws ErrnoException ENOMEM
     */
    Supervisor(TableMemory memory, PhysicalFile frames, EntryPath entryPath) throws ErrnoException {
        this.memory = memory;
        this.entryPath = entryPath;
        stub = new StubCode(entryPath);
        tables = new PageTables(memory, frames);
        codePage(BASE, handlers());
        codePage(ENTRY, entry());
        stubPage = newPage(stub.bytes());
        descriptors();
    }

    /** {@return tables with these pages only, as an address space to begin with} */
    long root() {
        return tables.root();
    }

    /** Puts all this into the tables of an address space. */
    void addTo(PageTables space) throws ErrnoException {
        space.share(tables, BASE);
    }

    /**
     * Makes a processor's page.
     *
     * @param number the processor
     * @return its offset in the table memory
     * @throws ErrnoException ENOMEM
     */
    long addProcessor(int number) throws ErrnoException {
        long offset = memory.allocate();
        MemorySegment page = memory.memory().asSlice(offset, PAGE);
        page.set(Layouts.U64, TSS_RSP0, taskState(number) + PAGE);
        page.set(Layouts.U64, TSS_IST1, taskState(number) + PAGE);
        page.set(Layouts.U16, TSS_IO_MAP, (short) TSS_BYTES); // beyond its end: no ports for anybody
        tables.mapOwn(taskState(number), memory.physical(offset), false, Mman.PROT_READ | Mman.PROT_WRITE);
        return offset;
    }

    /**
     * Gives an address space its slot for a processor.
     *
     * @param space its tables
     * @param number the processor
     * @return the page's offset in the table memory; the caller gives it back
     * @throws ErrnoException ENOMEM
     */
    long addSlot(PageTables space, int number) throws ErrnoException {
        long offset = memory.allocate();
        boolean users = entryPath == EntryPath.RING_3;
        try {
            space.mapOwn(stubAddress(number), memory.physical(stubPage), users, Mman.PROT_READ | Mman.PROT_EXEC);
            space.mapOwn(stubAddress(number) + StubCode.SLOT, memory.physical(offset), users, Mman.PROT_READ | Mman.PROT_WRITE);
            if (users) {
                space.mapOwn(stubAddress(number) + StubCode.DOOR, DOORBELL, true, Mman.PROT_READ | Mman.PROT_WRITE);
            }
        } catch (ErrnoException e) {
            memory.release(offset);
            throw e;
        }
        return offset;
    }

    /** {@return the code where calls arrive} */
    StubCode stub() {
        return stub;
    }

    /** {@return where a processor's stub is} */
    static long stubAddress(int number) {
        return SLOTS + (long) number * STUB_BYTES;
    }

    /** {@return the guest address of a processor's task state segment} */
    static long taskState(int number) {
        return PROCESSORS + (long) number * PAGE;
    }

    /**
     * Which exception a handler is for.
     *
     * @param rip behind its {@code hlt}
     * @return the vector, or -1 if that is no handler
     */
    static int vector(long rip) {
        long offset = rip - 1 - BASE;
        return offset >= 0 && offset < PAGE && (offset & (1 << HANDLER_SHIFT) - 1) == 0 ? (int) (offset >> HANDLER_SHIFT) : -1;
    }

    private void codePage(long address, Assembler code) throws ErrnoException {
        tables.mapOwn(address, memory.physical(newPage(code.toBytes())), false, Mman.PROT_READ | Mman.PROT_EXEC);
    }

    private long newPage(byte[] bytes) throws ErrnoException {
        long offset = memory.allocate();
        memory.memory().asSlice(offset, bytes.length).copyFrom(MemorySegment.ofArray(bytes));
        return offset;
    }

    /** One handler for each vector, which ends KVM_RUN at once: ring 0 may be emulated, at two microseconds an instruction. */
    private static Assembler handlers() {
        Assembler code = new Assembler();
        for (int vector = 0; vector < 256; vector++) {
            code.bytes(0xf4).align(1 << HANDLER_SHIFT); // hlt
        }
        return code;
    }

    private static Assembler entry() {
        return new Assembler()
            .bytes(0xf4) // hlt: a 32-bit call, with rcx and r11 as the processor set them and all else the guest's
            .bytes(0x48, 0xcf); // iretq, for returns to users
    }

    private void descriptors() throws ErrnoException {
        long gdt = memory.allocate();
        MemorySegment words = memory.memory();
        words.set(Layouts.U64, gdt + KERNEL_CS, 0x00af_9b00_0000_ffffL);
        words.set(Layouts.U64, gdt + KERNEL_SS, 0x00cf_9300_0000_ffffL);
        words.set(Layouts.U64, gdt + 0x20, 0x00cf_fb00_0000_ffffL); // 32-bit user code
        words.set(Layouts.U64, gdt + (USER_SS & ~7), 0x00cf_f300_0000_ffffL);
        words.set(Layouts.U64, gdt + (USER_CS & ~7), 0x00af_fb00_0000_ffffL);
        tables.mapOwn(GDT, memory.physical(gdt), false, Mman.PROT_READ);
        long idt = memory.allocate();
        for (int vector = 0; vector < 256; vector++) {
            long handler = BASE + ((long) vector << HANDLER_SHIFT);
            long type = vector == BREAKPOINT || vector == OVERFLOW ? 0xee : 0x8e; // interrupt gate, for ring 3 or ring 0
            words.set(Layouts.U64, idt + vector * 16L,
                handler & 0xffff | (long) KERNEL_CS << 16 | IST_1 << 32 | type << 40 | (handler >> 16 & 0xffff) << 48);
            words.set(Layouts.U64, idt + vector * 16L + 8, handler >>> 32);
        }
        tables.mapOwn(IDT, memory.physical(idt), false, Mman.PROT_READ);
    }
}
