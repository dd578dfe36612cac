package dev.caisson.fs.dev.tty;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Poll;
import dev.caisson.abi.Terminal;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.IoctlMemory;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.fs.TerminalGroup;
import dev.caisson.spi.fs.TerminalSession;
import dev.caisson.spi.fs.ControllingTerminal;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** A pair without a kernel: the test is the terminal emulator and the program. */
class PtyTest {
    private static final long ADDRESS = 0x1000;

    private final PtyTable table = new PtyTable();
    private OpenFile master;
    private OpenFile slave;
    private Pty pty;

    /** 256 bytes of guest memory. */
    private final class Guest implements IoctlMemory {
        private final byte[] bytes = new byte[256];

        @Override
        public void copyIn(long address, MemorySegment target) {
            MemorySegment.copy(MemorySegment.ofArray(bytes), address - ADDRESS, target, 0, target.byteSize());
        }

        @Override
        public void copyOut(long address, MemorySegment source) {
            MemorySegment.copy(source, 0, MemorySegment.ofArray(bytes), address - ADDRESS, source.byteSize());
        }

        int word() {
            return MemorySegment.ofArray(bytes).get(ValueLayout.JAVA_INT_UNALIGNED, 0);
        }

        void word(int value) {
            MemorySegment.ofArray(bytes).set(ValueLayout.JAVA_INT_UNALIGNED, 0, value);
        }
    }

    private final Guest guest = new Guest();

    @BeforeEach
    void open() throws ErrnoException {
        master = table.openMaster(Fcntl.O_RDWR);
        guest.word(0);
        master.ioctl(guest, Terminal.TIOCSPTLCK, ADDRESS);
        master.ioctl(guest, (int) Terminal.TIOCGPTN, ADDRESS);
        assertEquals(0, guest.word());
        slave = table.openSlave(0, Fcntl.O_RDWR | Fcntl.O_NOCTTY);
        pty = (Pty) table.find(0).terminal();
    }

    private static long write(OpenFile file, String text) throws ErrnoException {
        try (Arena arena = Arena.ofConfined()) {
            byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
            MemorySegment segment = arena.allocate(bytes.length);
            MemorySegment.copy(bytes, 0, segment, ValueLayout.JAVA_BYTE, 0, bytes.length);
            return file.write(IoBuffer.of(segment), -1);
        }
    }

