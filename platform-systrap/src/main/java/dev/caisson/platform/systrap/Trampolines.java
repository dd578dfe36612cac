package dev.caisson.platform.systrap;

import dev.caisson.abi.Layouts;
import dev.caisson.spi.platform.CodePatcher;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * What rewritten system-call sites of one process jump to: one piece of code for each site, in memory that the process maps
 * read-only, within reach of its libraries, where nothing else is. Processes that descend from it by fork share it. No trampoline is
 * ever removed or changed: another instruction at the same address gets none.
 *
 * <p>A site is an instruction of at least five bytes right before a {@code syscall}. Its first five bytes become a jump; the
 * {@code syscall} stays, so that whoever jumps to it gets what it always did. Of {@link SiteKind#CLEAR_EAX}, the {@code syscall} goes; who
 * goes on there, since an interrupted call is to be made again, goes on in the trampoline instead ({@link #resume}). A trampoline uses no stack and changes no flags. It
 * looks the thread's slot up by the base of fs in the process's table ({@link SlotTable}); the registers it needs for that are rcx and
 * r11, which the call destroys anyway, and the one that the site's instruction is about to load. Where the thread is not in the table, the
 * trampoline makes the call itself, which then is trapped.
 *
 * <pre>
 *   0 u64 address of the stub's entry
 *   8 u64 address of the table
 * 128 the first trampoline; 128 bytes each: code, and in the last 8 bytes where to go on
 * </pre>
 */
final class Trampolines {
    /** Size in memory. */
    static final int BYTES = 0x1_0000;
    /** What a site gives for a jump. */
    static final int JUMP_BYTES = 5;

    private static final int ENTRY_BYTES = 128;
    private static final int RETURN_POINTER = 120;
    private static final int COUNT = BYTES / ENTRY_BYTES;

    private final TrampolineFile file;
    private final int piece;
    private final long base;
    private final MemorySegment memory;
    /** Processes that map this. Guarded by this, as all below. */
    private int users = 1;
    private final Map<Long, Integer> known = new HashMap<>();
    private final long[] sites = new long[COUNT];
    private final SiteKind[] kinds = new SiteKind[COUNT];
    private final byte[][] originals = new byte[COUNT][];
    private volatile int used = 1;
    private boolean hasCoveredCalls;

    /**
     * Makes trampolines for a process, which maps them afterwards.
     *
     * @param file where they lie
     * @param piece of the file
     * @param base address in the process
     */
    Trampolines(TrampolineFile file, int piece, long base) {
        this.file = file;
        this.piece = piece;
        this.base = base;
        memory = file.memory(piece);
        memory.set(Layouts.U64, 0, file.entry());
        memory.set(Layouts.U64, 8, SlotGeometry.SLOTS);
    }

    /** One more process maps this: a copy of one that did. */
    synchronized void retain() {
        users++;
    }

    /** A process that mapped this is gone. */
    synchronized void release() {
        if (--users == 0) {
            file.free(piece);
        }
    }

    long base() {
        return base;
    }

    /** {@return which piece of the file this is} */
    int piece() {
        return piece;
    }

    /** Whether an address lies in a trampoline. */
    boolean contains(long address) {
        return address >= base + ENTRY_BYTES && address < base + BYTES;
    }

    /** Whether a site can jump here. */
    boolean reaches(long site) {
        long distance = site - base;
        return distance > Integer.MIN_VALUE + 2L * BYTES && distance < Integer.MAX_VALUE - 2L * BYTES;
    }

    /** The trampoline that holds an address. */
    int index(long address) {
        return (int) ((address - base) / ENTRY_BYTES);
    }

    /** Where a thread is, whose address lies in a trampoline, as its program sees it: at the site, or at its call; 0 if there is no site. */
    long site(long address) {
        int index = index(address);
        if (index >= used) {
            return 0;
        }
        return address == callAt(index) ? sites[index] + kinds[index].bytes() : sites[index];
    }

    private long callAt(int index) {
        return base + (long) index * ENTRY_BYTES + kinds[index].callOffset();
    }

    /**
     * Where a thread really goes on that is to go on at an address.
     *
     * @param address of the program
     * @param patcher tells whether a site is still rewritten
     * @return the call in a trampoline, if it stands for the one at the address; else the address
     */
    synchronized long resume(long address, CodePatcher patcher) {
        if (!hasCoveredCalls) {
            return address;
        }
        Integer index = known.get(address - SiteKind.CLEAR_EAX.bytes());
        if (index == null || !kinds[index].coversCall()) {
            return address;
        }
        return patcher.holds(sites[index], jumpAt(index)) ? callAt(index) : address;
    }

    /** Where the guest goes on after the call of the trampoline that holds an address. */
    long returnAddress(long address) {
        int index = index(address);
        return index < used ? sites[index] + kinds[index].bytes() + 2 : 0;
    }

    int count() {
        return used;
    }

    long siteAt(int index) {
        return sites[index];
    }

    byte[] originalAt(int index) {
        return originals[index].clone();
    }

    byte[] jumpAt(int index) {
        return jump(sites[index], index);
    }

    /**
     * Makes a site's trampoline, or finds it.
     *
     * @param address where the site's instruction is
     * @param kind of instruction
     * @param original its bytes
     * @return the jump to put there, or null when there is no more room or no jump that fits
     */
    synchronized byte[] add(long address, SiteKind kind, byte[] original) {
        Integer index = known.get(address);
        if (index != null && (kinds[index] != kind || !Arrays.equals(originals[index], Arrays.copyOf(original, JUMP_BYTES)))) {
            return null; // other code was loaded there
        }
        if (index == null) {
            if (used == COUNT || kind.coversCall() && jump(address, used)[JUMP_BYTES - 1] != original[JUMP_BYTES - 1]) {
                return null;
            }
            index = used;
            byte[] bytes = kind.trampoline(original, index * ENTRY_BYTES, RETURN_POINTER);
            MemorySegment.copy(MemorySegment.ofArray(bytes), 0, memory, (long) index * ENTRY_BYTES, bytes.length);
            memory.set(Layouts.U64, (long) index * ENTRY_BYTES + RETURN_POINTER, address + kind.bytes() + 2);
            sites[index] = address;
            kinds[index] = kind;
            originals[index] = Arrays.copyOf(original, JUMP_BYTES);
            known.put(address, index);
            hasCoveredCalls |= kind.coversCall();
            used = index + 1;
        }
        return jump(address, index);
    }

    private byte[] jump(long address, int index) {
        long to = base + (long) index * ENTRY_BYTES;
        int distance = (int) (to - (address + JUMP_BYTES));
        return new byte[] {(byte) 0xe9, (byte) distance, (byte) (distance >> 8), (byte) (distance >> 16), (byte) (distance >> 24)};
    }

}
