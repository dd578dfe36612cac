package dev.caisson.syscalls.net;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOBUFS;
import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Layouts.U64;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Socket;
import dev.caisson.kernel.Task;
import dev.caisson.spi.net.SocketMessage;
import dev.caisson.vfs.FileDescription;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Control messages in guest memory, cmsg(3).
 * <pre>
 *  struct cmsghdr (16 bytes and the data; the next one starts at a multiple of 8)
 *  off size field
 *    0    8 cmsg_len    header and data
 *    8    4 cmsg_level
 *   12    4 cmsg_type
 * </pre>
 * Source: include/linux/socket.h.
 */
final class ControlMessages {
    private static final int HEADER_BYTES = 16, LEVEL = 8, TYPE = 12;
    /** /proc/sys/net/core/optmem_max. */
    private static final int MAX_BYTES = 131072;
    /** SCM_MAX_FD. */
    private static final int MAX_FILES = 253;

    private ControlMessages() {}

    private static int aligned(int length) {
        return length + 7 & -8;
    }

    /** Reads what is to be sent. Passed files are retained: the caller gives them back when the message is not sent. */
    static void read(Task task, long address, long length, boolean local, SocketMessage message) throws ErrnoException {
        if (length > MAX_BYTES || length < 0) {
            throw ENOBUFS.error();
        }
        byte[] bytes = new byte[(int) length];
        task.memory().copyIn(address, bytes);
        MemorySegment all = MemorySegment.ofArray(bytes);
        boolean complete = false;
        try {
            for (int at = 0; at + HEADER_BYTES <= bytes.length;) {
                long size = all.get(U64, at);
                if (size < HEADER_BYTES || size > bytes.length - at) {
                    throw EINVAL.error();
                }
                int level = all.get(U32, at + LEVEL);
                int type = all.get(U32, at + TYPE);
                int dataAt = at + HEADER_BYTES;
                int dataLength = (int) size - HEADER_BYTES;
                boolean rights = level == Socket.SOL_SOCKET && type == Socket.SCM_RIGHTS;
                if (rights && local) {
                    readFiles(task, all, dataAt, dataLength / 4, message);
                } else if (!local || level == Socket.SOL_SOCKET) {
                    message.addControl(level, type, java.util.Arrays.copyOfRange(bytes, dataAt, dataAt + dataLength));
                }
                at += aligned((int) size);
            }
            complete = true;
        } finally {
            if (!complete) {
                releaseFiles(message);
            }
        }
    }

    private static void readFiles(Task task, MemorySegment all, int at, int count, SocketMessage message) throws ErrnoException {
        if (message.files == null) {
            message.files = new ArrayList<>(count);
        }
        if (message.files.size() + count > MAX_FILES) {
            throw EINVAL.error();
        }
        for (int i = 0; i < count; i++) {
            message.files.add(task.fds().borrowAny(all.get(U32, at + 4L * i)));
        }
    }

    static void releaseFiles(SocketMessage message) {
        if (message.files != null) {
            message.files.forEach(file -> ((FileDescription) file).release());
            message.files = null;
        }
    }

    /**
     * Writes what was received, as far as there is room, and sets MSG_CTRUNC when there is not enough.
     *
     * @return bytes used
     */
    static long write(Task task, long address, long room, boolean cloexec, SocketMessage message) throws ErrnoException {
        int space = (int) Math.min(room, 1 << 20);
        long used = 0;
        if (message.control != null) {
            for (SocketMessage.Control control : message.control) {
                used += put(task, address + used, space - (int) used, control.level(), control.type(), control.data(), message);
            }
        }
        if (message.files != null) {
            used += putFiles(task, address + used, space - (int) used, cloexec, message);
        }
        return used;
    }

    private static int put(Task task, long address, int room, int level, int type, byte[] data, SocketMessage message)
            throws ErrnoException {
        if (address == 0 || room < HEADER_BYTES) {
            message.flags |= Socket.MSG_CTRUNC;
            return 0;
        }
        int length = HEADER_BYTES + data.length;
        if (length > room) {
            message.flags |= Socket.MSG_CTRUNC;
            length = room;
        }
        byte[] bytes = new byte[length];
        MemorySegment segment = MemorySegment.ofArray(bytes);
        segment.set(U64, 0, length);
        segment.set(U32, LEVEL, level);
        segment.set(U32, TYPE, type);
        System.arraycopy(data, 0, bytes, HEADER_BYTES, length - HEADER_BYTES);
        task.memory().copyOut(address, bytes);
        return Math.min(room, aligned(length));
    }

    private static int putFiles(Task task, long address, int room, boolean cloexec, SocketMessage message) throws ErrnoException {
        List<Object> files = message.files;
        message.files = null;
        int fits = address == 0 || room < HEADER_BYTES ? 0 : (room - HEADER_BYTES) / 4;
        int count = Math.min(fits, files.size());
        int installed = 0;
        try {
            while (installed < count) {
                FileDescription file = (FileDescription) files.get(installed);
                int fd = task.fds().reserve(cloexec); // EMFILE: the rest is cut off
                try {
                    task.memory().writeInt(address + HEADER_BYTES + 4L * installed, fd);
                } catch (ErrnoException fault) {
                    task.fds().unreserve(fd);
                    throw fault;
                }
                task.fds().fill(fd, file);
                installed++;
            }
        } catch (ErrnoException failure) {
            // What was installed stays; Linux does not report the error either.
        } finally {
            for (Object left : files.subList(installed, files.size())) {
                ((FileDescription) left).release();
            }
        }
        if (installed < files.size()) {
            message.flags |= Socket.MSG_CTRUNC;
        }
        if (installed == 0) {
            return 0;
        }
        int length = HEADER_BYTES + 4 * installed;
        task.memory().writeLong(address, length);
        task.memory().writeInt(address + LEVEL, Socket.SOL_SOCKET);
        task.memory().writeInt(address + TYPE, Socket.SCM_RIGHTS);
        return Math.min(room, aligned(length));
    }
}