    private static String read(OpenFile file, int most) throws ErrnoException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment segment = arena.allocate(most);
            long got = file.read(IoBuffer.of(segment), -1);
            return got == OpenFile.WOULD_BLOCK ? null
                    : new String(segment.asSlice(0, got).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.ISO_8859_1);
        }
    }

    private static String read(OpenFile file) throws ErrnoException {
        return read(file, 4096);
    }

    private void local(int clear, int set) throws ErrnoException {
        change(t -> new Termios(t.input(), t.output(), t.control(), t.local() & ~clear | set, t.line(), t.characters(), 38400, 38400));
    }

    private void change(java.util.function.UnaryOperator<Termios> how) throws ErrnoException {
        Termios.CODEC.write(MemorySegment.ofArray(guest.bytes), 0, how.apply(pty.termios()));
        slave.ioctl(guest, Terminal.TCSETS, ADDRESS);
    }

    @Nested
    class Canonical {
        @Test
        void linesComeWhenTheyAreComplete() throws ErrnoException {
            write(master, "one");
            assertEquals(0, slave.readiness(Poll.POLLIN));
            assertEquals(null, read(slave));
            write(master, "\rtwo\n");
            assertEquals(Poll.POLLIN, slave.readiness(Poll.POLLIN));
            assertEquals("on", read(slave, 2));
            assertEquals("e\n", read(slave));
            assertEquals("two\n", read(slave));
            assertEquals("one\r\ntwo\r\n", read(master));
        }

        @Test
        void endOfFileIsAReadOfNothing() throws ErrnoException {
            write(master, "\004");
            assertEquals("", read(slave));
            write(master, "ab\004");
            assertEquals("ab", read(slave, 2));
            assertEquals(null, read(slave));
        }

        @Test
        void eraseWordEraseAndKillEdit() throws ErrnoException {
            write(master, "abc\177\177\177\177x\n");
            assertEquals("x\n", read(slave));
            assertEquals("abc\b \b\b \b\b \bx\r\n", read(master));
            write(master, "foo bar\027baz\n");
            assertEquals("foo baz\n", read(slave));
            read(master);
            write(master, "junk\025ok\n");
            assertEquals("ok\n", read(slave));
            assertEquals("junk\b \b\b \b\b \b\b \bok\r\n", read(master));
        }

        @Test
        void controlCharactersEchoWithACaretAndTabsAreErasedWhole() throws ErrnoException {
            write(master, "\001\177ab\t\177\n");
            assertEquals("ab\n", read(slave));
            assertEquals("^A\b \b\b \bab\t\b\b\b\b\b\b\r\n", read(master));
        }

        @Test
        void literalNextTakesAnyCharacter() throws ErrnoException {
            write(master, "\026\003\n");
            assertEquals("\003\n", read(slave));
        }

        @Test
        void withoutEchoNothingComesBack() throws ErrnoException {
            local(Terminal.ECHO, 0);
            write(master, "secret\n");
            assertEquals("secret\n", read(slave));
            assertEquals(null, read(master));
        }

        @Test
        void tooLongALineKeepsItsEnd() throws ErrnoException {
            local(Terminal.ECHO, 0);
            for (int i = 0; i < 6; i++) {
                assertEquals(1000, write(master, "x".repeat(1000)));
            }
            write(master, "\n");
            assertEquals("x".repeat(4095) + "\n", read(slave, 8192));
        }
    }

    @Nested
    class Raw {
        @BeforeEach
        void raw() throws ErrnoException {
            local(Terminal.ICANON | Terminal.ECHO | Terminal.ISIG, 0);
        }

        private void minTime(int min, int time) throws ErrnoException {
            change(t -> {
                byte[] cc = t.characters().clone();
                cc[Terminal.VMIN] = (byte) min;
                cc[Terminal.VTIME] = (byte) time;
                return new Termios(t.input(), t.output(), t.control(), t.local(), t.line(), cc, 38400, 38400);
            });
        }

        @Test
        void bytesComeAtOnce() throws ErrnoException {
            write(master, "a\003");
            assertEquals("a\003", read(slave));
            assertEquals(null, read(slave));
        }

        @Test
        void minimumIsWaitedFor() throws ErrnoException {
            minTime(3, 0);
            write(master, "ab");
            assertEquals(0, slave.readiness(Poll.POLLIN));
            assertEquals(null, read(slave));
            assertEquals("a", read(slave, 1));
            write(master, "cd");
            assertEquals("bcd", read(slave));
        }

        @Test
        void withoutMinimumAndTimeAReadNeverWaits() throws ErrnoException {
            minTime(0, 0);
            assertEquals("", read(slave));
        }

        @Test
        void aTimedReadEndsWithNothing() throws Exception {
            minTime(0, 1);
            assertEquals(null, read(slave));
            Thread woken = Thread.currentThread();
            dev.caisson.spi.wait.Waiter waiter = events -> java.util.concurrent.locks.LockSupport.unpark(woken);
            slave.waitQueue().add(waiter, Poll.POLLIN);
            java.util.concurrent.locks.LockSupport.parkNanos(5_000_000_000L);
            slave.waitQueue().remove(waiter);
            assertEquals("", read(slave));
        }

        @Test
        void pendingInputBecomesALineWhenCanonicalModeComes() throws ErrnoException {
            write(master, "abc");
            local(0, Terminal.ICANON);
            assertEquals("abc", read(slave));
        }
    }

    @Nested
    class Output {
        @Test
        void newlinesGetACarriageReturnUnlessUnprocessed() throws ErrnoException {
            write(slave, "a\nb");
            assertEquals("a\r\nb", read(master));
            change(t -> new Termios(t.input(), 0, t.control(), t.local(), t.line(), t.characters(), 38400, 38400));
            write(slave, "a\nb");
            assertEquals("a\nb", read(master));
        }

        @Test
        void stopAndStartHoldOutput() throws ErrnoException {
            write(master, "\023");
            assertEquals(0, slave.readiness(Poll.POLLOUT));
            assertEquals(OpenFile.WOULD_BLOCK, write(slave, "x"));
            write(master, "\021");
            assertEquals(1, write(slave, "x"));
            assertEquals("x", read(master));
        }

        @Test
        void aFullQueueBlocks() throws ErrnoException {
            long written = 0;
            long step;
            while ((step = write(slave, "y".repeat(10_000))) != OpenFile.WOULD_BLOCK) {
                written += step;
            }
            assertTrue(written > 60_000 && written <= 65_536);
            assertEquals(4096, read(master).length());
            assertEquals(Poll.POLLOUT, slave.readiness(Poll.POLLOUT));
        }

        @Test
        void packetModeTellsOfFlushes() throws ErrnoException {
            guest.word(1);
            master.ioctl(guest, Terminal.TIOCPKT, ADDRESS);
            write(slave, "data");
            assertEquals("\0data", read(master));
            slave.ioctl(guest, Terminal.TCFLSH, Terminal.TCIOFLUSH);
            assertEquals(String.valueOf((char) 3), read(master));
        }
    }

    @Nested
    class JobControlOfIt {
        private final List<Integer> toGroup = new ArrayList<>();
        private final List<Integer> toLeader = new ArrayList<>();
        private ControllingTerminal attached;

        private final TerminalSession session = new TerminalSession() {
            @Override
            public ControllingTerminal terminal() {
                return attached;
            }

            @Override
            public void attachTerminal(ControllingTerminal terminal) {
                attached = terminal;
            }

            @Override
            public void detachTerminal(ControllingTerminal terminal) {
                attached = null;
            }

            @Override
            public void signalLeader(int signal) {
                toLeader.add(signal);
            }
        };

        @BeforeEach
        void control() throws ErrnoException {
            pty.control(session, new TerminalGroup() {
                @Override
                public TerminalSession session() {
                    return session;
                }

                @Override
                public void signal(int signal) {
                    toGroup.add(signal);
                }

                @Override
                public boolean isEmpty() {
                    return false;
                }

                @Override
                public boolean isOrphaned() {
                    return false;
                }
            });
        }

        @Test
        void interruptQuitAndSuspendReachTheForeground() throws ErrnoException {
            write(master, "lost\003");
            write(master, "\034");
            write(master, "\032");
            assertEquals(List.of(2, 3, 20), toGroup);
            assertEquals(null, read(slave));
            assertEquals("^Z", read(master), "each signal flushes what was echoed before");
        }

        @Test
        void aNewWindowSizeIsTold() throws ErrnoException {
            guest.word(24 | 80 << 16);
            master.ioctl(guest, Terminal.TIOCSWINSZ, ADDRESS);
            master.ioctl(guest, Terminal.TIOCSWINSZ, ADDRESS);
            assertEquals(List.of(28), toGroup);
            guest.word(0);
            slave.ioctl(guest, Terminal.TIOCGWINSZ, ADDRESS);
            assertEquals(24 | 80 << 16, guest.word());
        }

        @Test
        void closingTheMasterHangsUp() throws ErrnoException {
            write(slave, "x");
            master.close();
            assertEquals(List.of(1, 18), toLeader);
            assertEquals(null, attached);
            assertEquals("", read(slave));
            assertEquals(Errno.EIO, assertThrows(ErrnoException.class, () -> write(slave, "x")).errno());
            assertTrue((slave.readiness(Poll.POLLIN) & Poll.POLLHUP) != 0);
            assertEquals(null, table.find(0));
        }
    }

    @Test
    void theMasterLearnsWhenTheLastSlaveCloses() throws ErrnoException {
        write(slave, "bye");
        slave.close();
        assertEquals("bye", read(master));
        assertEquals(Errno.EIO, assertThrows(ErrnoException.class, () -> read(master)).errno());
        assertTrue((master.readiness(0) & Poll.POLLHUP) != 0);
    }

    @Test
    void aLockedPairCannotBeOpened() throws ErrnoException {
        OpenFile other = table.openMaster(Fcntl.O_RDWR);
        other.ioctl(guest, (int) Terminal.TIOCGPTN, ADDRESS);
        assertEquals(1, guest.word());
        assertEquals(Errno.EIO, assertThrows(ErrnoException.class, () -> table.openSlave(1, Fcntl.O_RDWR)).errno());
        other.close();
    }
}
