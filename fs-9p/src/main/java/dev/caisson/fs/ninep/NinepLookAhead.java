package dev.caisson.fs.ninep;

import dev.caisson.abi.ErrnoException;
import dev.caisson.ninep.FileAttributes;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.LookAhead;
import java.util.List;

/** What one message has told of the steps of a path. */
final class NinepLookAhead implements LookAhead {
    /**
     * The answer.
     *
     * @param steps the files that were found, in order
     * @param hasEnd whether it is known that the next name does not exist
     */
    record Trail(List<FileAttributes> steps, boolean hasEnd) {}

    private final List<String> names;
    private final Trail trail;
    private Inode directory;
    private int next;

    NinepLookAhead(Inode start, List<String> names, Trail trail) {
        this.directory = start;
        this.names = names;
        this.trail = trail;
    }

    @Override
    public Inode lookup(Inode where, String name) throws ErrnoException {
        int step = next++;
        boolean isForeseen = where == directory && step < names.size() && names.get(step).equals(name);
        if (isForeseen && step < trail.steps().size()) {
            NinepDirectory parent = (NinepDirectory) where;
            NinepInode found = parent.ninep().inode(trail.steps().get(step), parent, name);
            directory = found;
            return found;
        }
        directory = null;
        return isForeseen && step == trail.steps().size() && trail.hasEnd() ? null : where.lookup(name);
    }
}
