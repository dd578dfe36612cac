package dev.caisson.fs.ninep;

import dev.caisson.host.HostFile;
import dev.caisson.ninep.Protocol;

/** Something that reaches a file: a fid of a session, or a descriptor that the server has donated. Counts and links are the pool's. */
final class Handle {
    /** Where a file keeps its handle of one kind. Guarded by the pool. */
    static final class Slot {
        Handle current;
    }

    final Slot slot;
    final Session session;
    /** The fid, or NO_FID. */
    final int fid;
    /** The donated descriptor, or -1. */
    final int descriptor;
    final boolean isWritable;
    /** How often names had changed when the fid was walked; of a fid that is a path to the server (see {@link NinepFileSystem#renames}). */
    final int renames;

    int users = 1;
    /** Kept though writable, for the open that follows the creation. */
    boolean isFresh;
    Handle older;
    Handle newer;

    Handle(Slot slot, Session session, int fid, int descriptor, boolean isWritable, int renames) {
        this.slot = slot;
        this.session = session;
        this.fid = fid;
        this.descriptor = descriptor;
        this.isWritable = isWritable;
        this.renames = renames;
    }

    /** Whether it still reaches the file: a descriptor outlives the server. */
    boolean isUsable() {
        return fid == Protocol.NO_FID || !session.isBroken();
    }

    void dispose() {
        if (descriptor >= 0) {
            HostFile.close(descriptor);
        }
        if (fid != Protocol.NO_FID && !session.isBroken()) {
            session.clunk(fid);
        }
    }
}
