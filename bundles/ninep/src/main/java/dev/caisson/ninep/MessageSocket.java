package dev.caisson.ninep;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostSocket;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Messages on a stream socket of the host: {@code size[4] type[1] tag[2]} and what the type says. One thread at a time receives; any
 * thread sends.
 *
 * <p>A descriptor travels with the first byte of the message it belongs to, and the host hands descriptors out in the order of the
 * messages. So the next one that was received belongs to the next message that says that it has one.
 */
public final class MessageSocket implements AutoCloseable {
    /** What {@link #receive} found. */
    public enum Received {
        /** A message; it is the current one. */
        MESSAGE,
        /** Nothing for as long as the socket waits. */
        NOTHING,
        /** The peer is gone. */
        END
    }

    private static final int SLACK_BYTES = 64 << 10;
    /** Fields of a message that carries data, as far as they are copied for a reader. */
    private static final int DATA_FIELDS_BYTES = 32;
    private static final int MOST_DESCRIPTORS = 8;
    private static final int MOST_QUEUED_BYTES = 512;

    private final int fd;
    /** 0 for no bounds. */
    private final long sliceNs;
    private final long sendNs;
    private volatile boolean isClosed;

    // Receiving.
    private MemorySegment buffer;
    private int limit;
    private int start;
    private int end;
    private int size;
    private int type;
    private int tag;
    private byte[] fields = new byte[1024];
    private final WireReader reader = new WireReader();
    private final int[] descriptors = new int[MOST_DESCRIPTORS];
    private int descriptorCount;
    private boolean hasTooManyDescriptors;

    // Sending. Guarded by the lock.
    private final Object sendLock = new Object();
    private MemorySegment outgoing = Arena.ofAuto().allocate(8 << 10, 8);
    private int queuedBytes;
    private boolean isBroken;

    /**
     * Takes a connected socket over.
     *
     * @param fd the socket, which is closed with this
     * @param sliceMs how long {@link #receive} waits before it finds nothing; 0 for ever
     * @param sendTimeoutMs how long a peer may take to read a message that is being sent, if {@code sliceMs} is not 0
     */
    public MessageSocket(int fd, long sliceMs, long sendTimeoutMs) {
        this.fd = fd;
        if (sliceMs > 0) {
            HostSocket.setTimeout(fd, sliceMs);
        }
        this.sliceNs = sliceMs * 1_000_000;
        this.sendNs = sendTimeoutMs * 1_000_000;
        setLimit(8 << 10);
    }

    /**
     * Sets the size of the largest message that is accepted; to be called by the receiving thread, between messages.
     *
     * @param messageBytes from the negotiated version
     */
    public void setLimit(int messageBytes) {
        limit = messageBytes;
        MemorySegment bigger = Arena.ofAuto().allocate(messageBytes + SLACK_BYTES, 8);
        if (buffer != null) {
            MemorySegment.copy(buffer, start, bigger, 0, end - start);
            end -= start;
            start = 0;
        }
        buffer = bigger;
    }

    // ---- receiving

