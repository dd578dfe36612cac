package dev.caisson.memory;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.Mappable;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Gives the mappings of files other pages to show, since another filesystem serves the files: planned first, then done or given up. No
 * guest runs and nobody maps anything from the plan to its end.
 *
 * <p>Pages of the file leave the address spaces and are faulted in again from where they are now; private copies stay. What was written
 * through a shared mapping has been written back before.
 */
public final class FileMappingMove {
    /** Where the pages of a mapped file are from now on. */
    @FunctionalInterface
    public interface Target {
        /**
         * Finds the pages.
         *
         * @param file a mapped file
         * @return its pages; null when it stays as it is
         * @throws ErrnoException what the new filesystem refuses to map it with
         */
        Mappable of(MappedFile file) throws ErrnoException;
    }

    private record Move(Vma vma, Mappable from, Mappable to) {}

    private final List<Move> moves = new ArrayList<>();

    /**
     * Looks at all mappings and tells the new pages who will show them. After a failure nothing is left of it.
     *
     * @param memories all address spaces in which files are mapped
     * @param target where the pages of each file are
     * @throws ErrnoException what the target fails with, EPERM, EAGAIN
     */
    public FileMappingMove(Collection<MemoryManager> memories, Target target) throws ErrnoException {
        // The target may take locks that come before those of mappings.
        Set<MappedFile> files = Collections.newSetFromMap(new IdentityHashMap<>());
        for (MemoryManager memory : memories) {
            memory.contents().collectFiles(files);
        }
        Map<MappedFile, Mappable> pages = new IdentityHashMap<>();
        for (MappedFile file : files) {
            pages.put(file, target.of(file));
        }
        try {
            for (MemoryManager memory : memories) {
                plan(memory.contents(), pages);
            }
        } catch (ErrnoException e) {
            abandon();
            throw e;
        }
    }

    private void plan(Mappings mappings, Map<MappedFile, Mappable> pages) throws ErrnoException {
        mappings.lock.lock();
        try {
            for (int i = 0; i < mappings.vmas.size(); i++) {
                Vma vma = mappings.vmas.at(i);
                Mappable to = vma.file == null ? null : pages.get(vma.file);
                if (to != null && to != vma.mappable) {
                    to.addMapping(vma, vma.isWritableShared());
                    moves.add(new Move(vma, vma.mappable, to));
                }
            }
        } finally {
            mappings.lock.unlock();
        }
    }

    /** {@return how many mappings move} */
    public int count() {
        return moves.size();
    }

    /** Does it. The old pages do not know of the mappings any more when this returns. */
    public void commit() {
        for (Move move : moves) {
            move.vma.owner.follow(move.vma, move.to);
        }
        // Now that nobody can write to them, the last to go may write them back a last time.
        for (Move move : moves) {
            move.from.removeMapping(move.vma, move.vma.isWritableShared());
        }
    }

    /** Gives it up; everything is as it was. */
    public void abandon() {
        for (Move move : moves) {
            move.to.removeMapping(move.vma, move.vma.isWritableShared());
        }
        moves.clear();
    }
}
