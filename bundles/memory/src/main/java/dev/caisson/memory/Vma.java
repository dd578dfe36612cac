package dev.caisson.memory;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.Mappable;

/**
 * One mapping: a range of pages with one set of properties (Linux: vm_area_struct). Guarded by the lock of its {@link Mappings}.
 */
final class Vma implements Mappable.Mapping {
    static final int SHARED = 1;
    static final int GROWS_DOWN = 2;
    static final int LOCKED = 4;
    static final int LOCK_ON_FAULT = 8;
    static final int DONT_FORK = 16;
    static final int WIPE_ON_FORK = 32;
    static final int DONT_DUMP = 64;
    /** A mapping of the kernel's own pages (vDSO): never merged, never expanded. */
    static final int SPECIAL = 128;
    static final int NO_RESERVE = 256;
    static final int SEALED = 512;
    /** Memory policy of mbind(2), which is kept and told only. */
    static final int POLICY_SHIFT = 16;
    static final int POLICY = 0xff << POLICY_SHIFT;

    final Mappings owner;
    long start;
    long end;
    int protection;
    int allowed;
    int flags;
    /** What it maps, or null for private anonymous memory. Another one only by {@link FileMappingMove}. */
    Mappable mappable;
    /** The open file behind {@link #mappable}, or null. */
    final MappedFile file;
    /** Index of the page of {@link #mappable} at {@link #start}. For anonymous memory: start / 4096 at creation, as Linux numbers it. */
    long firstPage;
    final String label;
    /** Where the last window of anonymous pages ended, to notice sequential access. */
    long nextExpected;
    /** Size of the last such window. */
    int windowPages;

    /** Faults that brought anonymous pages or copies in; many of them earn larger windows. */
    int faults;

    Vma(Mappings owner, long start, long end, int protection, int allowed, int flags, Mappable mappable, MappedFile file,
            long firstPage, String label) {
        this.owner = owner;
        this.start = start;
        this.end = end;
        this.protection = protection;
        this.allowed = allowed;
        this.flags = flags;
        this.mappable = mappable;
        this.file = file;
        this.firstPage = firstPage;
        this.label = label;
    }

    /** The same properties for another range; not attached yet. */
    Vma copyFor(Mappings newOwner, long newStart, long newEnd) {
        return new Vma(newOwner, newStart, newEnd, protection, allowed, flags, mappable, file,
                firstPage + (newStart - start >> Pages.SHIFT), label);
    }

    boolean is(int flag) {
        return (flags & flag) != 0;
    }

    boolean isShared() {
        return (flags & SHARED) != 0;
    }

    boolean isPrivateAnonymous() {
        return mappable == null;
    }

    boolean contains(long address) {
        return address >= start && address < end;
    }

    long pages() {
        return end - start >>> Pages.SHIFT;
    }

    long filePage(long page) {
        return firstPage + page - (start >>> Pages.SHIFT);
    }

    /** Whether it counts as data for RLIMIT_DATA and VmData: private, writable, no stack. */
    boolean isData() {
        return (protection & 2) != 0 && !isShared() && !is(GROWS_DOWN);
    }

    boolean isWritableShared() {
        return isShared() && (allowed & 2) != 0;
    }

    /** Tells the file that it is mapped. */
    void attach() throws ErrnoException {
        if (mappable != null) {
            mappable.addMapping(this, isWritableShared());
            if (file != null) {
                file.retain();
            }
        }
    }

    /** Tells the file that it is no longer mapped; may close the file, so the caller holds no lock if it can avoid it. */
    void detach() {
        if (mappable != null) {
            mappable.removeMapping(this, isWritableShared());
            if (file != null) {
                file.release();
            }
        }
    }

    /** Whether {@code next}, which starts where this ends, continues this. */
    boolean continuesWith(Vma next) {
        return end == next.start && protection == next.protection && allowed == next.allowed && flags == next.flags
                && (flags & SPECIAL) == 0 && mappable == next.mappable
                && (file == null ? next.file == null : file.equals(next.file))
                && (mappable == null || firstPage + pages() == next.firstPage) && label.equals(next.label);
    }

    @Override
    public void invalidate(long firstPage, long pageCount, boolean andPrivateCopies) {
        owner.invalidate(this, firstPage, pageCount, andPrivateCopies);
    }
}
