package dev.caisson.fs.ninep;

import static dev.caisson.abi.Errno.EIO;
import static dev.caisson.abi.Errno.ENODATA;
import static dev.caisson.abi.Errno.EOPNOTSUPP;
import static dev.caisson.abi.Errno.EPROTO;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Stat;
import dev.caisson.ninep.Protocol;
import dev.caisson.spi.fs.PosixAcl;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Extended attributes over the protocol. Guests see {@code user.*}, access control lists and file capabilities, and may change the first
 * two; an overlay reads its marks.
 */
final class NinepXattrs {
    private static final String CAPABILITIES = "security.capability";
    private static final String OVERLAY = "trusted.overlay.";
    private static final int XATTR_REPLACE = 2;

    private NinepXattrs() {}

    private static boolean hasContent(int type) {
        return type == Stat.S_IFREG || type == Stat.S_IFDIR;
    }

    static boolean isWritable(String attribute, int type) {
        return hasContent(type) && attribute.startsWith("user.") || type != Stat.S_IFLNK && PosixAcl.isAttribute(attribute);
    }

    static byte[] get(NinepInode inode, String attribute) throws ErrnoException {
        boolean isReadable = inode.type() != Stat.S_IFLNK && PosixAcl.isAttribute(attribute) || hasContent(inode.type())
                && (attribute.startsWith("user.") || attribute.equals(CAPABILITIES) || attribute.startsWith(OVERLAY));
        if (!isReadable) {
            throw attribute.startsWith("system.") ? EOPNOTSUPP.error() : ENODATA.error();
        }
        return inode.ask(true, (session, fid) -> read(session, fid, attribute));
    }

    /** The value of an attribute; of an empty name, the list of names. */
    private static byte[] read(Session session, int fid, String attribute) throws ErrnoException {
        Session.XattrFid value = session.walkXattr(fid, attribute);
        try {
            if (value.bytes() < 0 || value.bytes() > Protocol.XATTR_BYTES) {
                throw EPROTO.error("an attribute of impossible size");
            }
            int length = (int) value.bytes();
            if (length == 0) {
                return new byte[0];
            }
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment memory = arena.allocate(length);
                int done = 0;
                while (done < length) {
                    int count = session.read(value.fid(), memory.asSlice(done, Math.min(length - done, session.dataBytes())), done);
                    if (count == 0) {
                        throw EIO.error("an attribute shorter than it was said to be");
                    }
                    done += count;
                }
                return memory.toArray(ValueLayout.JAVA_BYTE);
            }
        } finally {
            session.clunk(value.fid());
        }
    }

    static List<String> list(NinepInode inode) throws ErrnoException {
        if (!hasContent(inode.type())) {
            return List.of();
        }
        byte[] all;
        try {
            all = inode.ask(true, (session, fid) -> read(session, fid, ""));
        } catch (ErrnoException e) {
            if (e.errno() == EOPNOTSUPP) {
                return List.of();
            }
            throw e;
        }
        List<String> visible = new ArrayList<>();
        for (String name : new String(all, StandardCharsets.ISO_8859_1).split("\0")) {
            if (name.length() <= Protocol.NAME_BYTES && (name.startsWith("user.") || name.equals(CAPABILITIES)
                    || PosixAcl.isAttribute(name))) {
                visible.add(name);
            }
        }
        return visible;
    }

    static void set(NinepInode inode, String attribute, byte[] value, int flags) throws ErrnoException {
        inode.ask(flags == 0, (session, fid) -> {
            int own = session.walk(fid, List.of()).fid();
            boolean isClunked = false;
            try (Arena arena = Arena.ofConfined()) {
                session.createXattr(own, attribute, value.length, flags);
                MemorySegment memory = arena.allocate(Math.max(1, value.length));
                MemorySegment.copy(value, 0, memory, ValueLayout.JAVA_BYTE, 0, value.length);
                int done = 0;
                while (done < value.length) {
                    int count = session.write(own, memory.asSlice(done, Math.min(value.length - done, session.dataBytes())), done);
                    if (count == 0) {
                        throw EIO.error("a server that takes nothing");
                    }
                    done += count;
                }
                isClunked = true;
                session.clunkAndCheck(own);
            } finally {
                if (!isClunked) {
                    session.clunk(own);
                }
            }
            return null;
        });
    }

    /** An attribute that is set to nothing with XATTR_REPLACE is removed: so do Linux's client and servers. */
    static void remove(NinepInode inode, String attribute) throws ErrnoException {
        try {
            set(inode, attribute, new byte[0], XATTR_REPLACE);
        } catch (ErrnoException e) {
            throw e.errno() == Errno.ENOENT ? ENODATA.error() : e;
        }
    }
}
