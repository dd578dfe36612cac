package dev.caisson.fs.dev.tty;

import static dev.caisson.abi.Errno.EIO;
import static dev.caisson.abi.Layouts.U16;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Poll;
import dev.caisson.abi.Signals;
import dev.caisson.abi.Terminal;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.IoctlMemory;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.wait.WaitQueue;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/** A pseudo-terminal pair, pty(7). It is the terminal that its slave side is; the master side stands for keyboard and screen. */
public final class Pty extends TerminalCore {
    /** UNIX98 slaves: major 136, the minor is the number of the pair. */
    static final int SLAVE_MAJOR = 136;

    private static final int OUTPUT_LIMIT = 64 << 10;
    private static final int IN = Poll.POLLIN | Poll.POLLRDNORM;
    private static final int OUT = Poll.POLLOUT | Poll.POLLWRNORM;

    private final PtyTable table;
    private final int index;

    /** Who waits for the slave, and for the master. */
    final WaitQueue slaveWaiters = new WaitQueue();
    final WaitQueue masterWaiters = new WaitQueue();

    /** What the slave has written and the master has not read. All below is guarded by the lock. */
    private final ByteQueue output = new ByteQueue(OUTPUT_LIMIT);
    private final LineDiscipline discipline = new LineDiscipline(Termios.STANDARD, output);
    private byte[] windowSize = new byte[8];
    private boolean isLocked = true;
    private boolean isPacketMode;
    private int packetStatus;
    private boolean isMasterClosed;
    private boolean isHungUp;
    private int slaveOpens;
    private boolean wasOpened;
    private long lastInputNs;

    Pty(PtyTable table, int index) {
        super(SLAVE_MAJOR, index);
        this.table = table;
        this.index = index;
    }

    /** {@return N of /dev/pts/N} */
    public int index() {
        return index;
    }

