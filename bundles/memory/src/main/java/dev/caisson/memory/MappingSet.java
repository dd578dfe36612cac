package dev.caisson.memory;

import dev.caisson.spi.fs.Mappable;
import dev.caisson.spi.lock.RankedLock;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;

/** Who maps a file. Guarded by the file's lock, which is not held while mappings are told. */
final class MappingSet {
    private static final Set<Mappable.Mapping> NOBODY = Set.of();

    private final RankedLock lock;
    /** Made with the first mapping: most files are never mapped. */
    private Set<Mappable.Mapping> mappings = NOBODY;
    private int writableShared;

    MappingSet(RankedLock lock) {
        this.lock = lock;
    }

    void addLocked(Mappable.Mapping mapping, boolean writable) {
        if (mappings == NOBODY) {
            mappings = Collections.newSetFromMap(new IdentityHashMap<>());
        }
        if (mappings.add(mapping) && writable) {
            writableShared++;
        }
    }

    void removeLocked(Mappable.Mapping mapping, boolean writable) {
        if (mappings != NOBODY && mappings.remove(mapping) && writable) {
            writableShared--;
        }
    }

    boolean isEmpty() {
        return mappings.isEmpty();
    }

    boolean isWritable() {
        return writableShared > 0;
    }

    /**
     * Tells every mapping that pages go; those that are added meanwhile (by a fork that copied a stale page) too. The pages are no longer in
     * the file's index.
     */
    void invalidate(long firstPage, long pageCount, boolean andPrivateCopies) {
        Set<Mappable.Mapping> told = null;
        while (true) {
            List<Mappable.Mapping> next;
            lock.lock();
            try {
                if (mappings.isEmpty()) {
                    return;
                }
                next = new ArrayList<>(mappings);
            } finally {
                lock.unlock();
            }
            if (told == null) {
                told = Collections.newSetFromMap(new IdentityHashMap<>());
            }
            boolean any = false;
            for (Mappable.Mapping mapping : next) {
                if (told.add(mapping)) {
                    any = true;
                    mapping.invalidate(firstPage, pageCount, andPrivateCopies);
                }
            }
            if (!any) {
                return;
            }
        }
    }
}
