package dev.caisson.platform.kvm;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Mman;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/**
 * The page tables of one address space: four levels (SDM volume 3, chapter 4.5), 4 KiB pages only. Accessed and dirty bits are always
 * set, so that no processor and no KVM has a reason to write here.
 *
 * <p>Locked by itself. Upper entries are written once and stay as they are until {@link #close}.
 */
final class PageTables {
    private static final int PAGE_SHIFT = 12;
    private static final int ENTRIES = 512;
    private static final int TOP_LEVEL = 3;

    private static final long PRESENT = 1;
    private static final long WRITABLE = 2;
    private static final long USER = 4;
    private static final long ACCESSED_DIRTY = 0x60;
    private static final long NO_EXECUTE = 1L << 63;
    private static final long FRAME = 0x000f_ffff_ffff_f000L;

    private static final VarHandle ENTRY = ValueLayout.JAVA_LONG.varHandle();

    /** A page of entries; {@code children} is null for the lowest level. */
    private static final class Table {
        final long page;
        final Table[] children;

        Table(long page, int level) {
            this.page = page;
            children = level == 0 ? null : new Table[ENTRIES];
        }
    }

    private final TableMemory memory;
    private final MemorySegment words;
    private final PhysicalFile frames;
    private final Table root;
    private final FrameRuns lost;
    private boolean closed;

    /**
     * Makes tables in which nothing is mapped.
     *
     * @param memory where they lie
     * @param frames what they map for users
     * @throws ErrnoException ENOMEM
     */
    PageTables(TableMemory memory, PhysicalFile frames) throws ErrnoException {
        this.memory = memory;
        this.words = memory.memory();
        this.frames = frames;
        lost = new FrameRuns(memory, frames);
        root = new Table(memory.allocate(), TOP_LEVEL);
    }

    /** {@return the guest-physical address of the root, for CR3} */
    long root() {
        return memory.physical(root.page);
    }

    /**
     * Maps one page of the monitor's.
     *
     * @param address guest address
     * @param physical guest-physical address
     * @param user whether user code may use it
     * @param protection {@code PROT_*}
     * @throws ErrnoException ENOMEM
     */
    synchronized void mapOwn(long address, long physical, boolean user, int protection) throws ErrnoException {
        set(leaf(address), index(address, 0), physical | flags(protection) & ~USER | (user ? USER : 0));
    }

    /**
     * Uses another's tables for the GiB around an address, as long as this lives.
     *
     * @param other the other tables
     * @param address guest address
     * @throws ErrnoException ENOMEM
     */
    synchronized void share(PageTables other, long address) throws ErrnoException {
        Table theirs = other.root.children[index(address, 3)].children[index(address, 2)];
        Table upper = child(root, index(address, 3), TOP_LEVEL - 1);
        set(upper, index(address, 2), memory.physical(theirs.page) | PRESENT | WRITABLE | USER | ACCESSED_DIRTY);
    }

    /**
     * Maps a range of the memory file, replacing what was there.
     *
     * @param address guest address
     * @param bytes length
     * @param offset in the memory file; the guest has that memory
     * @param protection {@code PROT_*}, not 0
     * @throws ErrnoException ENOMEM; the range is then unmapped
     */
    synchronized void map(long address, long bytes, long offset, int protection) throws ErrnoException {
        long flags = flags(protection);
        long end = address + bytes;
        long physical = frames.physical(offset);
        for (long at = address; at < end;) {
            Table leaf;
            try {
                leaf = leaf(at);
            } catch (ErrnoException e) {
                unmap(address, bytes);
                throw e;
            }
            long stop = Math.min(end, endOfLeaf(at));
            for (; at < stop; at += 1 << PAGE_SHIFT, physical += 1 << PAGE_SHIFT) {
                replace(leaf, index(at, 0), physical | flags);
            }
        }
        lost.flush();
    }

    /**
     * Takes a range away.
     *
     * @param address guest address
     * @param bytes length
     */
    synchronized void unmap(long address, long bytes) {
        long end = address + bytes;
        for (long at = address; at < end;) {
            Table leaf = existingLeaf(at);
            long stop = Math.min(end, leaf == null ? endOfHole(at) : endOfLeaf(at));
            if (leaf != null) {
                for (; at < stop; at += 1 << PAGE_SHIFT) {
                    replace(leaf, index(at, 0), 0);
                }
            }
            at = stop;
        }
        lost.flush();
    }

    /**
     * Changes the rights of what is mapped in a range.
     *
     * @param address guest address
     * @param bytes length
     * @param protection {@code PROT_*}, not 0
     */
    synchronized void protect(long address, long bytes, int protection) {
        long flags = flags(protection);
        long end = address + bytes;
        for (long at = address; at < end;) {
            Table leaf = existingLeaf(at);
            long stop = Math.min(end, leaf == null ? endOfHole(at) : endOfLeaf(at));
            if (leaf != null) {
                for (; at < stop; at += 1 << PAGE_SHIFT) {
                    long old = get(leaf, index(at, 0));
                    if (old != 0) {
                        replace(leaf, index(at, 0), old & FRAME | flags);
                    }
                }
            }
            at = stop;
        }
        lost.flush();
    }

