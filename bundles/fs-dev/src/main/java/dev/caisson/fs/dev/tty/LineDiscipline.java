package dev.caisson.fs.dev.tty;

import static dev.caisson.abi.Terminal.ECHO;
import static dev.caisson.abi.Terminal.ECHOCTL;
import static dev.caisson.abi.Terminal.ECHOE;
import static dev.caisson.abi.Terminal.ECHOK;
import static dev.caisson.abi.Terminal.ECHOKE;
import static dev.caisson.abi.Terminal.ECHONL;
import static dev.caisson.abi.Terminal.ECHOPRT;
import static dev.caisson.abi.Terminal.ICANON;
import static dev.caisson.abi.Terminal.IEXTEN;
import static dev.caisson.abi.Terminal.ISIG;
import static dev.caisson.abi.Terminal.NOFLSH;
import static dev.caisson.abi.Terminal.VEOF;
import static dev.caisson.abi.Terminal.VEOL;
import static dev.caisson.abi.Terminal.VEOL2;
import static dev.caisson.abi.Terminal.VERASE;
import static dev.caisson.abi.Terminal.VINTR;
import static dev.caisson.abi.Terminal.VKILL;
import static dev.caisson.abi.Terminal.VLNEXT;
import static dev.caisson.abi.Terminal.VMIN;
import static dev.caisson.abi.Terminal.VQUIT;
import static dev.caisson.abi.Terminal.VREPRINT;
import static dev.caisson.abi.Terminal.VSTART;
import static dev.caisson.abi.Terminal.VSTOP;
import static dev.caisson.abi.Terminal.VSUSP;
import static dev.caisson.abi.Terminal.VTIME;
import static dev.caisson.abi.Terminal.VWERASE;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Signals;
import dev.caisson.abi.Terminal;
import dev.caisson.spi.fs.IoBuffer;
import java.lang.foreign.MemorySegment;
import java.util.BitSet;

/**
 * N_TTY: turns what is typed into lines, signals and echo, and output into what a terminal shows. Follows drivers/tty/n_tty.c of Linux
 * 6.1. Owns no lock, clock or thread; its terminal's lock guards it.
 */
final class LineDiscipline {
    private static final int SIZE = 4096;
    private static final int MASK = SIZE - 1;
    /** Takes the place of the end-of-file character at the end of a line. */
    private static final int END_OF_FILE = 0;

    private final OutputProcessor out;
    private Termios termios;

    /** The input: read from tail; complete lines end at canonHead; head is where the next byte goes. All count up for ever. */
    private final byte[] input = new byte[SIZE];
    private final BitSet lineEnds = new BitSet(SIZE);
    private long tail;
    private long canonHead;
    private long head;

    private boolean isLiteralNext;
    private boolean isErasing;
    private boolean isStopped;
    /** Signals that input asked for, bit n for signal n; the terminal sends them without its lock. */
    private long signals;

    LineDiscipline(Termios termios, ByteQueue output) {
        this.termios = termios;
        this.out = new OutputProcessor(termios, output);
    }

    Termios termios() {
        return termios;
    }

    OutputProcessor out() {
        return out;
    }

    void termios(Termios next) {
        Termios old = termios;
        termios = next;
        out.termios(next);
        if (((old.local() ^ next.local()) & ICANON) != 0) {
            lineEnds.clear();
            if (!next.hasLocal(ICANON) || head == tail) {
                canonHead = tail;
            } else {
                lineEnds.set((int) (head - 1 & MASK));
                canonHead = head;
            }
            isErasing = false;
            isLiteralNext = false;
        }
        if (old.hasInput(Terminal.IXON) && !next.hasInput(Terminal.IXON)) {
            isStopped = false;
        }
    }

    boolean isStopped() {
        return isStopped;
    }

    void stop() {
        isStopped = true;
    }

    void start() {
        isStopped = false;
    }

    /** {@return signals to send to the foreground group, and forgets them} */
    long takeSignals() {
        long taken = signals;
        signals = 0;
        return taken;
    }

    /** {@return how many bytes of input may be given now} */
    int inputRoom() {
        int room = SIZE - 1 - (int) (head - tail);
        if (termios.hasLocal(ICANON) && canonHead == tail) {
            return SIZE; // characters beyond the limit are dropped, so that erasing always works
        }
        return Math.max(0, room);
    }

    void flushInput() {
        tail = head;
        canonHead = head;
        lineEnds.clear();
        isLiteralNext = false;
    }

    /** {@return bytes that a read could have} */
    int available() {
        return (int) ((termios.hasLocal(ICANON) ? canonHead : head) - tail);
    }

    /** {@return what FIONREAD tells: in canonical mode without the marks of end-of-file} */
    int countForIoctl() {
        if (!termios.hasLocal(ICANON)) {
            return (int) (head - tail);
        }
        int count = 0;
        for (long at = tail; at < canonHead; at++) {
            if (!(lineEnds.get((int) (at & MASK)) && input[(int) (at & MASK)] == END_OF_FILE)) {
                count++;
            }
        }
        return count;
    }