    /**
     * Waits for the next message, which replaces the current one. A part of one is kept for the next time: a peer that sends a byte now
     * and then keeps nobody waiting for longer than one that is silent.
     *
     * @return what came
     * @throws ErrnoException EPROTO when what came is no message; the stream is of no use any more
     */
    public Received receive() throws ErrnoException {
        start += size;
        size = 0;
        long begunNs = 0;
        while (true) {
            int have = end - start;
            if (have >= Protocol.HEADER_BYTES) {
                int length = buffer.get(Layouts.U32, start);
                if (length < Protocol.HEADER_BYTES || length > limit) {
                    throw Errno.EPROTO.error("a message of impossible size");
                }
                if (have >= length) {
                    size = length;
                    type = buffer.get(Layouts.U8, start + 4L) & 0xff;
                    tag = buffer.get(Layouts.U16, start + 5L) & 0xffff;
                    return Received.MESSAGE;
                }
                if (start + length > buffer.byteSize()) {
                    compact();
                }
            } else if (have == 0) {
                start = 0;
                end = 0;
            } else if (start + Protocol.HEADER_BYTES > buffer.byteSize()) {
                compact();
            }
            if (sliceNs > 0 && have > 0) { // looks at the clock for messages in parts only
                long nowNs = System.nanoTime();
                if (begunNs == 0) {
                    begunNs = nowNs;
                } else if (nowNs - begunNs > sliceNs) {
                    return Received.NOTHING;
                }
            }
            long count = HostSocket.receive(fd, buffer.address() + end, buffer.byteSize() - end, this::keepDescriptor);
            if (hasTooManyDescriptors) {
                throw Errno.EPROTO.error("descriptors that belong to no message");
            }
            if (count == -Errno.EAGAIN.number()) {
                return Received.NOTHING;
            }
            if (count == -Errno.EINTR.number()) {
                continue;
            }
            if (count <= 0) {
                return Received.END;
            }
            end += (int) count;
        }
    }

    private void compact() {
        MemorySegment.copy(buffer, start, buffer, 0, end - start);
        end -= start;
        start = 0;
    }

    private void keepDescriptor(int descriptor) {
        if (descriptorCount == MOST_DESCRIPTORS) {
            HostFile.close(descriptor);
            hasTooManyDescriptors = true;
            return;
        }
        descriptors[descriptorCount++] = descriptor;
    }

    /** {@return the current message's type as on the wire; {@link MessageType#of} knows whether it is one} */
    public int type() {
        return type;
    }

    /** {@return the current message's tag} */
    public int tag() {
        return tag;
    }

    /** {@return the current message's size, header included} */
    public int size() {
        return size;
    }

    /** {@return whether the message carries file data, which no reader copies} */
    private boolean hasData() {
        return type == MessageType.TWRITE.number() || type == MessageType.RREAD.number();
    }

    /**
     * The fields of the current message, copied once. Of a message with data (Twrite, Rread) only those in front of it.
     *
     * @return a reader that stands behind the tag; good until the next {@link #receive}
     */
    public WireReader fields() {
        int length = hasData() ? Math.min(size, DATA_FIELDS_BYTES) : size;
        if (fields.length < length) {
            fields = new byte[Math.max(length, 2 * fields.length)];
        }
        MemorySegment.copy(buffer, ValueLayout.JAVA_BYTE, start, fields, 0, length);
        return reader.reset(fields, Protocol.HEADER_BYTES, length);
    }

    /**
     * Data of the current message.
     *
     * @param at offset in the message
     * @param lengthBytes its length, which the message told
     * @return native memory, good until the next {@link #receive}; null when the message is not exactly so long
     */
    public MemorySegment data(int at, int lengthBytes) {
        return lengthBytes < 0 || at + (long) lengthBytes != size ? null : buffer.asSlice(start + (long) at, lengthBytes);
    }

    /**
     * Copies the current message.
     *
     * @param target at least {@link #size} bytes
     */
    public void copyTo(byte[] target) {
        MemorySegment.copy(buffer, ValueLayout.JAVA_BYTE, start, target, 0, size);
    }

    /**
     * The descriptor that came with the current message; the caller closes it.
     *
     * @return a descriptor, or -1 when none came
     */
    public int takeDescriptor() {
        if (descriptorCount == 0) {
            return -1;
        }
        int first = descriptors[0];
        descriptorCount--;
        System.arraycopy(descriptors, 1, descriptors, 0, descriptorCount);
        return first;
    }

    // ---- sending

    /**
     * Leaves a message to be sent in front of the next one, or when there are many: one that nobody waits for.
     *
     * @param message started and filled; it is finished here
     * @throws ErrnoException EIO when the peer is gone or does not read
     */
    public void queue(WireWriter message) throws ErrnoException {
        synchronized (sendLock) {
            append(message, 0);
            if (queuedBytes > MOST_QUEUED_BYTES) {
                flush();
            }
        }
    }