    /**
     * Copies everything below a limit into new tables.
     *
     * @param child tables in which nothing is mapped below the limit
     * @param limit guest address, a multiple of 512 GiB but for what {@link #share} put above it
     * @throws ErrnoException ENOMEM; the child is to be closed
     */
    synchronized void copyTo(PageTables child, long limit) throws ErrnoException {
        copy(root, child, child.root, TOP_LEVEL, 0, limit);
    }

    private void copy(Table from, PageTables child, Table to, int level, long start, long limit) throws ErrnoException {
        if (level == 0) {
            MemorySegment.copy(words, from.page, words, to.page, ENTRIES * 8L);
            return;
        }
        for (int i = 0; i < ENTRIES; i++) {
            Table below = from.children[i];
            long address = start + ((long) i << PAGE_SHIFT + 9 * level);
            if (below != null && address < limit) {
                copy(below, child, child.child(to, i, level - 1), level - 1, address, limit);
            }
        }
    }

    /**
     * Whether a user's access would work, going by the tables.
     *
     * @param address guest address
     * @param write whether it is a store
     * @param execute whether it is a fetch
     * @return whether it would
     */
    synchronized boolean allows(long address, boolean write, boolean execute) {
        Table leaf = existingLeaf(address);
        long entry = leaf == null ? 0 : get(leaf, index(address, 0));
        return (entry & PRESENT) != 0 && (!write || (entry & WRITABLE) != 0) && (!execute || (entry & NO_EXECUTE) == 0);
    }

    /**
     * Where in the memory file a mapped address lies.
     *
     * @param address guest address
     * @return the offset, or -1
     */
    synchronized long offset(long address) {
        Table leaf = existingLeaf(address);
        long entry = leaf == null ? 0 : get(leaf, index(address, 0));
        return entry == 0 ? -1 : frames.offset(entry & FRAME) + (address & (1 << PAGE_SHIFT) - 1);
    }

    /** Gives all pages back; no processor runs here any more. */
    synchronized void close() {
        if (!closed) {
            closed = true;
            release(root);
        }
    }

    private void release(Table table) {
        if (table.children != null) {
            for (Table below : table.children) {
                if (below != null) {
                    release(below);
                }
            }
        }
        memory.release(table.page);
    }

    /** Writes an entry, and remembers the frame of the old one if a right to it is gone. */
    private void replace(Table leaf, int index, long entry) {
        long old = get(leaf, index);
        if (old == entry) {
            return;
        }
        set(leaf, index, entry);
        boolean keepsRights = (entry & FRAME) == (old & FRAME) && (entry & PRESENT) != 0
            && (old & WRITABLE & ~entry) == 0 && (~old & entry & NO_EXECUTE) == 0;
        if (old != 0 && !keepsRights) {
            lost.add(frames.offset(old & FRAME));
        }
    }

    private Table leaf(long address) throws ErrnoException {
        Table table = root;
        for (int level = TOP_LEVEL; level > 0; level--) {
            table = child(table, index(address, level), level - 1);
        }
        return table;
    }

    private Table child(Table table, int index, int level) throws ErrnoException {
        Table below = table.children[index];
        if (below == null) {
            below = new Table(memory.allocate(), level);
            table.children[index] = below;
            set(table, index, memory.physical(below.page) | PRESENT | WRITABLE | USER | ACCESSED_DIRTY);
        }
        return below;
    }

    private Table existingLeaf(long address) {
        Table table = root;
        for (int level = TOP_LEVEL; level > 0 && table != null; level--) {
            table = table.children[index(address, level)];
        }
        return table;
    }

    /** Past an address without a lowest table, the next one where there may be one. */
    private long endOfHole(long address) {
        Table table = root;
        int level = TOP_LEVEL;
        while (table.children[index(address, level)] != null) {
            table = table.children[index(address, level)];
            level--;
        }
        int shift = PAGE_SHIFT + 9 * level;
        return (address >>> shift) + 1 << shift;
    }

    private static long endOfLeaf(long address) {
        int shift = PAGE_SHIFT + 9;
        return (address >>> shift) + 1 << shift;
    }

    private static int index(long address, int level) {
        return (int) (address >>> PAGE_SHIFT + 9 * level) & ENTRIES - 1;
    }

    private long get(Table table, int index) {
        return (long) ENTRY.getOpaque(words, table.page + 8L * index);
    }

    private void set(Table table, int index, long value) {
        ENTRY.setRelease(words, table.page + 8L * index, value);
    }

    private static long flags(int protection) {
        return PRESENT | USER | ACCESSED_DIRTY | ((protection & Mman.PROT_WRITE) != 0 ? WRITABLE : 0)
            | ((protection & Mman.PROT_EXEC) == 0 ? NO_EXECUTE : 0);
    }
}
