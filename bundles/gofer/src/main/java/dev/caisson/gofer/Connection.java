package dev.caisson.gofer;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostReady;
import dev.caisson.host.HostSocket;
import dev.caisson.ninep.MessageType;
import dev.caisson.ninep.Protocol;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * One client. Its threads take turns: the <em>leader</em> reads a request and answers it itself, which costs no wake-up; it gives the
 * lead away before a request that may take long while more are waiting, and loses it (to the {@link Watch}) when a request took long
 * without being expected to. So a request that the host is slow with holds up nobody but its own thread, and no other connection in any
 * case. When all threads are at work, further requests stay in the socket.
 *
 * <p>Locks: {@link #state} guards the threads' roles and the requests in flight, {@link #sending} the socket's sending side; never both.
 */
final class Connection {
    /** A thread's role, in its own {@link Worker#role}. */
    private static final int FOLLOWS = 0, READS = 1, ANSWERS = 2, DEPOSED = 3;
    private static final int INPUT_BYTES = 64 << 10;
    private static final int HEADER_BYTES = Protocol.HEADER_BYTES;
    private static final long IDLE_SECONDS = 10;
    private static final int POLLIN = 1;
    private static final int NONE = -1;
    private static final int LARGE_TRANSFER_BYTES = 32 << 10;
    private static final long EINTR = -Errno.EINTR.number();

    private final Environment environment;
    private final Watch watch;
    private final int fd;
    private final Session session;
    private final Runnable whenClosed;
    private final long begunNs;
    private final ReentrantLock state = new ReentrantLock();
    /** The lead is free, or the connection ends. */
    private final Condition change = state.newCondition();
    /** A request ended while a Tversion waits. */
    private final Condition ended = state.newCondition();
    private final ReentrantLock sending = new ReentrantLock();
    /** Guarded by {@link #state}. */
    private final List<Worker> workers = new ArrayList<>();
    private Worker leader;
    private int followers;
    private boolean isClosed;
    /** The socket's number may be another one's. */
    private boolean isOver;
    private int reserved;

    /** What was received and belongs to no thread yet; the leader's. */
    private final Arena arena = Arena.ofShared();
    private final MemorySegment input = arena.allocate(INPUT_BYTES, 8);
    private int inputStart;
    private int inputEnd;

    /** A thread of the connection. */
    private final class Worker implements Runnable {
        private final AtomicInteger role = new AtomicInteger(FOLLOWS);
        /** Requests answered; the {@link Watch} compares. */
        private volatile int answered;
        private int seen = NONE;
        /** Tag of the request in flight, or {@link #NONE}, and the tags of Tflush that wait for its end. Guarded by {@link #state}. */
        private int tag = NONE;
        /** Whether the answer is on its way: as soon as the client has it, it may use the tag again. Guarded by {@link #state}. */
        private boolean isAnswered;
        private List<Integer> flushes = List.of();
        /** Made by its own thread: its memory belongs to that one. */
        private Workspace work;
        private final Nearness nearness = new Nearness(environment.processors());

        @Override
        public void run() {
            try (Workspace own = new Workspace()) {
                work = own;
                nearness.begin();
                while (lead(this)) {
                    serve(this);
                }
            } catch (OutOfMemoryError e) {
                abandon(); // there is no room for what this client wants
            } catch (RuntimeException | Error e) {
                abandon();
                report(e);
            } finally {
                left(this);
            }
        }
    }

    /** A mistake of ours, which costs the connection. */
    private void report(Throwable cause) {
        environment.failed();
        System.err.println("caisson gofer: internal error, a connection is closed: " + cause);
        cause.printStackTrace();
    }

    /**
     * Takes a connected socket over.
     *
     * @param environment the gofer's
     * @param watch takes the lead from threads that are held up
     * @param fd the socket
     * @param peer user id of the peer, or {@link AttachPolicy#trusted}
     * @param canDonate whether it is a UNIX socket
     * @param whenClosed is told at the end, on some thread
     */
    Connection(Environment environment, Watch watch, int fd, int peer, boolean canDonate, Runnable whenClosed) {
        this.environment = environment;
        this.watch = watch;
        this.fd = fd;
        this.session = new Session(environment, peer, canDonate);
        this.whenClosed = whenClosed;
        this.begunNs = System.nanoTime();
    }

    /** Begins. Whatever happens, the end follows. */
    void start() {
        boolean hasBegun = false;
        state.lock();
        try {
            watch.add(this);
            addWorkerLocked();
            hasBegun = !workers.isEmpty();
        } finally {
            state.unlock();
            if (!hasBegun) {
                end();
            }
        }
    }

    /** {@return for how long it has been there without being attached to anything, or -1 when it is} */
    long strangerNs() {
        return session.fids().size() > 0 ? -1 : System.nanoTime() - begunNs;
    }

    /** Ends the connection from outside: its threads wake up and go. */
    void abandon() {
        state.lock();
        try {
            isClosed = true;
            change.signalAll();
            ended.signalAll();
            if (!isOver) {
                HostSocket.shutdown(fd);
            }
        } finally {
            state.unlock();
        }
    }

    private void addWorkerLocked() {
        Worker worker = null;
        boolean hasBegun = false;
        try {
            worker = new Worker();
            workers.add(worker);
            Thread thread = new Thread(null, worker, "gofer-".concat(Integer.toString(fd)), 256 << 10);
            thread.setDaemon(true);
            thread.start();
            hasBegun = true;
        } catch (OutOfMemoryError e) {
            // The host gives no more threads: those that are there do.
        } finally {
            if (!hasBegun) {
                workers.remove(worker);
            }
        }
    }

    /** Waits for the lead. False when there is nothing to do here any more. */
    private boolean lead(Worker me) {
        state.lock();
        try {
            followers++;
            while (leader != null && !isClosed) {
                if (!change.await(IDLE_SECONDS, TimeUnit.SECONDS) && leader != null && workers.size() > 1) {
                    return false;
                }
            }
            if (isClosed) {
                return false;
            }
            leader = me;
            me.role.set(READS);
            return true;
        } catch (InterruptedException e) {
            return false; // nobody does that
        } finally {
            followers--;
            state.unlock();
        }
    }

    /** The lead is free: somebody takes it. */
    private void nextLeaderLocked() {
        leader = null;
        if (followers > 0) {
            change.signal();
        } else if (workers.size() < environment.limits().workers() && !isClosed) {
            addWorkerLocked();
        } // else the first one that is done takes it
    }

    private void left(Worker me) {
        boolean isLast;
        state.lock();
        try {
            workers.remove(me);
            if (leader == me) {
                nextLeaderLocked();
            }
            isLast = workers.isEmpty();
            if (isLast) {
                isClosed = true;
            }
        } finally {
            state.unlock();
        }
        if (isLast) {
            end();
        }
    }

    /** Gives everything back, the place among the connections too, whatever goes wrong with one thing. */
    private void end() {
        state.lock();
        isOver = true;
        state.unlock();
        try {
            try {
                session.close();
            } finally {
                HostFile.close(fd);
                environment.returnBuffers(2 * environment.limits().workers(), reserved);
                watch.remove(this);
                arena.close();
            }
        } catch (RuntimeException | OutOfMemoryError e) {
            report(e);
        } finally {
            whenClosed.run();
        }
    }

    /** Leads: reads and answers requests until the lead is somebody else's or the connection ends. */
    private void serve(Worker me) {
        while (true) {
            int bytes = receive(me.work);
            if (bytes < 0) {
                abandon();
                return;
            }
            me.work.begin(bytes);
            if (session.canDonate()) {
                me.nearness.asked(Protocol.processor(me.work.tag()), inputEnd > inputStart);
            }
            MessageType type = me.work.type();
            if (type == MessageType.TVERSION) {
                version(me.work);
                continue;
            }
            if (type == MessageType.TFLUSH) {
                flush(me.work);
                continue;
            }
            if (!enter(me)) {
                abandon(); // a tag twice: nobody knows whom an answer is for
                return;
            }
            boolean hasLead = !(mayTakeLong(me.work) && isMoreWaiting());
            if (hasLead) {
                me.role.set(ANSWERS);
                watch.wake();
            } else {
                resign(me);
            }
            session.answer(me.work);
            answered(me);
            send(me.work);
            leave(me);
            if (!hasLead || !me.role.compareAndSet(ANSWERS, READS)) {
                return;
            }
        }
    }

    private void resign(Worker me) {
        state.lock();
        try {
            me.role.set(FOLLOWS);
            nextLeaderLocked();
        } finally {
            state.unlock();
        }
    }

    /** Called by the {@link Watch} now and then: a leader that answers the same request as the last time loses the lead. */
    void check() {
        state.lock();
        try {
            Worker present = leader;
            if (present == null || present.role.get() != ANSWERS) {
                return;
            }
            int answered = present.answered;
            if (present.seen != answered) {
                present.seen = answered;
            } else if (present.role.compareAndSet(ANSWERS, DEPOSED)) {
                nextLeaderLocked();
            }
        } finally {
            state.unlock();
        }
    }

    /** {@return whether anything is being answered} */
    boolean isBusy() {
        state.lock();
        try {
            return leader == null || leader.role.get() == ANSWERS;
        } finally {
            state.unlock();
        }
    }

    private boolean mayTakeLong(Workspace work) {
        MessageType type = work.type();
        return type != null && switch (type) { // not "case null": that is a pattern, whose bootstrap costs a cold JVM 40 ms
            case TUNLINKAT -> !session.canDonate(); // many in a row, whose answers nobody waits for: to change threads takes longer than they do
            case TFSYNC, TREMOVE, TREADDIR, TREADDIRATTR, TSETATTR, TSETATTRAT, TLOPEN, TOPENAT, TREAD -> true;
            case TWRITE -> work.messageBytes() > LARGE_TRANSFER_BYTES;
            default -> false;
        };
    }

    private boolean isMoreWaiting() {
        return inputEnd > inputStart || HostReady.poll(fd, POLLIN) > 0;
    }

    /** A request begins. */
    private boolean enter(Worker me) {
        int tag = me.work.tag();
        state.lock();
        try {
            for (Worker worker : workers) {
                if (worker.tag == tag && !worker.isAnswered) {
                    return false;
                }
            }
            me.tag = tag;
            me.isAnswered = false;
            return true;
        } finally {
            state.unlock();
        }
    }

    private void answered(Worker me) {
        state.lock();
        me.isAnswered = true;
        state.unlock();
    }

    /** A request was answered, and with that flushed. */
    private void leave(Worker me) {
        List<Integer> flushes;
        state.lock();
        try {
            me.tag = NONE;
            me.answered++;
            flushes = me.flushes;
            me.flushes = List.of();
            ended.signal();
        } finally {
            state.unlock();
        }
        for (int tag : flushes) {
            sendFlushed(me.work, tag);
        }
    }

    /** What is to be flushed is answered first, and soon; the answer to Tflush says that its tag is free. */
    private void flush(Workspace work) {
        int oldTag = work.in.u16();
        if (!isRequestWhole(work)) {
            return;
        }
        state.lock();
        try {
            Worker flushed = null;
            for (Worker worker : workers) {
                if (worker.tag == oldTag && (flushed == null || flushed.isAnswered)) {
                    flushed = worker;
                }
            }
            if (flushed != null && flushed.flushes.size() < environment.limits().workers()) {
                if (flushed.flushes.isEmpty()) {
                    flushed.flushes = new ArrayList<>();
                }
                flushed.flushes.add(work.tag());
                return;
            } // a client that flushes a request over and over gets its answers early
        } finally {
            state.unlock();
        }
        sendFlushed(work, work.tag());
    }

    /** {@return whether a request that is answered here had just what its type has; if not, that is its answer} */
    private boolean isRequestWhole(Workspace work) {
        try {
            work.endOfRequest();
            return true;
        } catch (ErrnoException e) {
            work.fail(e.errno().number());
            send(work);
            return false;
        }
    }

    private void sendFlushed(Workspace work, int tag) {
        work.out.start(MessageType.RFLUSH, tag);
        send(work);
    }

    /** Starts a session: everything that is in flight ends first. */
    private void version(Workspace work) {
        int wanted = work.in.u32();
        String version = work.in.string();
        if (!isRequestWhole(work)) {
            return;
        }
        state.lock();
        try {
            while (!isClosed && workers.stream().anyMatch(worker -> worker.tag != NONE)) {
                ended.awaitUninterruptibly();
            }
        } finally {
            state.unlock();
        }
        // The protocol wants a server to cut what it does not know at the last period; more than one period is Linux's and ours.
        String spoken = version.equals(Protocol.EXTENDED_VERSION) ? version
            : version.equals(Protocol.VERSION) || version.startsWith(Protocol.VERSION + ".") ? Protocol.VERSION : Protocol.UNKNOWN_VERSION;
        int size = Math.min(wanted < 0 ? Integer.MAX_VALUE : wanted, environment.limits().messageBytes());
        boolean isUsable = size >= Protocol.LEAST_MESSAGE_BYTES && !spoken.equals(Protocol.UNKNOWN_VERSION);
        int buffers = 2 * environment.limits().workers();
        environment.returnBuffers(buffers, reserved);
        reserved = 0;
        if (isUsable) {
            size = environment.reserveBuffers(buffers, size, Math.min(size, INPUT_BYTES));
            reserved = size;
        }
        session.restart(isUsable ? size : 0, spoken.equals(Protocol.EXTENDED_VERSION));
        work.reply().u32(size).string(isUsable ? spoken : Protocol.UNKNOWN_VERSION);
        send(work);
    }

    /**
     * Reads a message into the workspace. Leader only.
     *
     * @return its size, or -1 at the end of the connection or of the client's manners
     */
    private int receive(Workspace work) {
        int most = Math.max(session.messageBytes(), Protocol.LEAST_MESSAGE_BYTES);
        if (inputEnd == inputStart) {
            inputStart = 0;
            inputEnd = 0;
        } else if (INPUT_BYTES - inputStart < HEADER_BYTES) {
            MemorySegment.copy(input, inputStart, input, 0, inputEnd - inputStart);
            inputEnd -= inputStart;
            inputStart = 0;
        }
        while (inputEnd - inputStart < HEADER_BYTES) {
            long got = receiveSome(input, inputEnd, INPUT_BYTES - inputEnd);
            if (got <= 0) {
                return -1;
            }
            inputEnd += (int) got;
        }
        int size = input.get(Layouts.U32, inputStart);
        if (size < HEADER_BYTES || size > most) {
            return -1;
        }
        MemorySegment message = work.message(size);
        int have = Math.min(size, inputEnd - inputStart);
        MemorySegment.copy(input, inputStart, message, 0, have);
        inputStart += have;
        while (have < size) {
            long got = receiveSome(message, have, size - have);
            if (got <= 0) {
                return -1;
            }
            have += (int) got;
        }
        return size;
    }

    private long receiveSome(MemorySegment into, int at, int bytes) {
        long got;
        do {
            got = HostFile.read(fd, into.address() + at, bytes); // descriptors that come along are the host's to close
        } while (got == EINTR);
        return got;
    }

    /** Sends the reply of a workspace. A client that does not take it holds up its own connection only. */
    private void send(Workspace work) {
        MemorySegment head = work.finishedReply();
        Handle donated = work.takeDonated();
        sending.lock();
        try {
            long first = head.address();
            long firstBytes = head.byteSize();
            long second = work.data().address();
            long secondBytes = work.dataBytes();
            int donation = donated == null ? -1 : donated.fd();
            while (firstBytes + secondBytes > 0) {
                boolean isSecond = firstBytes == 0;
                long sent = isSecond ? HostSocket.send(fd, second, secondBytes, 0, 0, -1)
                    : HostSocket.send(fd, first, firstBytes, second, secondBytes, donation);
                if (sent == EINTR) {
                    continue;
                }
                if (sent <= 0) {
                    HostSocket.shutdown(fd); // the leader finds the end
                    return;
                }
                donation = -1;
                long ofFirst = Math.min(sent, firstBytes);
                first += ofFirst;
                firstBytes -= ofFirst;
                second += sent - ofFirst;
                secondBytes -= sent - ofFirst;
            }
        } finally {
            sending.unlock();
            if (donated != null) {
                donated.release();
            }
        }
    }
}
