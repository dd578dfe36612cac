package dev.caisson.fs.ninep;

import static dev.caisson.abi.Errno.EISDIR;
import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Errno.EPROTO;
import static dev.caisson.abi.Errno.ESTALE;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.host.HostFile;
import dev.caisson.ninep.FileAttributes;
import dev.caisson.ninep.Names;
import dev.caisson.ninep.Protocol;
import dev.caisson.ninep.Qid;
import dev.caisson.ninep.WireReader;
import dev.caisson.spi.fs.DirectorySink;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.OpenFile;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * An open directory. Position 0 is ".", 1 is ".."; behind them positions are the server's own offsets plus 2, so they are as stable as the
 * server makes them. A server whose directory has no end keeps nobody but its reader busy: each call asks for a bounded number of entries.
 */
final class NinepDirectoryFile extends OpenFile {
    private static final long FIRST = 2;
    /** Replies without an entry that a guest may see, in a row. */
    private static final int MOST_FRUITLESS = 16;
    /** Larger directories are not kept for the lookups that follow. */
    private static final int MOST_LISTED = 4096;

    /** An entry, and the position behind it. */
    record Entry(String name, long inode, int type, long next) {}

    private final NinepDirectory directory;
    private Session session;
    private int fid = Protocol.NO_FID;
    private List<Entry> entries = new ArrayList<>();
    private int at;
    /** The position of the entry at {@link #at}. */
    private long atPosition = -1;
    /** Nothing follows the entries at hand. */
    private boolean isEnd;
    /** What was listed from the start without a gap, or null. */
    private Map<String, FileAttributes> listing;
    /** The same in order. */
    private List<Entry> inOrder;
    private int listedAsOf;
    private boolean isClosed;

    NinepDirectoryFile(NinepDirectory directory) {
        this.directory = directory;
    }

    @Override
    public long read(IoBuffer target, long position) throws ErrnoException {
        throw EISDIR.error();
    }

    @Override
    public long sizeBytes() throws ErrnoException {
        return directory.attributes().sizeBytes();
    }

    @Override
    public synchronized long readDirectory(long position, DirectorySink sink) throws ErrnoException {
        if (directory.entry() == null && !directory.isTop()) {
            throw ENOENT.error("the directory was removed");
        }
        long next = dots(position, sink);
        if (next < FIRST) {
            return next;
        }
        if (next != atPosition || position < FIRST) {
            seek(next, position < FIRST);
        }
        while (true) {
            if (at == entries.size()) {
                if (isEnd) {
                    return atPosition;
                }
                fill();
                continue;
            }
            Entry entry = entries.get(at);
            if (!sink.entry(entry.name, entry.inode, entry.type, entry.next)) {
                return atPosition;
            }
            at++;
            atPosition = entry.next;
        }
    }

    /** Gives "." and ".." from positions 0 and 1; the result is less than FIRST when there was no room. */
    private long dots(long position, DirectorySink sink) {
        int type = Stat.S_IFDIR >>> 12;
        long next = position;
        if (next == 0 && sink.entry(".", directory.number(), type, 1)) {
            next = 1;
        }
        EntryNames.Entry above = directory.entry(); // what is above the root is not to be told
        if (next == 1 && sink.entry("..", above == null ? directory.number() : above.directory().number(), type, FIRST)) {
            next = FIRST;
        }
        return next;
    }

    private void seek(long position, boolean isStart) {
        at = 0;
        atPosition = position;
        List<Entry> known = isStart ? directory.inOrder() : null;
        isEnd = known != null;
        entries = known != null ? known : new ArrayList<>();
        boolean isListing = isStart && !isEnd && directory.ninep().isExtended() && directory.ninep().isExclusive();
        listedAsOf = directory.nameVersion();
        listing = isListing ? new HashMap<>() : null;
        inOrder = isListing ? new ArrayList<>() : null;
    }

    /** Asks for the entries behind those at hand. */
    private void fill() throws ErrnoException {
        entries.clear();
        at = 0;
        long position = atPosition;
        for (int tries = 0; tries < MOST_FRUITLESS && entries.isEmpty() && !isEnd; tries++) {
            long from = position;
            directory.settle();
            openIfNeeded();
            boolean hasAttributes = session.isExtended() && directory.ninep().isExclusive();
            try {
                position = readEntries(from, hasAttributes);
            } catch (ErrnoException e) {
                if (!session.isBroken()) {
                    throw e;
                }
                entries.clear(); // asked again, of another session
                listing = null;
                continue;
            }
            if (position == from && !isEnd) {
                throw EPROTO.error("a directory that stays where it is");
            }
        }
        if (entries.isEmpty() && !isEnd) {
            throw EPROTO.error("a directory of entries that are none");
        }
        if (isEnd && listing != null) {
            directory.listed(listing, inOrder, listedAsOf);
            listing = null;
        }
    }

