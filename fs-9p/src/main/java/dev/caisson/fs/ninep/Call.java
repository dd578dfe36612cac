package dev.caisson.fs.ninep;

import dev.caisson.ninep.MessageType;
import dev.caisson.ninep.Protocol;
import dev.caisson.ninep.WireReader;
import dev.caisson.ninep.WireWriter;
import java.lang.foreign.MemorySegment;

/**
 * A request and its reply. Used again for other requests; whoever began it owns it until {@link Connection#end}. The state is guarded by
 * the connection.
 */
final class Call {
    /** Where a call is. */
    enum State {
        /** Nobody uses it. */
        IDLE,
        /** It is being filled. */
        FILLING,
        /** It was sent, or is about to be, and has no reply yet. */
        WAITING,
        /** Somebody copies its reply. */
        REPLYING,
        /** The reply is there. */
        DONE,
        /** Its caller gave it up; Tflush is on its way. */
        ABANDONED,
        /** Rflush has come. */
        FLUSHED
    }

    final WireWriter out = new WireWriter();
    final WireReader in = new WireReader();
    private byte[] reply = new byte[256];

    State state = State.IDLE;
    /** Its place in the connection's table. */
    int tag;
    /** The tag of the message: {@link #tag}, or with something in its upper half. */
    int sentTag;
    MessageType type;
    Thread caller;
    /** Its caller has not called {@link Connection#end} yet. */
    boolean isHeld;
    /** Nobody waits: the reply, whatever it is, frees {@link #newFid}. */
    boolean isUnattended;

    /** A fid that exists if the call succeeds (or, of Tclunk, one that is free when it is done); NO_FID for none. */
    int newFid;
    /** Who is told of the answer that nobody waits for; null for nobody. */
    Connection.Late late;
    /** Of Tflush: whom it flushes. */
    Call flushed;
    /** Where data goes that is read; of global scope, since whoever receives writes to it. */
    MemorySegment target;

    /** The type of the reply; null for none that exists. */
    MessageType replyType;
    /** Bytes that were put into {@link #target}; -1 when the reply was no good. */
    int dataBytes;
    /** A descriptor that came with the reply, or -1. */
    int descriptor;

    void clear() {
        caller = null;
        isUnattended = false;
        newFid = Protocol.NO_FID;
        late = null;
        flushed = null;
        target = null;
        replyType = null;
        dataBytes = 0;
        descriptor = -1;
    }

    /** Room for a reply. */
    byte[] reply(int bytes) {
        if (reply.length < bytes) {
            reply = new byte[Math.max(bytes, 2 * reply.length)];
        }
        return reply;
    }
}
