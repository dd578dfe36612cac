package dev.caisson.ninep;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

class CodecTest {
    private static final long SEED = 20260901;

    private final WireWriter out = new WireWriter();

    private WireReader written() {
        int length = out.finish(0);
        return new WireReader().reset(out.array(), Protocol.HEADER_BYTES, length);
    }

    private byte[] bytes() {
        return Arrays.copyOf(out.array(), out.finish(0));
    }

    @Test
    void aWalkLooksOnTheWireAsTheProtocolSays() {
        out.start(MessageType.TWALK, 0x1234).u32(1).u32(2).u16(2).string("usr").string("bin");
        assertEquals("1b000000 6e 3412 01000000 02000000 0200 0300 757372 0300 62696e".replace(" ", ""),
                HexFormat.of().formatHex(bytes()));
    }

    @Test
    void aMessageWithDataCountsIt() {
        out.start(MessageType.TWRITE, 1).u32(3).u64(4096).u32(5);
        int written = out.finish(5);
        assertEquals(23, written);
        assertEquals(28, out.array()[0]);
    }

    @Test
    void attributesComeBackAsTheyWere() {
        FileAttributes attributes = new FileAttributes(new Qid(Qid.DIRECTORY, 7, 42), 040755, 1000, -2, 3, 0x801, Long.MAX_VALUE, 4096, 8,
                1_700_000_000_123_456_789L, -1, 0, 99);
        out.start(MessageType.RGETATTR, 0).u64(attributes.valid());
        int start = out.position();
        attributes.write(out);
        assertEquals(FileAttributes.BYTES, out.position() - start);
        WireReader in = written();
        assertEquals(attributes, FileAttributes.read(in, in.u64()));
        assertTrue(in.isConsumed());
    }

    @Test
    void aTimeOfBirthThatIsNotKnownStaysSo() {
        FileAttributes attributes = new FileAttributes(new Qid(0, 0, 1), 0100644, 0, 0, 1, 0, 0, 512, 0, 0, 0, 0, Long.MIN_VALUE);
        attributes.write(out.start(MessageType.RGETATTR, 0).u64(attributes.valid()));
        WireReader in = written();
        assertEquals(attributes, FileAttributes.read(in, in.u64()));
    }

    @Test
    void updatesUsageAndLocksComeBackAsTheyWere() {
        AttributeUpdate update = new AttributeUpdate(0x1ff, 07777, 1, 2, -1, -5, 7_000_000_009L);
        FileSystemUsage usage = new FileSystemUsage(0x01021997, 4096, 1, 2, 3, 4, 5, 6, 255);
        FileLockRange lock = new FileLockRange(Protocol.LOCK_WRITE, 5, 0, 77, "caisson");
        out.start(MessageType.TSETATTR, 0);
        update.write(out);
        usage.write(out);
        lock.write(out);
        WireReader in = written();
        assertEquals(update, AttributeUpdate.read(in));
        assertEquals(usage, FileSystemUsage.read(in));
        assertEquals(lock, FileLockRange.read(in));
        assertTrue(in.isConsumed());
    }

    @Test
    void whatIsNotThereReadsAsZeroAndIsTold() {
        WireReader in = new WireReader().reset(new byte[] {1, 2, 3}, 0, 3);
        assertEquals(0x0201, in.u16());
        assertEquals(0, in.u32());
        assertTrue(in.isOverrun());
        assertEquals("", in.string());
        assertEquals(0, in.u8(), "an overrun message has nothing more to say");
        assertFalse(in.isConsumed());
    }

    @Test
    void aStringLongerThanItsMessageIsAnOverrun() {
        WireReader in = new WireReader().reset(new byte[] {(byte) 255, (byte) 255, 'a'}, 0, 3);
        assertEquals("", in.string());
        assertTrue(in.isOverrun());
    }

    @Test
    void aStringOverItsLimitIsAnOverrun() {
        out.start(MessageType.TGETLOCK, 0).string("four");
        WireReader in = written();
        assertEquals("", in.string(3));
        assertTrue(in.isOverrun());
    }

    @Test
    void namesAreEntriesOrNothing() throws ErrnoException {
        for (String name : new String[] {"", ".", "..", "a/b", "/", "a\0b", "x".repeat(256)}) {
            assertFalse(Names.isEntry(name), name);
            assertThrows(ErrnoException.class, () -> Names.checkEntry(name));
        }
        for (String name : new String[] {"a", "...", ".a", "x".repeat(255), "\u00ff", " ", "\n"}) {
            assertTrue(Names.isEntry(name), name);
            assertEquals(name, Names.checkEntry(name));
        }
    }

    @Test
    void errorNumbersOfAServerNeverRestartACall() {
        assertEquals(Errno.ENOENT, Names.errno(2));
        for (int number : new int[] {0, -1, Integer.MIN_VALUE, Integer.MAX_VALUE, 85, 512, 513, 514, 516, 4000}) {
            assertEquals(Errno.EIO, Names.errno(number), () -> "number " + number);
        }
    }

    @Test
    void everyRequestHasItsReply() {
        for (MessageType type : MessageType.values()) {
            assertEquals(type, MessageType.of(type.number()));
            if (type.isRequest()) {
                assertEquals("R" + type.name().substring(1), type.reply().name());
            }
        }
    }

    @Test
    void noReaderFailsOnAnyBytes() {
        Random random = new Random(SEED);
        Consumer<WireReader> readers = in -> {
            switch (random.nextInt(7)) {
                case 0 -> FileAttributes.read(in, random.nextLong());
                case 1 -> AttributeUpdate.read(in);
                case 2 -> FileSystemUsage.read(in);
                case 3 -> FileLockRange.read(in);
                case 4 -> in.string();
                case 5 -> in.skip(random.nextInt());
                default -> Qid.read(in);
            }
        };
        WireReader in = new WireReader();
        byte[] bytes = new byte[400];
        for (int i = 0; i < 20_000; i++) {
            random.nextBytes(bytes);
            int start = random.nextInt(bytes.length);
            in.reset(bytes, start, start + random.nextInt(bytes.length - start + 1));
            for (int j = 0; j < 4; j++) {
                readers.accept(in);
                assertTrue(in.remaining() >= 0);
            }
        }
    }

    @Test
    void aWriterGrows() {
        byte[] many = new byte[5000];
        Arrays.fill(many, (byte) 7);
        out.start(MessageType.RREADDIR, 9).u32(many.length).bytes(many, 0, many.length);
        byte[] message = bytes();
        assertEquals(many.length + 11, message.length);
        assertArrayEquals(many, Arrays.copyOfRange(message, 11, message.length));
    }
}