    private long readEntries(long from, boolean hasAttributes) throws ErrnoException {
        long[] last = {from};
        session.readDirectory(fid, from - FIRST, hasAttributes, (in, end) -> {
            isEnd = end;
            while (in.remaining() > 0 && !in.isOverrun()) {
                last[0] = readEntry(in, hasAttributes, last[0]);
            }
        });
        return last[0];
    }

    private long readEntry(WireReader in, boolean hasAttributes, long before) {
        FileAttributes attributes = hasAttributes ? FileAttributes.read(in, FileAttributes.BASIC | FileAttributes.BIRTH_TIME) : null;
        Qid qid = hasAttributes ? attributes.qid() : Qid.read(in);
        long offset = in.u64();
        int type = in.u8();
        String name = in.string();
        if (in.isOverrun()) {
            return before;
        }
        // ext4 ends at the largest number; a negative one is nobody's.
        long next = offset < 0 || offset > Long.MAX_VALUE - FIRST ? Long.MAX_VALUE : offset + FIRST;
        if (Names.isEntry(name)) {
            Entry entry = new Entry(name, qid.path(), hasAttributes ? (attributes.mode() & Stat.S_IFMT) >>> 12 : type(qid, type), next);
            entries.add(entry);
            keep(entry, attributes);
        }
        return next;
    }

    private static int type(Qid qid, int type) {
        if (type != 0) {
            return type & 15;
        }
        return switch (qid.type()) {
            case Qid.DIRECTORY -> Stat.S_IFDIR >>> 12;
            case Qid.SYMLINK -> Stat.S_IFLNK >>> 12;
            default -> 0;
        };
    }

    private void keep(Entry entry, FileAttributes attributes) {
        if (listing == null || attributes == null) {
            return;
        }
        if (listing.size() == MOST_LISTED) {
            directory.listed(listing, null, listedAsOf);
            listing = null;
            return;
        }
        listing.put(entry.name, attributes);
        inOrder.add(entry);
    }

    private void openIfNeeded() throws ErrnoException {
        if (fid != Protocol.NO_FID && !session.isBroken()) {
            return;
        }
        int flags = Fcntl.O_RDONLY | Fcntl.O_DIRECTORY;
        EntryNames.Entry entry = directory.entry();
        // What has no fid yet may not need one at all.
        boolean isByName = directory.ninep().isExtended() && entry != null && !directory.way().hasFid();
        NinepInode start = isByName ? entry.directory() : directory;
        start.ask(true, (current, from) -> {
            int own;
            if (current.isExtended()) {
                Session.Opened opened = current.openAt(from, isByName ? entry.name() : "", flags | Fcntl.O_NOFOLLOW | Fcntl.O_CLOEXEC,
                        0, 0, 0);
                if (!directory.isSameFile(opened.attributes())) {
                    dispose(current, opened);
                    throw ESTALE.error("the server has another directory under the name");
                }
                own = opened.fid();
                if (opened.descriptor() >= 0 || own == Protocol.NO_FID) {
                    dispose(current, opened);
                    throw EPROTO.error("directories are not donated");
                }
            } else {
                own = current.walk(from, List.of()).fid();
                try {
                    directory.checkIs(current.open(own, flags));
                } catch (ErrnoException e) {
                    current.clunk(own);
                    throw e;
                }
            }
            session = current;
            fid = own;
            return null;
        });
    }

    /** Whatever it is: of another file under the name, the server may have given the descriptor away. */
    private static void dispose(Session session, Session.Opened opened) {
        if (opened.descriptor() >= 0) {
            HostFile.close(opened.descriptor());
        }
        if (opened.fid() != Protocol.NO_FID) {
            session.clunk(opened.fid());
        }
    }

    @Override
    public synchronized void sync(boolean dataOnly) throws ErrnoException {
        if (directory.ninep().isReadOnly()) {
            return;
        }
        directory.ninep().settleRemovals();
        openIfNeeded();
        session.sync(fid, dataOnly);
    }

    @Override
    public synchronized void close() {
        if (isClosed) {
            return;
        }
        isClosed = true;
        directory.closed();
        if (fid != Protocol.NO_FID) {
            if (!session.isBroken()) {
                session.clunk(fid);
            }
            fid = Protocol.NO_FID;
        }
    }
}