    /**
     * Sends what was left to be sent.
     *
     * @throws ErrnoException EIO when the peer is gone or does not read
     */
    public void flush() throws ErrnoException {
        synchronized (sendLock) {
            int length = queuedBytes;
            queuedBytes = 0;
            if (length > 0) {
                transmit(length, 0, 0, -1);
            }
        }
    }

    /** Copies a message behind those that are queued. */
    private void append(WireWriter message, int dataBytes) throws ErrnoException {
        if (isBroken) {
            throw Errno.EIO.error("the connection is broken");
        }
        int length = message.finish(dataBytes);
        if (outgoing.byteSize() < queuedBytes + length) {
            MemorySegment bigger = Arena.ofAuto().allocate(Math.max(queuedBytes + length, 2 * outgoing.byteSize()), 8);
            MemorySegment.copy(outgoing, 0, bigger, 0, queuedBytes);
            outgoing = bigger;
        }
        MemorySegment.copy(message.array(), 0, outgoing, ValueLayout.JAVA_BYTE, queuedBytes, length);
        queuedBytes += length;
    }

    /**
     * Sends a message.
     *
     * @param message started and filled; it is finished here
     * @throws ErrnoException EIO when the peer is gone or does not read
     */
    public void send(WireWriter message) throws ErrnoException {
        send(message, null, -1);
    }

    /**
     * Sends a message with data behind its fields, or with a descriptor.
     *
     * @param message started and filled; it is finished here
     * @param data native memory, or null
     * @param descriptor goes along and stays the caller's; -1 for none
     * @throws ErrnoException EIO when the peer is gone or does not read
     */
    public void send(WireWriter message, MemorySegment data, int descriptor) throws ErrnoException {
        long dataBytes = data == null ? 0 : data.byteSize();
        synchronized (sendLock) {
            if (descriptor >= 0) {
                flush(); // it goes with the first byte
            }
            append(message, (int) dataBytes);
            int length = queuedBytes;
            queuedBytes = 0;
            transmit(length, dataBytes == 0 ? 0 : data.address(), dataBytes, descriptor);
        }
    }

    private void transmit(int length, long data, long dataBytes, int descriptor) throws ErrnoException {
        long total = length + dataBytes;
        long done = 0;
        int donated = descriptor;
        long begunNs = 0;
        while (done < total) {
            long count = done < length
                    ? HostSocket.send(fd, outgoing.address() + done, length - done, data, dataBytes, donated)
                    : HostSocket.send(fd, data + done - length, total - done, 0, 0, -1);
            if (count > 0) {
                donated = -1;
                done += count;
            }
            boolean isTaken = count > 0 || count == -Errno.EINTR.number() || count == -Errno.EAGAIN.number() && sliceNs > 0;
            if (isTaken && done < total && sliceNs > 0) {
                long nowNs = System.nanoTime();
                begunNs = begunNs == 0 ? nowNs : begunNs;
                isTaken = nowNs - begunNs < sendNs;
            }
            if (!isTaken) {
                isBroken = true; // half a message may be out
                HostSocket.shutdown(fd);
                throw Errno.EIO.error("the peer is gone or does not read");
            }
        }
    }

    /** Ends both directions: whoever receives finds the end. */
    public void shutdown() {
        HostSocket.shutdown(fd);
    }

    /** Closes the socket and descriptors that nobody took. Nobody may be receiving. */
    @Override
    public void close() {
        synchronized (sendLock) {
            if (isClosed) {
                return;
            }
            isClosed = true;
            isBroken = true;
            HostFile.close(fd);
        }
        for (int descriptor = takeDescriptor(); descriptor >= 0; descriptor = takeDescriptor()) {
            HostFile.close(descriptor);
        }
    }
}
