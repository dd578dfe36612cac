package dev.caisson.memory;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Mman;
import dev.caisson.spi.platform.CodePatcher;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import java.util.function.BooleanSupplier;

/**
 * Changes code for the platform, in private mappings that the guest may execute and not write: copies of the page are made as for a
 * debugger. A change that lies in one aligned word is one store; others are made only while nobody else can execute them.
 */
final class CodePatch implements CodePatcher {
    private static final VarHandle WORD = ValueLayout.JAVA_LONG.varHandle();
    private static final int WORD_BYTES = 8;

    private final Mappings mappings;
    private final FaultHandler faults;
    private final MemorySegment memory;
    private final BooleanSupplier alone;
    private volatile boolean nobodyRuns;
    /** A debugger looks at the code: no more changes, only their undoing. */
    private volatile boolean frozen;

    CodePatch(Mappings mappings, FaultHandler faults, MemorySegment memory, BooleanSupplier alone) {
        this.mappings = mappings;
        this.faults = faults;
        this.memory = memory;
        this.alone = alone;
    }

    /** Does something while every user of the memory stands still. */
    void whileNobodyRuns(Runnable action) {
        nobodyRuns = true;
        try {
            action.run();
        } finally {
            nobodyRuns = false;
        }
    }

    private boolean isAlone() {
        return nobodyRuns || alone.getAsBoolean();
    }

    /** Whether from now on nothing is changed that was not changed before. */
    void freeze(boolean value) {
        frozen = value;
    }

    @Override
    public boolean holds(long address, byte[] expected) {
        mappings.lock.lock();
        try {
            return holdsLocked(address, expected);
        } catch (ErrnoException e) {
            return false; // not there
        } finally {
            mappings.lock.unlock();
        }
    }

    private boolean holdsLocked(long address, byte[] expected) throws ErrnoException {
        long inPage = address & Pages.MASK;
        if (inPage + expected.length > Pages.SIZE) {
            return false;
        }
        Vma vma = mappings.vmas.find(address);
        if (vma == null || (vma.protection & (Mman.PROT_EXEC | Mman.PROT_WRITE)) != Mman.PROT_EXEC || (vma.flags & Vma.SHARED) != 0) {
            return false;
        }
        byte[] found = new byte[expected.length];
        MemorySegment.copy(memory, faults.resolveLocked(address >>> Pages.SHIFT, false, 1, true) + inPage,
            MemorySegment.ofArray(found), 0, found.length);
        return Arrays.equals(found, expected);
    }

    @Override
    public boolean replace(long address, byte[] expected, byte[] replacement) {
        long inPage = address & Pages.MASK;
        boolean inOneWord = (address & WORD_BYTES - 1) + expected.length <= WORD_BYTES;
        if (!inOneWord && !isAlone()) {
            return false;
        }
        mappings.lock.lock();
        try {
            if (!holdsLocked(address, expected)) {
                return false;
            }
            long at = faults.resolveLocked(address >>> Pages.SHIFT, true, 1, true) + inPage;
            if (inOneWord) {
                long word = at & -WORD_BYTES;
                WORD.setVolatile(memory, word, merge((long) WORD.getVolatile(memory, word), (int) (at - word), replacement));
            } else {
                MemorySegment.copy(MemorySegment.ofArray(replacement), 0, memory, at, replacement.length);
            }
            return true;
        } catch (ErrnoException e) {
            return false; // not there, or no memory for a copy
        } finally {
            mappings.lock.unlock();
        }
    }

    @Override
    public boolean mayChange() {
        return !frozen;
    }

    @Override
    public boolean replaceAlone(long address, byte[] expected, byte[] replacement) {
        return isAlone() && replace(address, expected, replacement);
    }

    private static long merge(long word, int at, byte[] bytes) {
        long merged = word;
        for (int i = 0; i < bytes.length; i++) {
            int shift = 8 * (at + i);
            merged = merged & ~(0xffL << shift) | (bytes[i] & 0xffL) << shift;
        }
        return merged;
    }
}
