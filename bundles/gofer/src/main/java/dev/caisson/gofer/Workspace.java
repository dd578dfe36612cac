package dev.caisson.gofer;

import static dev.caisson.abi.Errno.EPROTO;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.ninep.FileAttributes;
import dev.caisson.ninep.MessageType;
import dev.caisson.ninep.Qid;
import dev.caisson.ninep.WireReader;
import dev.caisson.ninep.WireWriter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The memory with which one thread works on one request: the message that came, the reply, and a structure of the host. */
final class Workspace implements AutoCloseable {
    /** {@code size[4] Twrite tag[2] fid[4] offset[8] count[4]}: what lies before the data. */
    static final int WRITE_HEADER_BYTES = 23;
    /** No request but Twrite is longer: 16 names of a walk, or two of a link, and fields. */
    static final int MOST_HEAD_BYTES = 16 << 10;
    /** What a reply without data holds at most: a directory's entries. */
    static final int MOST_REPLY_BYTES = 64 << 10;
    private static final int LEAST_BYTES = 8 << 10;
    private static final int STRUCTURE_BYTES = 256;
    private static final int DIRECTORY_BYTES = 64 << 10;
    /** Offsets in struct statx. */
    private static final int MASK = 0, BLOCK_BYTES = 4, FLAGS = 8, LINKS = 16, UID = 20, GID = 24, MODE = 28, INODE = 32, SIZE = 40, BLOCKS = 48,
        ACCESS = 64, BIRTH = 80, CHANGE = 96, MODIFY = 112, RAW_MAJOR = 128, RAW_MINOR = 132, MAJOR = 136, MINOR = 140;
    private static final int STATX_BTIME = 0x800;
    /** STATX_ATTR_IMMUTABLE, _APPEND and _MOUNT_ROOT. */
    private static final int STATX_ATTR_HELD = 0x10 | 0x20 | 0x2000;
    private static final long BILLION = 1_000_000_000;

    final WireReader in = new WireReader();
    final WireWriter out = new WireWriter();
    private final byte[] head = new byte[MOST_HEAD_BYTES];
    private final Arena arena = Arena.ofConfined();
    private final MemorySegment structure = arena.allocate(STRUCTURE_BYTES, 8);
    private Arena messageArena;
    private MemorySegment message = MemorySegment.NULL;
    private Arena dataArena;
    private MemorySegment data = MemorySegment.NULL;
    private MemorySegment reply = arena.allocate(LEAST_BYTES, 8);

    /** The request: its type, or null for one that does not exist, and its tag. */
    private MessageType type;
    private int tag;
    private int messageBytes;
    /** Bytes of {@link #data} that are part of the reply. */
    private int dataBytes;
    private Handle donated;

    /** {@return room for a message} */
    MemorySegment message(int bytes) {
        if (message.byteSize() < bytes) {
            MemorySegment old = message;
            Arena larger = Arena.ofConfined();
            message = larger.allocate(Math.max(bytes, LEAST_BYTES), 8);
            MemorySegment.copy(old, 0, message, 0, old.byteSize());
            if (messageArena != null) {
                messageArena.close();
            }
            messageArena = larger;
        }
        return message;
    }

    /** {@return room for data of a reply} */
    MemorySegment data(int bytes) {
        if (data.byteSize() < bytes) {
            Arena old = dataArena;
            dataArena = null;
            data = MemorySegment.NULL; // there may be no room for the new one
            if (old != null) {
                old.close();
            }
            Arena larger = Arena.ofConfined();
            data = larger.allocate(Math.max(bytes, LEAST_BYTES), 8);
            dataArena = larger;
        }
        return data;
    }

    /** {@return room for what getdents64(2) tells} */
    MemorySegment directoryEntries() {
        return data(DIRECTORY_BYTES);
    }

    /** {@return 256 bytes for a structure of the host} */
    MemorySegment structure() {
        return structure;
    }

    /**
     * Begins with the message that lies at {@link #message}.
     *
     * @param bytes its size
     */
    void begin(int bytes) {
        type = MessageType.of(message.get(Layouts.U8, 4) & 0xff);
        tag = message.get(Layouts.U16, 5) & 0xffff;
        messageBytes = bytes;
        dataBytes = 0;
        // What is too long for its type is left out, and found missing by endOfRequest.
        int copied = type == MessageType.TWRITE ? Math.min(bytes, WRITE_HEADER_BYTES) : bytes <= MOST_HEAD_BYTES ? bytes : 7;
        MemorySegment.copy(message, ValueLayout.JAVA_BYTE, 0, head, 0, copied);
        in.reset(head, 7, copied);
    }

    MessageType type() {
        return type;
    }

    int tag() {
        return tag;
    }

