package dev.caisson.fs.ninep;

import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Errno.ENOSYS;
import static dev.caisson.abi.Errno.EOPNOTSUPP;
import static dev.caisson.abi.Errno.EPROTO;
import static dev.caisson.abi.Errno.EPROTONOSUPPORT;

import dev.caisson.abi.ErrnoException;
import dev.caisson.host.raw.NativeMemory;
import dev.caisson.ninep.AttributeUpdate;
import dev.caisson.ninep.FileAttributes;
import dev.caisson.ninep.FileLockRange;
import dev.caisson.ninep.FileSystemUsage;
import dev.caisson.ninep.MessageType;
import dev.caisson.ninep.Names;
import dev.caisson.ninep.Protocol;
import dev.caisson.ninep.Qid;
import dev.caisson.ninep.WireReader;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * One tree of a server, attached over one connection: each message as a method. What the server answers is checked here; a reply that
 * cannot be is EPROTO. Fids that a method makes are the caller's, who lets them go with {@link #clunk}.
 */
final class Session {
    private final Connection connection;
    private final boolean isExtended;
    private int messageBytes;
    private volatile boolean lacksNamesAt;
    /** Most bytes of a transfer. */
    private final int dataBytes;
    private final int root;
    private final FileAttributes rootAttributes;

    private Session(Connection connection, ServerOptions options) throws ErrnoException {
        this.connection = connection;
        String version = options.isExtended() ? offerExtension(options) : Protocol.UNKNOWN_VERSION;
        if (version.equals(Protocol.UNKNOWN_VERSION)) {
            version = negotiate(options, Protocol.VERSION);
        }
        this.isExtended = options.isExtended() && version.equals(Protocol.EXTENDED_VERSION);
        if (!isExtended && !version.equals(Protocol.VERSION)) {
            throw EPROTONOSUPPORT.error("the server does not speak 9P2000.L");
        }
        if (isExtended && connection.isUnix()) {
            connection.tellProcessor();
        }
        this.dataBytes = messageBytes - Protocol.IO_HEADER_BYTES;
        this.root = attach(options);
        this.rootAttributes = attributes(root);
    }

    /**
     * Connects and attaches.
     *
     * @param options how
     * @return a session
     * @throws ErrnoException what connecting failed with; EPROTONOSUPPORT, EPROTO, and what the server answered
     */
    static Session open(ServerOptions options) throws ErrnoException {
        Connection connection = new Connection(options.connector().connect(), options.timeoutMs());
        try {
            return new Session(connection, options);
        } catch (ErrnoException | RuntimeException e) {
            connection.close();
            throw e;
        }
    }

    private String offerExtension(ServerOptions options) throws ErrnoException {
        try {
            return negotiate(options, Protocol.EXTENDED_VERSION);
        } catch (ErrnoException e) {
            connection.checkUsable();
            return Protocol.UNKNOWN_VERSION; // diod answers an error instead
        }
    }

    private String negotiate(ServerOptions options, String version) throws ErrnoException {
        Call call = connection.begin(MessageType.TVERSION);
        try {
            call.out.u32(options.messageBytes()).string(version);
            WireReader in = connection.exchange(call, null);
            int bytes = in.u32();
            String answer = in.string();
            check(in.isConsumed() && bytes >= Protocol.LEAST_MESSAGE_BYTES && bytes <= options.messageBytes());
            messageBytes = bytes;
            connection.setLimit(bytes);
            return answer;
        } finally {
            connection.end(call);
        }
    }

    private int attach(ServerOptions options) throws ErrnoException {
        Call call = connection.begin(MessageType.TATTACH);
        try {
            int fid = newFid(call);
            call.out.u32(fid).u32(Protocol.NO_FID).string(options.user()).string(options.tree()).u32(options.uid());
            WireReader in = connection.exchange(call, null);
            Qid qid = Qid.read(in);
            check(in.isConsumed() && qid.type() == Qid.DIRECTORY);
            return fid;
        } finally {
            connection.end(call);
        }
    }

    private static void check(boolean isGood) throws ErrnoException {
        if (!isGood) {
            throw EPROTO.error("a malformed answer");
        }
    }

    /** A number for a fid that a call makes. */
    private int newFid(Call call) throws ErrnoException {
        int fid = connection.fids().take();
        call.newFid = fid;
        return fid;
    }

