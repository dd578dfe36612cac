package dev.caisson.fs.ninep;

import static dev.caisson.abi.Errno.EIO;
import static dev.caisson.abi.Errno.EPROTO;
import static dev.caisson.abi.Errno.ERESTARTSYS;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostSocket;
import dev.caisson.ninep.MessageSocket;
import dev.caisson.ninep.MessageType;
import dev.caisson.ninep.Names;
import dev.caisson.ninep.Protocol;
import dev.caisson.ninep.WireReader;
import dev.caisson.spi.fs.JobControl;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Many requests in flight on one socket. There is no thread that reads: of the callers that wait, one receives for all, and hands that
 * over when its own reply has come. A call alone on the connection thus costs one wake-up less, which is most of its time.
 *
 * <p>A caller that was killed, or has waited for too long, sends Tflush and leaves; tag and fids of its request are used again only when
 * the server has answered either of them. The monitor is a leaf; nothing waits under it.
 */
final class Connection {
    /** How long a caller waits before it looks whether it was killed. */
    static final long SLICE_MS = 20;

    private static final Logger log = LoggerFactory.getLogger(Connection.class);
    /** As many as the lower half of a tag numbers. */
    private static final int MOST_CALLS = 256;
    /** Unattended calls (clunks) whose replies nobody has read yet. */
    private static final int MOST_UNATTENDED = 64;
    /** Messages that one caller receives for others before it looks at the time: a server may talk for ever. */
    private static final int MOST_AT_ONCE = 64;
    private static final long DRAIN_NS = 500_000_000L;

    private final MessageSocket socket;
    private final long timeoutNs;
    private final boolean isUnix;
    /** Null where the server knows nothing of processors. */
    private volatile ProcessorHints hints;
    private final FidNumbers fids = new FidNumbers();

    /** By tag. Guarded by this, as is what follows. */
    private final Call[] calls = new Call[MOST_CALLS];
    private final ArrayDeque<Call> idle = new ArrayDeque<>();
    private int calling;
    private int unattended;
    private boolean isReceiving;
    private volatile boolean isBroken;
    private boolean isClosed;

    /**
     * Takes a socket over.
     *
     * @param fd connected
     * @param timeoutMs how long a request may stay unanswered
     */
    Connection(int fd, long timeoutMs) {
        this.socket = new MessageSocket(fd, SLICE_MS, timeoutMs);
        this.timeoutNs = timeoutMs * 1_000_000;
        this.isUnix = HostSocket.isUnix(fd);
    }

    /** {@return whether descriptors can come with messages} */
    boolean isUnix() {
        return isUnix;
    }

    FidNumbers fids() {
        return fids;
    }

    /** Only while no call is under way. */
    void setLimit(int messageBytes) {
        socket.setLimit(messageBytes);
    }

    /** {@return whether nothing will ever be answered again} */
    boolean isBroken() {
        return isBroken;
    }

    /** Fails when nothing will ever be answered again. */
    void checkUsable() throws ErrnoException {
        if (isBroken) {
            throw EIO.error("the connection to the server is lost");
        }
    }

    // ---- calls

    /**
     * Begins a request; its fields are to be written to {@link Call#out}. When there are too many it waits, and receives if nobody else
     * does: those in flight may all have been given up, so that no caller is left to read what the server says to that.
     */
    Call begin(MessageType type) throws ErrnoException {
        long begunNs = System.nanoTime();
        while (true) {
            synchronized (this) {
                if (isBroken || calling < MOST_CALLS - 2) { // Tflush needs tags, too
                    return start(openLocked(), type);
                }
                if (System.nanoTime() - begunNs > timeoutNs) {
                    breakLocked();
                    throw EIO.error("the server answers nobody");
                }
                if (isReceiving) {
                    awaitLocked();
                    continue;
                }
                isReceiving = true;
            }
            receive(null);
            if (isKilled()) {
                throw ERESTARTSYS.error();
            }
        }
    }

    private Call start(Call call, MessageType type) {
        call.type = type;
        ProcessorHints telling = hints;
        call.sentTag = type == MessageType.TVERSION ? Protocol.NO_TAG : telling == null ? call.tag : telling.tag(call.tag);
        call.out.start(type, call.sentTag);
        return call;
    }

    /** From now on requests may tell from which processor they come, in the upper half of their tags. */
    void tellProcessor() {
        hints = new ProcessorHints();
    }

    /** A tag for a call. */
    private Call openLocked() throws ErrnoException {
        checkUsable();
        Call call = idle.poll();
        if (call == null) {
            if (calling == MOST_CALLS) {
                breakLocked();
                throw EIO.error("the server does not answer");
            }
            call = new Call();
            call.tag = freeTagLocked();
            calls[call.tag] = call; // an idle call keeps its tag
        }
        call.clear();
        call.state = Call.State.FILLING;
        call.isHeld = true;
        calling++;
        return call;
    }