    /** Whether a poll(2) for reading succeeds. */
    boolean isReadable() {
        if (termios.hasLocal(ICANON)) {
            return canonHead != tail;
        }
        int least = termios.character(VTIME) == 0 ? Math.max(1, termios.character(VMIN)) : 1;
        return head - tail >= least;
    }

    /** Reads a line, or part of one. The caller saw that there is one. */
    long readLine(IoBuffer target) throws ErrnoException {
        long end = tail;
        long most = Math.min(target.remaining(), canonHead - tail);
        while (end - tail < most && !lineEnds.get((int) (end & MASK))) {
            end++;
        }
        boolean hasEnd = end < canonHead && lineEnds.get((int) (end & MASK));
        boolean isFileEnd = hasEnd && input[(int) (end & MASK)] == END_OF_FILE;
        if (hasEnd && !isFileEnd && end - tail < most) {
            end++;
        }
        long wanted = end - tail;
        long done = copy(target, wanted);
        if (isFileEnd && done == wanted) {
            lineEnds.clear((int) (tail & MASK));
            tail++;
        }
        return done;
    }

    /** Reads whatever there is, in raw mode. */
    long readRaw(IoBuffer target) throws ErrnoException {
        long done = copy(target, Math.min(target.remaining(), head - tail));
        canonHead = tail;
        return done;
    }

    private long copy(IoBuffer target, long wanted) throws ErrnoException {
        long done = 0;
        while (done < wanted) {
            int from = (int) (tail & MASK);
            long step = target.put(MemorySegment.ofArray(input), from, Math.min(wanted - done, SIZE - from));
            if (step == 0) {
                break;
            }
            lineEnds.clear(from, from + (int) step);
            tail += step;
            done += step;
        }
        return done;
    }

    /** Takes one byte from the keyboard's side. */
    void receive(int typed) {
        int c = termios.hasInput(Terminal.ISTRIP) ? typed & 0x7f : typed & 0xff;
        if (isLiteralNext) {
            isLiteralNext = false;
            ordinary(c);
            return;
        }
        if (termios.hasInput(Terminal.IXON)) {
            if (termios.is(c, VSTART)) {
                isStopped = false;
                return;
            }
            if (termios.is(c, VSTOP)) {
                isStopped = true;
                return;
            }
        }
        if (termios.hasLocal(ISIG)) {
            int signal = termios.is(c, VINTR) ? Signals.SIGINT : termios.is(c, VQUIT) ? Signals.SIGQUIT
                    : termios.is(c, VSUSP) ? Signals.SIGTSTP : 0;
            if (signal != 0) {
                signal(signal, c);
                return;
            }
        }
        if (isStopped && termios.hasInput(Terminal.IXON) && termios.hasInput(Terminal.IXANY)) {
            isStopped = false;
        }
        if (c == '\r') {
            if (termios.hasInput(Terminal.IGNCR)) {
                return;
            }
            if (termios.hasInput(Terminal.ICRNL)) {
                c = '\n';
            }
        } else if (c == '\n' && termios.hasInput(Terminal.INLCR)) {
            c = '\r';
        }
        if (termios.hasLocal(ICANON) && editing(c)) {
            return;
        }
        ordinary(c);
    }

    private void signal(int signal, int c) {
        if (!termios.hasLocal(NOFLSH)) {
            flushInput();
            out.clear();
        }
        signals |= 1L << signal;
        if (termios.hasInput(Terminal.IXON)) {
            isStopped = false;
        }
        if (termios.hasLocal(ECHO)) {
            echo(c);
        }
    }

    /** The characters that mean something in canonical mode; false for others. */
    private boolean editing(int c) {
        boolean extended = termios.hasLocal(IEXTEN);
        if (termios.is(c, VERASE) || termios.is(c, VKILL) || extended && termios.is(c, VWERASE)) {
            erase(c);
            return true;
        }
        if (extended && termios.is(c, VLNEXT)) {
            isLiteralNext = true;
            if (termios.hasLocal(ECHO)) {
                finishErasing();
                if (termios.hasLocal(ECHOCTL)) {
                    out.put('^');
                    out.put('\b');
                }
            }
            return true;
        }
        if (extended && termios.hasLocal(ECHO) && termios.is(c, VREPRINT)) {
            finishErasing();
            echo(c);
            out.put('\n');
            for (long at = canonHead; at < head; at++) {
                echo(input[(int) (at & MASK)] & 0xff);
            }
            return true;
        }
        if (c == '\n') {
            if (termios.hasLocal(ECHO) || termios.hasLocal(ECHONL)) {
                out.put('\n');
            }
            endLine('\n');
            return true;
        }
        if (termios.is(c, VEOF)) {
            endLine(END_OF_FILE);
            return true;
        }
        if (termios.is(c, VEOL) || extended && termios.is(c, VEOL2)) {
            if (termios.hasLocal(ECHO)) {
                startOfLine();
                echo(c);
            }
            endLine(c);
            return true;
        }
        return false;
    }