    /** The fid of a call that failed is free again, unless it is not known yet what the server did. */
    private void failed(Call call) {
        int fid = call.newFid;
        if (fid != Protocol.NO_FID && connection.isOver(call)) {
            call.newFid = Protocol.NO_FID;
            if (call.replyType == call.type.reply()) {
                connection.clunk(fid); // a reply that made no sense
            } else {
                connection.fids().free(fid);
            }
        }
    }

    /** {@return whether nothing will ever be answered again} */
    boolean isBroken() {
        return connection.isBroken();
    }

    /** {@return whether the server speaks the extension} */
    boolean isExtended() {
        return isExtended;
    }

    /** {@return whether the server can give open files away} */
    boolean donates() {
        return isExtended && connection.isUnix();
    }

    /** {@return most bytes of one read or write} */
    int dataBytes() {
        return dataBytes;
    }

    /** {@return the fid of the tree's root} */
    int root() {
        return root;
    }

    /** {@return attributes of the tree's root when it was attached} */
    FileAttributes rootAttributes() {
        return rootAttributes;
    }

    /** {@return how many fids exist} */
    int fidCount() {
        return connection.fids().count();
    }

    /** Lets a fid go. */
    void clunk(int fid) {
        connection.clunk(fid);
    }

    /** Waits until the server has let go what it was told to. */
    void settle() {
        connection.drain();
    }

    void close() {
        if (!isBroken()) {
            clunk(root);
            connection.drain();
        }
        connection.close();
    }

    // ---- names

    /** Where a walk led: the fid made, and the file's identity; null for a walk without names. */
    record Walked(int fid, Qid qid) {}

    /**
     * Walks.
     *
     * @param fid where from
     * @param names at most {@link Protocol#MOST_NAMES}; none makes a second fid of the same file
     * @return where it led
     * @throws ErrnoException ENOENT when the walk ended before its end
     */
    Walked walk(int fid, List<String> names) throws ErrnoException {
        Call call = connection.begin(MessageType.TWALK);
        try {
            int made = newFid(call);
            call.out.u32(fid).u32(made).u16(names.size());
            for (String name : names) {
                call.out.string(name);
            }
            WireReader in = connection.exchange(call, null);
            int count = in.u16();
            Qid last = null;
            for (int i = 0; i < count; i++) {
                last = Qid.read(in);
            }
            check(in.isConsumed() && count <= names.size());
            if (count < names.size()) {
                connection.fids().free(made);
                call.newFid = Protocol.NO_FID;
                throw ENOENT.error();
            }
            return new Walked(made, last);
        } catch (ErrnoException e) {
            failed(call);
            throw e;
        } finally {
            connection.end(call);
        }
    }

    /** What a lookup found: attributes, and a fid or NO_FID. */
    record Found(int fid, FileAttributes attributes) {}

    /**
     * Looks a name up.
     *
     * @param directory a fid
     * @param name an entry
     * @return the file, without a fid if the server can do so; null when there is none
     * @throws ErrnoException what the server says
     */
    Found lookup(int directory, String name) throws ErrnoException {
        if (!isExtended) {
            int fid;
            try {
                fid = walk(directory, List.of(name)).fid();
            } catch (ErrnoException e) {
                if (e.errno() == ENOENT) {
                    return null;
                }
                throw e;
            }
            try {
                return new Found(fid, attributes(fid));
            } catch (ErrnoException e) {
                clunk(fid);
                throw e;
            }
        }
        Call call = connection.begin(MessageType.TWALKGETATTR);
        try {
            call.out.u32(directory).u32(Protocol.NO_FID).u16(1).string(name);
            WireReader in = connection.exchange(call, null);
            int error = in.u32();
            int count = in.u16();
            check(count == (error == 0 ? 1 : 0));
            if (error != 0) {
                check(in.isConsumed());
                if (error == ENOENT.number()) {
                    return null;
                }
                throw Names.errno(error).error();
            }
            FileAttributes attributes = FileAttributes.read(in, FileAttributes.BASIC | FileAttributes.BIRTH_TIME);
            check(in.isConsumed());
            return new Found(Protocol.NO_FID, checked(attributes));
        } finally {
            connection.end(call);
        }
    }