    private int freeTagLocked() {
        int tag = 0;
        while (calls[tag] != null) {
            tag++;
        }
        return tag;
    }

    private void closeLocked(Call call) {
        call.state = Call.State.IDLE;
        call.target = null;
        calling--;
        idle.push(call);
        if (calling == MOST_CALLS - 3) {
            notifyAll();
        }
    }

    private void awaitLocked() throws ErrnoException {
        try {
            wait(SLICE_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw EIO.error("interrupted");
        }
        if (isKilled()) {
            throw ERESTARTSYS.error();
        }
    }

    /** {@return whether it is known what became of a call: it was answered, or never sent} */
    synchronized boolean isOver(Call call) {
        return call.state == Call.State.DONE || call.state == Call.State.FILLING;
    }

    /** The caller has seen the reply. */
    void end(Call call) {
        int descriptor;
        synchronized (this) {
            call.isHeld = false;
            if (call.state == Call.State.ABANDONED) {
                return; // Rflush closes it
            }
            descriptor = call.descriptor;
            closeLocked(call);
        }
        if (descriptor >= 0) {
            HostFile.close(descriptor);
        }
    }

    /**
     * Sends a request and waits for its reply.
     *
     * @param call filled
     * @param data what follows its fields, or null
     * @return the fields of the reply, whose type is as expected
     * @throws ErrnoException what the server answered; EPROTO for an answer to something else, EIO without one
     */
    WireReader exchange(Call call, MemorySegment data) throws ErrnoException {
        ProcessorHints timed = ProcessorHints.isShort(call.type) ? hints : null;
        long begunNs = timed == null ? 0 : System.nanoTime();
        post(call, false);
        send(call, data);
        await(call);
        if (timed != null) {
            timed.took(System.nanoTime() - begunNs);
        }
        if (call.replyType == MessageType.RLERROR) {
            int number = call.in.u32();
            throw call.in.isConsumed() ? Names.errno(number).error() : EPROTO.error("a malformed Rlerror");
        }
        if (call.replyType != call.type.reply()) {
            throw EPROTO.error("the answer to another question");
        }
        return call.in;
    }

    /** From now on a reply is accepted. */
    private synchronized void post(Call call, boolean isUnattended) {
        call.isUnattended = isUnattended;
        call.caller = isUnattended ? null : Thread.currentThread();
        call.state = Call.State.WAITING;
        if (isUnattended) {
            unattended++;
        }
    }

    private void send(Call call, MemorySegment data) throws ErrnoException {
        try {
            socket.send(call.out, data, -1);
        } catch (ErrnoException e) {
            synchronized (this) {
                breakLocked();
            }
            throw e;
        }
    }

    /** Lets a fid go: without waiting for the answer, unless there are many of these. */
    void clunk(int fid) {
        try {
            if (clunkUnattended(fid, MOST_UNATTENDED)) {
                return;
            }
            Call call = begin(MessageType.TCLUNK);
            try {
                call.out.u32(fid);
                call.newFid = fid;
                exchange(call, null);
                fids.free(fid);
            } finally {
                end(call);
            }
        } catch (ErrnoException e) {
            log.debug("a fid could not be let go: errno={}", e.errno());
        }
    }

    /** Lets a fid go without waiting for the answer; false when there are too many calls for that. */
    private boolean clunkUnattended(int fid, int mostUnattended) throws ErrnoException {
        Call call;
        synchronized (this) {
            if (unattended >= mostUnattended || calling >= MOST_CALLS - 2 && !isBroken) {
                return false;
            }
            call = openLocked();
        }
        start(call, MessageType.TCLUNK).out.u32(fid);
        call.newFid = fid;
        post(call, true);
        socket.queue(call.out); // it goes with the next request
        return true;
    }

    /** Told of the answer to a request that nobody waits for. */
    @FunctionalInterface
    interface Late {
        /**
         * The answer has come. On the thread of whoever receives: never waits.
         *
         * @param failure what the server says; null when it has done it
         */
        void answered(Errno failure);
    }

    /**
     * Begins a request whose answer nobody waits for.
     *
     * @return the call, to be filled and given to {@link #sendLate}; null when there are too many already, or nothing is answered any more
     */
    Call beginLate(MessageType type, Late late) {
        Call call;
        synchronized (this) {
            if (unattended >= MOST_UNATTENDED || calling >= MOST_CALLS - 2 || isBroken) {
                return null;
            }
            try {
                call = openLocked();
            } catch (ErrnoException e) {
                return null;
            }
        }
        call.late = late;
        return start(call, type);
    }

    /** Sends such a request; false when the connection is lost with it. */
    boolean sendLate(Call call) {
        post(call, true);
        try {
            send(call, null);
            return true;
        } catch (ErrnoException e) {
            return false;
        }
    }

    /**
     * Receives until something has come that is not waited for by a call.
     *
     * @param isThere whether it has; becomes true by a {@link Late}
     * @throws ErrnoException ERESTARTSYS when the caller is killed or awaited; the connection is broken when the server takes too long
     */
    void await(BooleanSupplier isThere) throws ErrnoException {
        long begunNs = System.nanoTime();
        while (true) {
            synchronized (this) {
                if (isThere.getAsBoolean() || isBroken) {
                    return;
                }
                if (System.nanoTime() - begunNs > timeoutNs) {
                    breakLocked();
                    return;
                }
                if (isReceiving) {
                    awaitLocked(); // who receives notifies
                    continue;
                }
                isReceiving = true;
            }
            receive(null);
            if (isKilled() || isAwaited()) {
                throw ERESTARTSYS.error();
            }
        }
    }

    // ---- replies

    private void await(Call call) throws ErrnoException {
        long start = System.nanoTime();
        boolean isInterrupted = false;
        try {
            while (true) {
                boolean receives = false;
                synchronized (this) {
                    if (call.state == Call.State.DONE) {
                        return;
                    }
                    if (call.state == Call.State.WAITING) {
                        checkUsable();
                        long waitedNs = System.nanoTime() - start;
                        if (waitedNs > timeoutNs || JobControl.isToLeave(waitedNs)) {
                            abandonLocked(call);
                        } else if (!isReceiving) {
                            isReceiving = true;
                            receives = true;
                        }
                    }
                }
                if (call.state == Call.State.ABANDONED) {
                    flush(call);
                    throw isKilled() || isAwaited() ? ERESTARTSYS.error() : EIO.error("the server does not answer");
                }
                if (receives) {
                    receive(call);
                } else {
                    LockSupport.parkNanos(this, SLICE_MS * 1_000_000);
                    isInterrupted |= Thread.interrupted();
                }
            }
        } finally {
            if (isInterrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private static boolean isKilled() {
        JobControl task = JobControl.current();
        return task != null && task.isKilled();
    }

    private static boolean isAwaited() {
        JobControl task = JobControl.current();
        return task != null && task.isAwaited();
    }

    private synchronized boolean isOwedAnswers() {
        return unattended > 0;
    }

    /** Receives for everybody until the own reply is there (without one: those that nobody waits for), or for a while. */
    private void receive(Call own) {
        Thread next;
        try {
            MessageSocket.Received received;
            int count = 0;
            do {
                received = socket.receive();
                if (received == MessageSocket.Received.MESSAGE) {
                    dispatch();
                }
            } while (received == MessageSocket.Received.MESSAGE && ++count < MOST_AT_ONCE
                    && (own == null ? isOwedAnswers() : own.replyType == null));
            if (received == MessageSocket.Received.END) {
                synchronized (this) {
                    breakLocked();
                }
            }
        } catch (ErrnoException e) {
            log.warn("the stream from the server makes no sense: errno={}", e.errno());
            synchronized (this) {
                breakLocked();
            }
        } finally {
            synchronized (this) {
                isReceiving = false;
                if (isClosed) {
                    socket.close();
                }
                next = waitingLocked(own);
            }
            if (next != null) {
                LockSupport.unpark(next);
            }
        }
    }

    /** Somebody who waits, to receive from now on. */
    private Thread waitingLocked(Call own) {
        for (int i = 0; calling > 1 && i < calls.length && calls[i] != null; i++) {
            Call call = calls[i];
            if (call != own && call.state == Call.State.WAITING && !call.isUnattended) {
                return call.caller;
            }
        }
        return null;
    }

    /** Gives the socket's current message to its call. */
    private void dispatch() {
        MessageType type = MessageType.of(socket.type());
        int descriptor = type == MessageType.ROPENAT && socket.fields().u8() != 0 ? socket.takeDescriptor() : -1;
        int tag = socket.tag();
        Call call = null;
        boolean isWanted = false;
        synchronized (this) {
            Call known = tag == Protocol.NO_TAG ? versionLocked() : calls[tag & MOST_CALLS - 1];
            if (known != null && known.sentTag != tag) {
                known = null;
            }
            if (known != null && known.state == Call.State.WAITING) {
                known.state = Call.State.REPLYING;
                isWanted = !known.isUnattended;
                call = known;
            } else if (known != null && known.state == Call.State.ABANDONED) {
                call = known;
            }
        }
        if (!isWanted && descriptor >= 0) {
            HostFile.close(descriptor);
        }
        if (call == null) {
            log.debug("an answer that nobody waits for: type={} tag={}", socket.type(), tag);
        } else if (isWanted) {
            reply(call, type, descriptor);
        } else if (call.state == Call.State.ABANDONED) {
            lateReply(call, type);
        } else {
            unattendedReply(call, type);
        }
    }

    private Call versionLocked() {
        for (int i = 0; i < calls.length && calls[i] != null; i++) {
            if (calls[i].state == Call.State.WAITING && calls[i].type == MessageType.TVERSION) {
                return calls[i];
            }
        }
        return null;
    }

    private void reply(Call call, MessageType type, int descriptor) {
        Thread caller = call.caller;
        MessageType seen = MessageType.TLERROR; // no reply at all: nobody is left waiting, whatever happens here
        try {
            if (type == MessageType.RREAD && call.target != null) {
                int length = socket.fields().u32();
                MemorySegment data = length > call.target.byteSize() ? null : socket.data(Protocol.HEADER_BYTES + Integer.BYTES, length);
                if (data != null) {
                    MemorySegment.copy(data, 0, call.target, 0, length);
                }
                call.dataBytes = data != null ? length : -1;
            } else {
                byte[] copy = call.reply(socket.size());
                socket.copyTo(copy);
                call.in.reset(copy, Protocol.HEADER_BYTES, socket.size());
            }
            call.descriptor = descriptor;
            seen = type == null ? MessageType.TLERROR : type;
        } finally {
            call.replyType = seen;
            synchronized (this) {
                call.state = Call.State.DONE;
            }
        }
        if (caller != Thread.currentThread()) {
            LockSupport.unpark(caller);
        }
    }

    private void unattendedReply(Call call, MessageType type) {
        int free = call.newFid;
        Call flushed = call.flushed;
        Late late = call.late;
        if (late != null) {
            late.answered(type == call.type.reply() ? null : type == MessageType.RLERROR ? Names.errno(socket.fields().u32()) : Errno.EPROTO);
        }
        synchronized (this) {
            unattended--;
            closeLocked(call);
            if (late != null) {
                notifyAll();
            }
            if (flushed != null && flushed.state == Call.State.ABANDONED) {
                fids.free(flushed.newFid); // it was never carried out
                flushed.newFid = Protocol.NO_FID;
                flushed.state = Call.State.FLUSHED;
                if (!flushed.isHeld) {
                    closeLocked(flushed);
                }
            }
        }
        fids.free(free);
    }

    /** The answer to a request that was given up: what it made is taken back. Its tag waits for Rflush. */
    private void lateReply(Call call, MessageType type) {
        int made = call.newFid;
        if (made == Protocol.NO_FID) {
            return;
        }
        call.newFid = Protocol.NO_FID;
        if (type != call.type.reply() || call.type == MessageType.TCLUNK || call.type == MessageType.TREMOVE) {
            fids.free(made);
            return;
        }
        try {
            if (!clunkUnattended(made, MOST_CALLS)) {
                log.debug("a fid stays with the server until the connection ends: fid={}", made); // who receives cannot wait
            }
        } catch (ErrnoException e) {
            log.debug("a fid could not be let go: errno={}", e.errno());
        }
    }

    // ---- giving up

    private void abandonLocked(Call call) {
        call.state = Call.State.ABANDONED;
        call.target = null;
    }

    private void flush(Call abandoned) throws ErrnoException {
        Call flush;
        synchronized (this) {
            flush = openLocked();
            flush.flushed = abandoned;
        }
        start(flush, MessageType.TFLUSH).out.u16(abandoned.sentTag);
        post(flush, true);
        send(flush, null);
    }

    private void breakLocked() {
        if (isBroken) {
            return;
        }
        isBroken = true;
        socket.shutdown();
        for (Call call : calls) {
            if (call != null && call.state == Call.State.WAITING && !call.isUnattended) {
                LockSupport.unpark(call.caller);
            }
        }
        notifyAll();
    }

    /** Waits for a moment for answers that nobody waited for: a server that is left in the middle of one may not take it well. */
    void drain() {
        long deadline = System.nanoTime() + DRAIN_NS;
        try {
            socket.flush();
        } catch (ErrnoException e) {
            return;
        }
        while (deadline - System.nanoTime() > 0) {
            synchronized (this) {
                if (unattended == 0 || isBroken || isReceiving) {
                    return;
                }
                isReceiving = true;
            }
            receive(null);
        }
    }

    /** Ends everything that is under way with EIO. */
    synchronized void close() {
        if (isClosed) {
            return;
        }
        isClosed = true;
        breakLocked();
        if (!isReceiving) {
            socket.close();
        }
    }
}