    /** {@return size of the message} */
    int messageBytes() {
        return messageBytes;
    }

    /** All fields were read: fails when they did not fill the message exactly. */
    void endOfRequest() throws ErrnoException {
        if (!in.isConsumed() || type != MessageType.TWRITE && messageBytes > MOST_HEAD_BYTES) {
            throw EPROTO.error("a message that is too short or too long");
        }
    }

    /** Starts the reply that the request gets when it succeeds. */
    WireWriter reply() {
        return out.start(type.reply(), tag);
    }

    /** Makes the reply a failure. */
    void fail(int errno) {
        dataBytes = 0;
        if (donated != null) {
            donated.release();
            donated = null;
        }
        out.start(MessageType.RLERROR, tag).u32(errno);
    }

    /** Lets bytes of {@link #data} follow the reply. */
    void append(int bytes) {
        dataBytes = bytes;
    }

    /** Sends an open file along; it is released after that. */
    void donate(Handle file) {
        donated = file;
    }

    /** {@return what goes along, which is the caller's to release, or null} */
    Handle takeDonated() {
        Handle taken = donated;
        donated = null;
        return taken;
    }

    int dataBytes() {
        return dataBytes;
    }

    MemorySegment data() {
        return data;
    }

    /** {@return the reply without its data, in native memory; its size is written before} */
    MemorySegment finishedReply() {
        int bytes = out.finish(dataBytes);
        if (reply.byteSize() < bytes) {
            reply = arena.allocate(MOST_REPLY_BYTES + LEAST_BYTES, 8); // once: no reply is longer
        }
        MemorySegment.copy(out.array(), 0, reply, ValueLayout.JAVA_BYTE, 0, bytes);
        return reply.asSlice(0, bytes);
    }

    /** {@return whether the statx in {@link #structure} is the root's} */
    boolean isRoot(Export export) {
        return export.isRoot(device(), inode());
    }

    /** {@return {@code st_mode} of the statx in {@link #structure}} */
    int mode() {
        return structure.get(Layouts.U16, MODE) & 0xffff;
    }

    int uid() {
        return structure.get(Layouts.U32, UID);
    }

    int gid() {
        return structure.get(Layouts.U32, GID);
    }

    long device() {
        return (long) structure.get(Layouts.U32, MAJOR) << 32 | structure.get(Layouts.U32, MINOR) & 0xffff_ffffL;
    }

    long inode() {
        return structure.get(Layouts.U64, INODE);
    }

    /** {@return the qid of the file whose statx lies in {@link #structure}} */
    Qid qid(Export export) {
        // The version changes with the content: a client that caches compares it.
        long change = structure.get(Layouts.U64, CHANGE) * BILLION + structure.get(Layouts.U32, CHANGE + 8);
        int version = (int) (change ^ change >>> 32) ^ (int) structure.get(Layouts.U64, SIZE);
        return new Qid(Qid.typeOf(mode()), version, export.path(device(), inode()));
    }

    /** {@return the attributes in {@link #structure}} */
    FileAttributes attributes(Export export) {
        boolean hasBirth = (structure.get(Layouts.U32, MASK) & STATX_BTIME) != 0;
        Qid qid = qid(export);
        if ((structure.get(Layouts.U64, FLAGS) & STATX_ATTR_HELD) != 0 && qid.type() != Qid.DIRECTORY) {
            qid = new Qid(qid.type() | Qid.HELD, qid.version(), qid.path());
        }
        return new FileAttributes(qid, mode(), uid(), gid(), structure.get(Layouts.U32, LINKS) & 0xffff_ffffL, rawDevice(),
            structure.get(Layouts.U64, SIZE), structure.get(Layouts.U32, BLOCK_BYTES) & 0xffff_ffffL, structure.get(Layouts.U64, BLOCKS),
            time(ACCESS), time(MODIFY), time(CHANGE), hasBirth ? time(BIRTH) : Long.MIN_VALUE);
    }

    private long time(int at) {
        return structure.get(Layouts.U64, at) * BILLION + structure.get(Layouts.U32, at + 8);
    }

    /** makedev(3). */
    private long rawDevice() {
        long major = structure.get(Layouts.U32, RAW_MAJOR) & 0xffff_ffffL;
        long minor = structure.get(Layouts.U32, RAW_MINOR) & 0xffff_ffffL;
        return (major & 0xfff) << 8 | minor & 0xff | (minor & ~0xffL) << 12 | (major & ~0xfffL) << 32;
    }

    @Override
    public void close() {
        arena.close();
        if (messageArena != null) {
            messageArena.close();
        }
        if (dataArena != null) {
            dataArena.close();
        }
        if (donated != null) {
            donated.release();
        }
    }
}