    boolean isHungUp() {
        lock.lock();
        try {
            return isHungUp;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Opens the slave side.
     *
     * @param flags {@code O_*}
     * @param byName whether by the name, so that the lock counts (TIOCSPTLCK)
     */
    OpenFile openSlave(int flags, boolean byName) throws ErrnoException {
        lock.lock();
        try {
            if (isMasterClosed || byName && isLocked) {
                throw EIO.error("the master is closed, or the pair is locked");
            }
            slaveOpens++;
            wasOpened = true;
        } finally {
            lock.unlock();
        }
        try {
            opened(flags);
        } catch (ErrnoException e) {
            slaveClosed();
            throw e;
        }
        return new PtySlaveFile(this, flags);
    }

    @Override
    public OpenFile openControlling(int flags) throws ErrnoException {
        return openSlave(flags | dev.caisson.abi.Fcntl.O_NOCTTY, false);
    }

    void slaveClosed() {
        boolean isLast;
        lock.lock();
        try {
            isLast = --slaveOpens == 0;
        } finally {
            lock.unlock();
        }
        if (isLast) {
            masterWaiters.notify(Poll.POLLHUP | IN);
        }
    }

    void masterClosed() {
        lock.lock();
        try {
            isMasterClosed = true;
            isHungUp = true;
        } finally {
            lock.unlock();
        }
        table.remove(this);
        hangUpSession();
        slaveWaiters.notify(Poll.POLLHUP | Poll.POLLERR | IN | OUT);
    }

    /** Sends what input asked for and tells the waiters; the lock is not held. */
    private void afterInput(long signals, boolean hasEcho) {
        for (int signal = 1; signal < 32; signal++) {
            if ((signals >>> signal & 1) != 0) {
                signalForeground(signal);
            }
        }
        slaveWaiters.notify(IN | OUT);
        if (hasEcho) {
            masterWaiters.notify(IN);
        }
    }

    long readSlave(IoBuffer target, SlaveReader reader) throws ErrnoException {
        checkForeground(Signals.SIGTTIN);
        long done;
        lock.lock();
        try {
            if (isHungUp) {
                return 0;
            }
            done = readSlaveLocked(target, reader);
        } finally {
            lock.unlock();
        }
        if (done != OpenFile.WOULD_BLOCK) {
            masterWaiters.notify(OUT);
        }
        return done;
    }

    private long readSlaveLocked(IoBuffer target, SlaveReader reader) throws ErrnoException {
        Termios termios = discipline.termios();
        int available = discipline.available();
        if (termios.hasLocal(Terminal.ICANON)) {
            return available > 0 ? discipline.readLine(target) : OpenFile.WOULD_BLOCK;
        }
        long timeNs = termios.character(Terminal.VTIME) * 100_000_000L;
        int least = (int) Math.min(termios.character(Terminal.VMIN), target.remaining());
        if (least == 0) {
            if (available > 0 || timeNs == 0 || reader.isNonBlocking()) {
                reader.forgetDeadline();
                return available > 0 || timeNs == 0 ? discipline.readRaw(target) : OpenFile.WOULD_BLOCK;
            }
            return reader.deadlinePassed(timeNs) ? 0 : OpenFile.WOULD_BLOCK;
        }
        if (available >= least || available > 0 && reader.isNonBlocking()) {
            return discipline.readRaw(target);
        }
        if (available > 0 && timeNs > 0) {
            long waited = System.nanoTime() - lastInputNs;
            if (waited >= timeNs) {
                return discipline.readRaw(target);
            }
            TerminalTimer.notifyAfter(timeNs - waited, slaveWaiters, IN);
        }
        return OpenFile.WOULD_BLOCK;
    }

    long writeSlave(IoBuffer source) throws ErrnoException {
        if (termios().hasLocal(Terminal.TOSTOP)) {
            checkForeground(Signals.SIGTTOU);
        }
        long done = 0;
        lock.lock();
        try {
            if (isHungUp) {
                throw EIO.error("hung up");
            }
            OutputProcessor out = discipline.out();
            while (source.remaining() > 0 && !discipline.isStopped() && output.room() >= out.mostBytes()) {
                MemorySegment run;
                try {
                    run = source.run();
                } catch (ErrnoException fault) {
                    if (done == 0) {
                        throw fault;
                    }
                    break;
                }
                long step = 0;
                while (step < run.byteSize() && output.room() >= out.mostBytes()) {
                    out.put(run.get(ValueLayout.JAVA_BYTE, step) & 0xff);
                    step++;
                }
                source.advance(step);
                done += step;
            }
        } finally {
            lock.unlock();
        }
        if (done == 0) {
            return OpenFile.WOULD_BLOCK;
        }
        masterWaiters.notify(IN);
        return done;
    }

    long readMaster(IoBuffer target) throws ErrnoException {
        long done;
        lock.lock();
        try {
            if (isPacketMode && packetStatus != 0) {
                byte[] status = {(byte) packetStatus};
                done = target.put(MemorySegment.ofArray(status), 0, 1);
                packetStatus = 0;
                return done;
            }
            if (output.size() == 0) {
                if (wasOpened && slaveOpens == 0) {
                    throw EIO.error("nobody has the slave open");
                }
                return OpenFile.WOULD_BLOCK;
            }
            long header = 0;
            if (isPacketMode) {
                header = target.put(MemorySegment.ofArray(new byte[] {Terminal.TIOCPKT_DATA}), 0, 1);
            }
            done = header + output.drainTo(target);
        } finally {
            lock.unlock();
        }
        slaveWaiters.notify(OUT);
        return done;
    }

    long writeMaster(IoBuffer source) throws ErrnoException {
        long done = 0;
        long signals = 0;
        boolean hasEcho;
        lock.lock();
        try {
            while (source.remaining() > 0) {
                int room = discipline.inputRoom();
                if (room == 0) {
                    break;
                }
                MemorySegment run;
                try {
                    run = source.run();
                } catch (ErrnoException fault) {
                    if (done == 0) {
                        throw fault;
                    }
                    break;
                }
                long step = Math.min(run.byteSize(), room);
                for (long i = 0; i < step; i++) {
                    discipline.receive(run.get(ValueLayout.JAVA_BYTE, i));
                }
                source.advance(step);
                done += step;
            }
            signals = discipline.takeSignals();
            hasEcho = output.size() > 0;
            lastInputNs = System.nanoTime();
        } finally {
            lock.unlock();
        }
        if (done == 0) {
            return OpenFile.WOULD_BLOCK;
        }
        afterInput(signals, hasEcho);
        return done;
    }

    int slaveReadiness() {
        lock.lock();
        try {
            if (isHungUp) {
                return IN | OUT | Poll.POLLHUP | Poll.POLLERR;
            }
            int ready = discipline.isReadable() ? IN : 0;
            if (!discipline.isStopped() && output.room() >= discipline.out().mostBytes()) {
                ready |= OUT;
            }
            return ready;
        } finally {
            lock.unlock();
        }
    }

    int masterReadiness() {
        lock.lock();
        try {
            int ready = output.size() > 0 ? IN : 0;
            if (isPacketMode && packetStatus != 0) {
                ready |= IN | Poll.POLLPRI;
            }
            if (discipline.inputRoom() > 0) {
                ready |= OUT;
            }
            if (wasOpened && slaveOpens == 0) {
                ready |= Poll.POLLHUP;
            }
            return ready;
        } finally {
            lock.unlock();
        }
    }

    Termios termios() {
        lock.lock();
        try {
            return discipline.termios();
        } finally {
            lock.unlock();
        }
    }

    private void changeTermios(Termios next, boolean flush) {
        lock.lock();
        try {
            Termios old = discipline.termios();
            if (flush) {
                discipline.flushInput();
            }
            discipline.termios(next);
            if (isPacketMode) {
                boolean before = isStandardFlowControl(old);
                boolean after = isStandardFlowControl(next);
                if (before != after) {
                    packetStatus &= ~(Terminal.TIOCPKT_DOSTOP | Terminal.TIOCPKT_NOSTOP);
                    packetStatus |= after ? Terminal.TIOCPKT_DOSTOP : Terminal.TIOCPKT_NOSTOP;
                }
            }
        } finally {
            lock.unlock();
        }
        slaveWaiters.notify(IN | OUT);
        masterWaiters.notify(IN | OUT | Poll.POLLPRI);
    }

    private static boolean isStandardFlowControl(Termios termios) {
        return termios.hasInput(Terminal.IXON) && termios.character(Terminal.VSTART) == 17 && termios.character(Terminal.VSTOP) == 19;
    }

    private void flow(boolean stop) {
        lock.lock();
        try {
            if (stop) {
                discipline.stop();
            } else {
                discipline.start();
            }
            packetStatus &= ~(Terminal.TIOCPKT_START | Terminal.TIOCPKT_STOP);
            packetStatus |= stop ? Terminal.TIOCPKT_STOP : Terminal.TIOCPKT_START;
        } finally {
            lock.unlock();
        }
        slaveWaiters.notify(OUT);
        masterWaiters.notify(Poll.POLLPRI);
    }

    private void flush(boolean input, boolean out) {
        lock.lock();
        try {
            if (input) {
                discipline.flushInput();
                packetStatus |= Terminal.TIOCPKT_FLUSHREAD;
            }
            if (out) {
                output.clear();
                packetStatus |= Terminal.TIOCPKT_FLUSHWRITE;
            }
        } finally {
            lock.unlock();
        }
        slaveWaiters.notify(OUT);
        masterWaiters.notify(OUT | Poll.POLLPRI);
    }

    /** The requests that both sides answer; termios and window size are those of the slave. */
    private long commonIoctl(IoctlMemory memory, int command, long argument, int flags, boolean isMaster) throws ErrnoException {
        long result = TermiosIoctls.handle(memory, command, argument, this::termios, this::changeTermios,
                isMaster ? () -> { } : () -> checkForeground(Signals.SIGTTOU));
        if (result != NOT_MINE) {
            return result;
        }
        switch (command) {
            case Terminal.TIOCGWINSZ -> {
                lock.lock();
                byte[] size = windowSize;
                lock.unlock();
                memory.copyOut(argument, MemorySegment.ofArray(size.clone()));
                return 0;
            }
            case Terminal.TIOCSWINSZ -> {
                byte[] size = new byte[8];
                memory.copyIn(argument, MemorySegment.ofArray(size));
                lock.lock();
                boolean isNew = !Arrays.equals(size, windowSize);
                windowSize = size;
                lock.unlock();
                if (isNew) {
                    signalForeground(Signals.SIGWINCH);
                }
                return 0;
            }
            case Terminal.TIOCOUTQ -> {
                putInt(memory, argument, 0); // a pair has no transmitter that bytes wait for
                return 0;
            }
            case Terminal.TCSBRK, Terminal.TCSBRKP, Terminal.TIOCSBRK, Terminal.TIOCCBRK -> {
                return 0;
            }
            case Terminal.TIOCGETD -> {
                putInt(memory, argument, 0); // N_TTY
                return 0;
            }
            case Terminal.TIOCSETD -> {
                if (getInt(memory, argument) != 0) {
                    throw Errno.EINVAL.error("no line discipline but N_TTY");
                }
                return 0;
            }
            default -> {
                return sessionIoctl(memory, command, argument, flags, isMaster);
            }
        }
    }

    long slaveIoctl(IoctlMemory memory, int command, long argument, int flags) throws ErrnoException {
        if (isHungUp()) {
            throw command == Terminal.TIOCSPGRP ? Errno.ENOTTY.error() : EIO.error();
        }
        long result = commonIoctl(memory, command, argument, flags, false);
        if (result != NOT_MINE) {
            return result;
        }
        switch (command) {
            case Terminal.FIONREAD -> {
                lock.lock();
                int count = discipline.countForIoctl();
                lock.unlock();
                putInt(memory, argument, count);
            }
            case Terminal.TCFLSH -> {
                checkForeground(Signals.SIGTTOU);
                TermiosIoctls.checkQueue(argument);
                flush(argument != Terminal.TCOFLUSH, argument != Terminal.TCIFLUSH);
            }
            case Terminal.TCXONC -> {
                checkForeground(Signals.SIGTTOU);
                switch ((int) argument) {
                    case Terminal.TCOOFF -> flow(true);
                    case Terminal.TCOON -> flow(false);
                    case Terminal.TCIOFF -> sendControl(Terminal.VSTOP);
                    case Terminal.TCION -> sendControl(Terminal.VSTART);
                    default -> throw Errno.EINVAL.error();
                }
            }
            case Terminal.TIOCSTI -> injectInput(memory, argument);
            default -> throw Errno.ENOTTY.error();
        }
        return 0;
    }

    /** Sends a flow-control character to the other side. */
    private void sendControl(int which) {
        lock.lock();
        int c = discipline.termios().character(which);
        if (c != 0) {
            output.put(c);
        }
        lock.unlock();
        masterWaiters.notify(IN);
    }

    private void injectInput(IoctlMemory memory, long argument) throws ErrnoException {
        dev.caisson.spi.fs.JobControl caller = dev.caisson.spi.fs.JobControl.current();
        boolean isOwn = caller != null && caller.terminal() == this;
        if (!isOwn && (caller == null || !caller.credentials().has(dev.caisson.abi.Capability.CAP_SYS_ADMIN))) {
            throw Errno.EPERM.error();
        }
        byte[] typed = new byte[1];
        memory.copyIn(argument, MemorySegment.ofArray(typed));
        lock.lock();
        discipline.receive(typed[0]);
        long signals = discipline.takeSignals();
        lock.unlock();
        afterInput(signals, true);
    }

    long masterIoctl(IoctlMemory memory, int command, long argument, int flags) throws ErrnoException {
        switch (command) {
            case (int) Terminal.TIOCGPTN -> putInt(memory, argument, index);
            case Terminal.TIOCSPTLCK -> {
                boolean next = getInt(memory, argument) != 0;
                lock.lock();
                isLocked = next;
                lock.unlock();
            }
            case (int) Terminal.TIOCGPTLCK -> putInt(memory, argument, isLocked ? 1 : 0);
            case Terminal.TIOCPKT -> {
                boolean next = getInt(memory, argument) != 0;
                lock.lock();
                if (next && !isPacketMode) {
                    packetStatus = 0;
                }
                isPacketMode = next;
                lock.unlock();
            }
            case (int) Terminal.TIOCGPKT -> putInt(memory, argument, isPacketMode ? 1 : 0);
            case Terminal.TIOCSIG -> {
                if (argument < 1 || argument > 64) {
                    throw Errno.EINVAL.error();
                }
                signalForeground((int) argument);
            }
            case Terminal.FIONREAD -> {
                lock.lock();
                int count = output.size();
                lock.unlock();
                putInt(memory, argument, count);
            }
            case Terminal.TCFLSH -> {
                TermiosIoctls.checkQueue(argument);
                flush(argument != Terminal.TCIFLUSH, argument != Terminal.TCOFLUSH);
            }
            case Terminal.TCXONC -> {
                return 0;
            }
            default -> {
                long result = commonIoctl(memory, command, argument, flags, true);
                if (result == NOT_MINE) {
                    throw Errno.ENOTTY.error();
                }
                return result;
            }
        }
        return 0;
    }

    /**
     * Sets the window size, as the terminal emulator behind the master does.
     *
     * @param rows lines
     * @param columns characters in a line
     */
    public void resize(int rows, int columns) {
        MemorySegment size = MemorySegment.ofArray(new byte[8]);
        size.set(U16, 0, (short) rows);
        size.set(U16, 2, (short) columns);
        lock.lock();
        windowSize = size.toArray(ValueLayout.JAVA_BYTE);
        lock.unlock();
        signalForeground(Signals.SIGWINCH);
    }

    /** Per open file: how a read in raw mode waits. */
    interface SlaveReader {
        boolean isNonBlocking();

        void forgetDeadline();

        /** Starts the clock of a timed read, or says that it ran out. */
        boolean deadlinePassed(long timeNs);
    }
}