    /**
     * Looks names up, one below the other, by one message of the extension.
     *
     * @param directory a fid
     * @param names the entries, 16 at most
     * @return what was found
     * @throws ErrnoException what the server says
     */
    NinepLookAhead.Trail lookups(int directory, List<String> names) throws ErrnoException {
        Call call = connection.begin(MessageType.TWALKGETATTR);
        try {
            call.out.u32(directory).u32(Protocol.NO_FID).u16(names.size());
            names.forEach(call.out::string);
            WireReader in = connection.exchange(call, null);
            int error = in.u32();
            int count = in.u16();
            check(count <= names.size() && (error == 0) == (count == names.size()));
            List<FileAttributes> steps = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                steps.add(checked(FileAttributes.read(in, FileAttributes.BASIC | FileAttributes.BIRTH_TIME)));
            }
            check(in.isConsumed());
            return new NinepLookAhead.Trail(steps, error == ENOENT.number());
        } finally {
            connection.end(call);
        }
    }

    /** A file has one of the types of Linux, and a qid that says the same. */
    private static FileAttributes checked(FileAttributes attributes) throws ErrnoException {
        int type = attributes.mode() & 0xf000;
        boolean isType = switch (type) {
            case 0x1000, 0x2000, 0x4000, 0x6000, 0x8000, 0xa000, 0xc000 -> true;
            default -> false;
        };
        boolean isDirectory = (attributes.qid().type() & Qid.DIRECTORY) != 0;
        check(isType && isDirectory == (type == 0x4000) && attributes.sizeBytes() >= 0);
        return attributes;
    }

    FileAttributes attributes(int fid) throws ErrnoException {
        Call call = connection.begin(MessageType.TGETATTR);
        try {
            call.out.u32(fid).u64(FileAttributes.BASIC | FileAttributes.BIRTH_TIME);
            WireReader in = connection.exchange(call, null);
            long valid = in.u64();
            FileAttributes attributes = FileAttributes.read(in, valid);
            check(in.isConsumed());
            return checked(attributes);
        } finally {
            connection.end(call);
        }
    }

    void update(int fid, AttributeUpdate update) throws ErrnoException {
        Call call = connection.begin(MessageType.TSETATTR);
        try {
            update.write(call.out.u32(fid));
            empty(call);
        } finally {
            connection.end(call);
        }
    }

    /**
     * Changes an entry of a directory; only where the server speaks the extension.
     *
     * @param directory a fid
     * @param name the entry
     * @param path what {@code qid.path} is to be there
     * @param update the change
     * @return the attributes after it
     * @throws ErrnoException ESTALE when another file has the name
     */
    FileAttributes updateAt(int directory, String name, long path, AttributeUpdate update) throws ErrnoException {
        Call call = connection.begin(MessageType.TSETATTRAT);
        try {
            update.write(call.out.u32(directory).string(name).u64(path));
            return attributesAlone(connection.exchange(call, null));
        } finally {
            connection.end(call);
        }
    }

    private void empty(Call call) throws ErrnoException {
        check(connection.exchange(call, null).isConsumed());
    }

    private void justQid(Call call) throws ErrnoException {
        WireReader in = connection.exchange(call, null);
        in.skip(Qid.BYTES);
        check(in.isConsumed());
    }

    void makeDirectory(int directory, String name, int mode, int gid) throws ErrnoException {
        Call call = connection.begin(MessageType.TMKDIR);
        try {
            call.out.u32(directory).string(name).u32(mode).u32(gid);
            justQid(call);
        } finally {
            connection.end(call);
        }
    }

    void makeNode(int directory, String name, int mode, int major, int minor, int gid) throws ErrnoException {
        Call call = connection.begin(MessageType.TMKNOD);
        try {
            call.out.u32(directory).string(name).u32(mode).u32(major).u32(minor).u32(gid);
            justQid(call);
        } finally {
            connection.end(call);
        }
    }

    void makeLink(int directory, String name, String target, int gid) throws ErrnoException {
        Call call = connection.begin(MessageType.TSYMLINK);
        try {
            call.out.u32(directory).string(name).string(target).u32(gid);
            justQid(call);
        } finally {
            connection.end(call);
        }
    }

    /**
     * Makes a directory, a link, a FIFO or a socket; only where the server speaks the extension.
     *
     * @param directory a fid
     * @param name the new entry
     * @param mode type and permissions
     * @param uid its owner
     * @param gid its group
     * @param target the text of a link; else empty
     * @return what was made, whose owner and permissions may be others
     * @throws ErrnoException what the server says
     */
    FileAttributes makeAt(int directory, String name, int mode, int uid, int gid, String target) throws ErrnoException {
        Call call = connection.begin(MessageType.TMAKEAT);
        try {
            call.out.u32(directory).string(name).u32(mode).u32(uid).u32(gid).string(target);
            return attributesAlone(connection.exchange(call, null));
        } finally {
            connection.end(call);
        }
    }

    private static FileAttributes attributesAlone(WireReader in) throws ErrnoException {
        FileAttributes attributes = checked(FileAttributes.read(in, FileAttributes.BASIC | FileAttributes.BIRTH_TIME));
        check(in.isConsumed());
        return attributes;
    }

    String readLink(int fid) throws ErrnoException {
        Call call = connection.begin(MessageType.TREADLINK);
        try {
            call.out.u32(fid);
            WireReader in = connection.exchange(call, null);
            String target = in.string(Protocol.LINK_BYTES);
            check(in.isConsumed() && Names.isLinkTarget(target));
            return target;
        } finally {
            connection.end(call);
        }
    }

    void link(int directory, int fid, String name) throws ErrnoException {
        Call call = connection.begin(MessageType.TLINK);
        try {
            call.out.u32(directory).u32(fid).string(name);
            empty(call);
        } finally {
            connection.end(call);
        }
    }

    void unlink(int directory, String name, int flags) throws ErrnoException {
        if (lacksNamesAt) {
            remove(walk(directory, List.of(name)).fid());
            return;
        }
        Call call = connection.begin(MessageType.TUNLINKAT);
        try {
            call.out.u32(directory).string(name).u32(flags);
            empty(call);
        } catch (ErrnoException e) {
            checkLacksNamesAt(e);
        } finally {
            connection.end(call);
        }
        if (lacksNamesAt) {
            unlink(directory, name, flags);
        }
    }

    /**
     * As {@link #unlink}, without waiting for the answer.
     *
     * @param late told of it
     * @return false when it was not sent, and is not going to be
     */
    boolean unlinkLate(int directory, String name, Connection.Late late) {
        Call call = connection.beginLate(MessageType.TUNLINKAT, late);
        if (call == null) {
            return false;
        }
        call.out.u32(directory).string(name).u32(0);
        return connection.sendLate(call);
    }

    /** Waits for something that answers bring which nobody waits for. */
    void await(BooleanSupplier isThere) throws ErrnoException {
        connection.await(isThere);
    }

    /** Older servers (diod of Debian 12) have neither Tunlinkat nor Trenameat, so they get the messages of before, as from Linux. */
    private void checkLacksNamesAt(ErrnoException e) throws ErrnoException {
        if (isExtended || e.errno() != EOPNOTSUPP && e.errno() != ENOSYS) {
            throw e;
        }
        lacksNamesAt = true;
    }

    /** Removes a file by a fid, which is gone as well. */
    private void remove(int fid) throws ErrnoException {
        Call call = connection.begin(MessageType.TREMOVE);
        try {
            call.out.u32(fid);
            call.newFid = fid;
            empty(call);
        } finally {
            if (connection.isOver(call)) {
                connection.fids().free(fid);
            }
            connection.end(call);
        }
    }

    /** Renames; flags other than 0 only where the server speaks the extension. */
    void rename(int from, String oldName, int to, String newName, int flags) throws ErrnoException {
        if (lacksNamesAt) {
            rename(walk(from, List.of(oldName)).fid(), to, newName);
            return;
        }
        Call call = connection.begin(flags == 0 ? MessageType.TRENAMEAT : MessageType.TRENAMEAT2);
        try {
            call.out.u32(from).string(oldName).u32(to).string(newName);
            if (flags != 0) {
                call.out.u32(flags);
            }
            empty(call);
        } catch (ErrnoException e) {
            checkLacksNamesAt(e);
        } finally {
            connection.end(call);
        }
        if (lacksNamesAt) {
            rename(from, oldName, to, newName, flags);
        }
    }

    private void rename(int fid, int to, String newName) throws ErrnoException {
        Call call = connection.begin(MessageType.TRENAME);
        try {
            call.out.u32(fid).u32(to).string(newName);
            empty(call);
        } finally {
            connection.end(call);
            clunk(fid);
        }
    }

    // ---- open files

    /** The fid becomes an open file; tells which one, for to many a server a fid is a path, where another file may be by now. */
    Qid open(int fid, int flags) throws ErrnoException {
        Call call = connection.begin(MessageType.TLOPEN);
        try {
            call.out.u32(fid).u32(flags);
            return opened(call);
        } finally {
            connection.end(call);
        }
    }

    /** A fid of a directory becomes the new, open file. */
    void create(int fid, String name, int flags, int mode, int gid) throws ErrnoException {
        Call call = connection.begin(MessageType.TLCREATE);
        try {
            call.out.u32(fid).string(name).u32(flags).u32(mode).u32(gid);
            opened(call);
        } finally {
            connection.end(call);
        }
    }

    private Qid opened(Call call) throws ErrnoException {
        WireReader in = connection.exchange(call, null);
        Qid qid = Qid.read(in);
        in.skip(Integer.BYTES); // iounit: a hint that our message size has taken already
        check(in.isConsumed());
        return qid;
    }

    /**
     * What Topenat made: a fid or NO_FID, a descriptor or -1, and the file's attributes.
     */
    record Opened(int fid, int descriptor, FileAttributes attributes) {}

    /**
     * Opens or creates in one step; only where the server speaks the extension.
     *
     * @param fid of the directory, or of the file when the name is empty
     * @param name an entry, or empty
     * @param flags of open(2)
     * @param mode of a new file
     * @param uid its owner
     * @param gid its group
     * @return the open file
     * @throws ErrnoException what the server says
     */
    Opened openAt(int fid, String name, int flags, int mode, int uid, int gid) throws ErrnoException {
        Call call = connection.begin(MessageType.TOPENAT);
        try {
            int made = newFid(call);
            call.out.u32(fid).u32(made).string(name).u32(flags).u32(mode).u32(uid).u32(gid);
            WireReader in = connection.exchange(call, null);
            int donated = in.u8();
            FileAttributes attributes = checked(FileAttributes.read(in, FileAttributes.BASIC | FileAttributes.BIRTH_TIME));
            check(in.isConsumed() && donated <= 2 && donated != 0 == call.descriptor >= 0);
            int descriptor = call.descriptor;
            call.descriptor = -1;
            if (donated == 1) {
                connection.fids().free(made);
                made = Protocol.NO_FID;
            }
            return new Opened(made, descriptor, attributes);
        } catch (ErrnoException e) {
            failed(call);
            throw e;
        } finally {
            connection.end(call);
        }
    }

    /**
     * Reads.
     *
     * @param fid an open file
     * @param target at most {@link #dataBytes}
     * @param offset in the file
     * @return bytes read, 0 at the end
     * @throws ErrnoException what the server says
     */
    int read(int fid, MemorySegment target, long offset) throws ErrnoException {
        Call call = connection.begin(MessageType.TREAD);
        try {
            call.target = NativeMemory.segment(target.address(), target.byteSize()); // the call ends before the memory does
            call.out.u32(fid).u64(offset).u32((int) target.byteSize());
            connection.exchange(call, null);
            check(call.dataBytes >= 0);
            return call.dataBytes;
        } finally {
            connection.end(call);
        }
    }

    /**
     * Writes.
     *
     * @param fid an open file
     * @param source at most {@link #dataBytes}
     * @param offset in the file
     * @return bytes written
     * @throws ErrnoException what the server says
     */
    int write(int fid, MemorySegment source, long offset) throws ErrnoException {
        Call call = connection.begin(MessageType.TWRITE);
        try {
            call.out.u32(fid).u64(offset).u32((int) source.byteSize());
            WireReader in = connection.exchange(call, source);
            int count = in.u32();
            check(in.isConsumed() && count >= 0 && count <= source.byteSize());
            return count;
        } finally {
            connection.end(call);
        }
    }

    void sync(int fid, boolean dataOnly) throws ErrnoException {
        Call call = connection.begin(MessageType.TFSYNC);
        try {
            call.out.u32(fid).u32(dataOnly ? 1 : 0);
            empty(call);
        } finally {
            connection.end(call);
        }
    }

    /** Takes entries of a directory out of a reply. */
    @FunctionalInterface
    interface EntryReader {
        /**
         * Reads all entries.
         *
         * @param in stands at the first one, and ends behind the last one
         * @param isEnd whether the server said that nothing follows
         * @throws ErrnoException EPROTO
         */
        void read(WireReader in, boolean isEnd) throws ErrnoException;
    }

    /**
     * Reads entries of an open directory.
     *
     * @param fid the directory
     * @param offset 0, or what came with an entry
     * @param hasAttributes whether by Treaddirattr
     * @param reader takes them
     * @throws ErrnoException what the server says
     */
    void readDirectory(int fid, long offset, boolean hasAttributes, EntryReader reader) throws ErrnoException {
        Call call = connection.begin(hasAttributes ? MessageType.TREADDIRATTR : MessageType.TREADDIR);
        try {
            call.out.u32(fid).u64(offset).u32(dataBytes);
            WireReader in = connection.exchange(call, null);
            boolean isEnd = hasAttributes && in.u8() != 0;
            int bytes = in.u32();
            check(!in.isOverrun() && bytes == in.remaining());
            reader.read(in, isEnd || bytes == 0);
            check(in.isConsumed());
        } finally {
            connection.end(call);
        }
    }

    FileSystemUsage usage() throws ErrnoException {
        Call call = connection.begin(MessageType.TSTATFS);
        try {
            call.out.u32(root);
            WireReader in = connection.exchange(call, null);
            FileSystemUsage usage = FileSystemUsage.read(in);
            check(in.isConsumed());
            return usage;
        } finally {
            connection.end(call);
        }
    }

    // ---- extended attributes, locks

    /** A fid to read an attribute (or, with an empty name, the list of names), and the size of that. */
    record XattrFid(int fid, long bytes) {}

    XattrFid walkXattr(int fid, String name) throws ErrnoException {
        Call call = connection.begin(MessageType.TXATTRWALK);
        try {
            int made = newFid(call);
            call.out.u32(fid).u32(made).string(name);
            WireReader in = connection.exchange(call, null);
            long bytes = in.u64();
            check(in.isConsumed());
            return new XattrFid(made, bytes);
        } catch (ErrnoException e) {
            failed(call);
            throw e;
        } finally {
            connection.end(call);
        }
    }

    /** The fid becomes one that takes the value. */
    void createXattr(int fid, String name, long bytes, int flags) throws ErrnoException {
        Call call = connection.begin(MessageType.TXATTRCREATE);
        try {
            call.out.u32(fid).string(name).u64(bytes).u32(flags);
            empty(call);
        } finally {
            connection.end(call);
        }
    }

    /** Lets a fid go, and tells what the server says to that: the value of an attribute is set by it. */
    void clunkAndCheck(int fid) throws ErrnoException {
        Call call = connection.begin(MessageType.TCLUNK);
        try {
            call.out.u32(fid);
            call.newFid = fid;
            empty(call);
        } finally {
            if (connection.isOver(call)) {
                connection.fids().free(fid);
            }
            connection.end(call);
        }
    }

    /**
     * Takes or releases a record lock.
     *
     * @return {@code LOCK_*} status
     */
    int lock(int fid, int flags, FileLockRange range) throws ErrnoException {
        Call call = connection.begin(MessageType.TLOCK);
        try {
            call.out.u32(fid).u8(range.type()).u32(flags).u64(range.start()).u64(range.lengthBytes()).u32(range.process())
                    .string(range.client());
            WireReader in = connection.exchange(call, null);
            int status = in.u8();
            check(in.isConsumed() && status <= Protocol.LOCK_GRACE);
            return status;
        } finally {
            connection.end(call);
        }
    }

    FileLockRange testLock(int fid, FileLockRange range) throws ErrnoException {
        Call call = connection.begin(MessageType.TGETLOCK);
        try {
            range.write(call.out.u32(fid));
            WireReader in = connection.exchange(call, null);
            FileLockRange found = FileLockRange.read(in);
            check(in.isConsumed());
            return found;
        } finally {
            connection.end(call);
        }
    }
}