    private void endLine(int c) {
        if (head - tail >= SIZE) {
            return;
        }
        lineEnds.set((int) (head & MASK));
        input[(int) (head & MASK)] = (byte) c;
        head++;
        canonHead = head;
    }

    private void ordinary(int c) {
        if (head - tail >= SIZE - 1) {
            return; // dropped; the last place is kept for the end of the line
        }
        if (termios.hasLocal(ECHO)) {
            finishErasing();
            if (c == '\n') {
                out.put('\n');
            } else {
                startOfLine();
                echo(c);
            }
        }
        if (c == 0xff && termios.hasInput(Terminal.PARMRK)) {
            append(c);
        }
        append(c);
        if (!termios.hasLocal(ICANON)) {
            canonHead = tail;
        }
    }

    private void append(int c) {
        if (head - tail < SIZE) {
            lineEnds.clear((int) (head & MASK));
            input[(int) (head & MASK)] = (byte) c;
            head++;
        }
    }

    /** The first character of a line: tabs in it will be erased relative to here. */
    private void startOfLine() {
        if (canonHead == head) {
            out.markLineStart();
        }
    }

    private void echo(int c) {
        if (termios.hasLocal(ECHOCTL) && isControl(c) && c != '\t' && c != '\n') {
            out.put('^');
            out.put(c ^ 0100);
        } else {
            out.put(c);
        }
    }

    private void finishErasing() {
        if (isErasing) {
            out.put('/');
            isErasing = false;
        }
    }

    private boolean isContinuation(int c) {
        return termios.hasInput(Terminal.IUTF8) && (c & 0xc0) == 0x80;
    }

    private void erase(int c) {
        if (head == canonHead) {
            return;
        }
        boolean isWord = termios.is(c, VWERASE) && termios.hasLocal(IEXTEN) && !termios.is(c, VERASE);
        boolean isLine = !isWord && !termios.is(c, VERASE);
        if (isLine) {
            if (!termios.hasLocal(ECHO)) {
                head = canonHead;
                return;
            }
            if (!termios.hasLocal(ECHOK) || !termios.hasLocal(ECHOKE) || !termios.hasLocal(ECHOE)) {
                head = canonHead;
                finishErasing();
                echo(termios.character(VKILL));
                if (termios.hasLocal(ECHOK)) {
                    out.put('\n');
                }
                return;
            }
        }
        boolean seenWord = false;
        while (head != canonHead) {
            long at = head;
            int last;
            do {
                at--;
                last = input[(int) (at & MASK)] & 0xff;
            } while (isContinuation(last) && at != canonHead);
            if (isContinuation(last)) {
                break; // never half a character
            }
            if (isWord) {
                if (Character.isLetterOrDigit(last) || last == '_') {
                    seenWord = true;
                } else if (seenWord) {
                    break;
                }
            }
            int bytes = (int) (head - at);
            head = at;
            if (termios.hasLocal(ECHO)) {
                echoErased(last, at, bytes, !isWord && !isLine);
            }
            if (!isWord && !isLine) {
                break;
            }
        }
        if (head == canonHead && termios.hasLocal(ECHO)) {
            finishErasing();
        }
    }

    private void echoErased(int c, long at, int bytes, boolean isSingle) {
        if (termios.hasLocal(ECHOPRT)) {
            if (!isErasing) {
                out.put('\\');
                isErasing = true;
            }
            echo(c);
            for (int i = 1; i < bytes; i++) {
                out.put(input[(int) (at + i & MASK)] & 0xff);
            }
        } else if (isSingle && !termios.hasLocal(ECHOE)) {
            echo(termios.character(VERASE));
        } else if (c == '\t') {
            eraseTab();
        } else {
            boolean isControl = isControl(c);
            if (isControl && termios.hasLocal(ECHOCTL)) {
                out.eraseColumn();
            }
            if (!isControl || termios.hasLocal(ECHOCTL)) {
                out.eraseColumn();
            }
        }
    }

    /** Moves back over a tab: its width follows from what stands before it in the line. */
    private void eraseTab() {
        int column = out.lineStart();
        for (long at = canonHead; at < head; at++) {
            int c = input[(int) (at & MASK)] & 0xff;
            if (c == '\t') {
                column += 8 - (column & 7);
            } else if (isControl(c)) {
                column += termios.hasLocal(ECHOCTL) ? 2 : 0;
            } else if (!isContinuation(c)) {
                column++;
            }
        }
        for (int width = 8 - (column & 7); width > 0; width--) {
            out.put('\b');
        }
    }

    static boolean isControl(int c) {
        return c < 32 || c == 127;
    }
}
