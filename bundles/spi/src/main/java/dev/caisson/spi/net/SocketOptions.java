package dev.caisson.spi.net;

import static dev.caisson.abi.Errno.EACCES;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENODATA;
import static dev.caisson.abi.Errno.ENODEV;
import static dev.caisson.abi.Errno.ENOPROTOOPT;
import static dev.caisson.abi.Errno.EOPNOTSUPP;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Layouts.U64;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Socket;
import java.lang.foreign.MemorySegment;

/**
 * The options of level SOL_SOCKET that every kind of socket has, socket(7), with Linux's defaults, limits and errors. A socket keeps one
 * and asks it for what it does not answer itself. Safe for use by many tasks: every option is one field.
 */
public final class SocketOptions {
    /** Default of SO_SNDBUF and SO_RCVBUF, and the most that may be asked for: /proc/sys/net/core/wmem_max. */
    public static final int BUFFER_BYTES = 212992;
    private static final byte[] LOOPBACK = {'l', 'o', 0};
    private static final int LOOPBACK_INDEX = 1;
    private static final int INTERFACE_NAME_BYTES = 16;
    /** SOF_TIMESTAMPING_* of Linux 6.1. */
    private static final int KNOWN_TIMESTAMPING = 0xffff;
    private static final int MIN_SEND_BYTES = 4608;
    private static final int MIN_RECEIVE_BYTES = 2304;

    private volatile boolean debug;
    private volatile boolean reuseAddress;
    private volatile boolean reusePort;
    private volatile boolean dontRoute;
    private volatile boolean broadcast;
    private volatile boolean keepAlive;
    private volatile boolean urgentInline;
    private volatile boolean noCheck;
    private volatile boolean passCredentials;
    private volatile boolean timestamp;
    private volatile boolean timestampNs;
    private volatile boolean overflowCount;
    private volatile boolean selectErrorQueue;
    private volatile boolean zeroCopy;
    private volatile boolean preferBusyPoll;
    private volatile boolean filterLocked;
    private volatile int boundInterface;
    private volatile int busyPollMicroseconds;
    private volatile int bufferLock;
    private volatile int rehash = 1;
    private volatile int timestamping;
    private volatile int priority;
    private volatile int mark;
    private volatile int incomingCpu = -1;
    private volatile int receiveLowWater = 1;
    private volatile long maxPacingRate = -1;
    /** SO_LINGER in seconds; -1 when it is off. */
    private volatile int lingerSeconds = -1;
    private volatile int lingerStored;
    private volatile int sendBufferBytes;
    private volatile int receiveBufferBytes;

    /** Makes the options of a new socket. */
    public SocketOptions() {
        this(BUFFER_BYTES, BUFFER_BYTES);
    }

    /**
     * Makes the options of a new socket of a protocol with other defaults.
     *
     * @param sendBufferBytes SO_SNDBUF
     * @param receiveBufferBytes SO_RCVBUF
     */
    public SocketOptions(int sendBufferBytes, int receiveBufferBytes) {
        this.sendBufferBytes = sendBufferBytes;
        this.receiveBufferBytes = receiveBufferBytes;
    }

    /**
     * Makes the options of an accepted socket: those of the listening one.
     *
     * @return a copy
     */
    public SocketOptions copy() {
        SocketOptions copy = new SocketOptions();
        copy.reuseAddress = reuseAddress;
        copy.reusePort = reusePort;
        copy.dontRoute = dontRoute;
        copy.keepAlive = keepAlive;
        copy.urgentInline = urgentInline;
        copy.passCredentials = passCredentials;
        copy.timestamp = timestamp;
        copy.timestampNs = timestampNs;
        copy.priority = priority;
        copy.mark = mark;
        copy.receiveLowWater = receiveLowWater;
        copy.lingerSeconds = lingerSeconds;
        copy.lingerStored = lingerStored;
        copy.sendBufferBytes = sendBufferBytes;
        copy.receiveBufferBytes = receiveBufferBytes;
        return copy;
    }

    /** {@return SO_REUSEADDR} */
    public boolean reuseAddress() {
        return reuseAddress;
    }

    /** {@return SO_REUSEPORT} */
    public boolean reusePort() {
        return reusePort;
    }

    /** {@return SO_BROADCAST} */
    public boolean broadcast() {
        return broadcast;
    }

    /** {@return SO_OOBINLINE} */
    public boolean urgentInline() {
        return urgentInline;
    }

    /** {@return SO_PASSCRED} */
    public boolean passCredentials() {
        return passCredentials;
    }

    /** {@return SO_TIMESTAMP} */
    public boolean timestamp() {
        return timestamp;
    }

    /** {@return SO_TIMESTAMPNS} */
    public boolean timestampNs() {
        return timestampNs;
    }

    /** {@return SO_RCVLOWAT, at least 1} */
    public int receiveLowWater() {
        return receiveLowWater;
    }

    /** {@return SO_LINGER in seconds, -1 when it is off} */
    public int lingerSeconds() {
        return lingerSeconds;
    }

    /** {@return SO_SNDBUF as it reads, twice what was asked for} */
    public int sendBufferBytes() {
        return sendBufferBytes;
    }

    /** {@return SO_RCVBUF as it reads} */
    public int receiveBufferBytes() {
        return receiveBufferBytes;
    }

    /**
     * Reads an option.
     *
     * @param name {@code SO_*}
     * @return the value
     * @throws ErrnoException ENOPROTOOPT for an option that is not here
     */
    public byte[] get(int name) throws ErrnoException {
        return switch (name) {
            case Socket.SO_DEBUG -> flag(debug);
            case Socket.SO_REUSEADDR -> flag(reuseAddress);
            case Socket.SO_REUSEPORT -> flag(reusePort);
            case Socket.SO_DONTROUTE -> flag(dontRoute);
            case Socket.SO_BROADCAST -> flag(broadcast);
            case Socket.SO_KEEPALIVE -> flag(keepAlive);
            case Socket.SO_OOBINLINE -> flag(urgentInline);
            case Socket.SO_NO_CHECK -> flag(noCheck);
            case Socket.SO_PASSCRED -> flag(passCredentials);
            case Socket.SO_PASSSEC -> flag(false);
            case Socket.SO_TIMESTAMP -> flag(timestamp);
            case Socket.SO_TIMESTAMPNS -> flag(timestampNs);
            case Socket.SO_TIMESTAMPING -> integer(timestamping);
            case Socket.SO_RXQ_OVFL -> flag(overflowCount);
            case Socket.SO_SELECT_ERR_QUEUE -> flag(selectErrorQueue);
            case Socket.SO_ZEROCOPY -> flag(zeroCopy);
            case Socket.SO_PRIORITY -> integer(priority);
            case Socket.SO_MARK -> integer(mark);
            case Socket.SO_INCOMING_CPU -> integer(incomingCpu);
            case Socket.SO_RCVLOWAT -> integer(receiveLowWater);
            case Socket.SO_SNDLOWAT -> integer(1);
            case Socket.SO_SNDBUF -> integer(sendBufferBytes);
            case Socket.SO_RCVBUF -> integer(receiveBufferBytes);
            case Socket.SO_BUSY_POLL -> integer(busyPollMicroseconds);
            case Socket.SO_LOCK_FILTER -> flag(filterLocked);
            case Socket.SO_BUF_LOCK -> integer(bufferLock);
            case Socket.SO_PREFER_BUSY_POLL -> flag(preferBusyPoll);
            case Socket.SO_TXREHASH -> integer(rehash);
            case Socket.SO_RESERVE_MEM, Socket.SO_INCOMING_NAPI_ID, Socket.SO_BSDCOMPAT -> integer(0);
            case Socket.SO_BINDTOIFINDEX -> integer(boundInterface);
            case Socket.SO_TXTIME -> wide(0);
            case Socket.SO_ATTACH_FILTER -> new byte[0];
            case Socket.SO_PEERCRED -> {
                byte[] nobody = new byte[12]; // struct ucred: pid 0, uid -1, gid -1
                MemorySegment.ofArray(nobody).set(U64, 4, -1);
                yield nobody;
            }
            case Socket.SO_PEERGROUPS -> throw ENODATA.error();
            case Socket.SO_WIFI_STATUS, Socket.SO_NOFCS -> flag(false);
            case Socket.SO_BPF_EXTENSIONS -> integer(64);
            case Socket.SO_MAX_PACING_RATE -> wide(maxPacingRate);
            case Socket.SO_MEMINFO -> new byte[36];
            case Socket.SO_BINDTODEVICE -> boundInterface == LOOPBACK_INDEX ? LOOPBACK.clone() : new byte[0];
            case Socket.SO_LINGER -> pair(lingerSeconds >= 0 ? 1 : 0, lingerStored);
            default -> throw ENOPROTOOPT.error();
        };
    }

    /**
     * Sets an option.
     *
     * @param name {@code SO_*}
     * @param value bytes as given
     * @param caller who asks
     * @throws ErrnoException ENOPROTOOPT, EINVAL, EPERM, EACCES
     */
    public void set(int name, byte[] value, SocketCaller caller) throws ErrnoException {
        if (name == Socket.SO_BINDTODEVICE) {
            bindToDevice(value, caller);
            return;
        }
        int number = integer(value);
        boolean on = number != 0;
        switch (name) {
            case Socket.SO_DEBUG -> {
                if (on && !caller.credentials().has(Capability.CAP_NET_ADMIN)) {
                    throw EACCES.error();
                }
                debug = on;
            }
            case Socket.SO_REUSEADDR -> reuseAddress = on;
            case Socket.SO_REUSEPORT -> reusePort = on;
            case Socket.SO_DONTROUTE -> dontRoute = on;
            case Socket.SO_BROADCAST -> broadcast = on;
            case Socket.SO_KEEPALIVE -> keepAlive = on;
            case Socket.SO_OOBINLINE -> urgentInline = on;
            case Socket.SO_NO_CHECK -> noCheck = on;
            case Socket.SO_PASSCRED -> passCredentials = on;
            case Socket.SO_TIMESTAMP -> {
                timestamp = on;
                timestampNs = false;
            }
            case Socket.SO_TIMESTAMPNS -> {
                timestampNs = on;
                timestamp = false;
            }
            case Socket.SO_TIMESTAMPING -> {
                if ((number & ~KNOWN_TIMESTAMPING) != 0) {
                    throw EINVAL.error();
                }
                timestamping = number;
            }
            case Socket.SO_BUSY_POLL -> {
                if (number > busyPollMicroseconds && !caller.credentials().has(Capability.CAP_NET_ADMIN)) {
                    throw EPERM.error();
                }
                if (number < 0) {
                    throw EINVAL.error();
                }
                busyPollMicroseconds = number;
            }
            case Socket.SO_PREFER_BUSY_POLL -> {
                if (on && !caller.credentials().has(Capability.CAP_NET_ADMIN)) {
                    throw EPERM.error();
                }
                preferBusyPoll = on;
            }
            case Socket.SO_BUF_LOCK -> {
                if ((number & ~3) != 0) {
                    throw EINVAL.error();
                }
                bufferLock = number;
            }
            case Socket.SO_TXREHASH -> {
                if (number < -1 || number > 1) {
                    throw EINVAL.error();
                }
                rehash = number == -1 ? 1 : number;
            }
            case Socket.SO_LOCK_FILTER -> {
                if (filterLocked && !on) {
                    throw EPERM.error();
                }
                filterLocked = on;
            }
            case Socket.SO_BINDTOIFINDEX -> {
                requireRightToRebind(caller);
                if (number < 0) {
                    throw EINVAL.error();
                }
                boundInterface = number; // Linux does not ask whether it is there
            }
            case Socket.SO_BSDCOMPAT -> { }
            case Socket.SO_RXQ_OVFL -> overflowCount = on;
            case Socket.SO_SELECT_ERR_QUEUE -> selectErrorQueue = on;
            case Socket.SO_INCOMING_CPU -> incomingCpu = number;
            case Socket.SO_RCVLOWAT -> receiveLowWater = number < 0 ? Integer.MAX_VALUE : Math.max(1, number);
            case Socket.SO_MAX_PACING_RATE -> maxPacingRate =
                    value.length >= 8 ? MemorySegment.ofArray(value).get(U64, 0) : number == -1 ? -1 : number & 0xffffffffL;
            case Socket.SO_ZEROCOPY -> {
                if (number < 0 || number > 1) {
                    throw EINVAL.error();
                }
                throw EOPNOTSUPP.error("zero copy is not supported");
            }
            case Socket.SO_PRIORITY -> {
                if (number < 0 || number > 6) {
                    requireNetworkAdmin(caller);
                }
                priority = number;
            }
            case Socket.SO_MARK -> {
                requireNetworkAdmin(caller);
                mark = number;
            }
            case Socket.SO_SNDBUF -> sendBufferBytes = Math.max(2 * bufferBytes(number), MIN_SEND_BYTES);
            case Socket.SO_RCVBUF -> receiveBufferBytes = Math.max(2 * bufferBytes(number), MIN_RECEIVE_BYTES);
            case Socket.SO_SNDBUFFORCE -> {
                requireNetworkAdmin(caller);
                sendBufferBytes = Math.max(2 * Math.clamp(number, 0, 1 << 29), MIN_SEND_BYTES);
            }
            case Socket.SO_RCVBUFFORCE -> {
                requireNetworkAdmin(caller);
                receiveBufferBytes = Math.max(2 * Math.clamp(number, 0, 1 << 29), MIN_RECEIVE_BYTES);
            }
            case Socket.SO_LINGER -> {
                if (value.length < 8) {
                    throw EINVAL.error();
                }
                lingerStored = MemorySegment.ofArray(value).get(U32, 4);
                lingerSeconds = on ? Math.max(0, lingerStored) : -1;
            }
            case Socket.SO_ATTACH_FILTER, Socket.SO_ATTACH_BPF, Socket.SO_ATTACH_REUSEPORT_CBPF, Socket.SO_ATTACH_REUSEPORT_EBPF ->
                throw EOPNOTSUPP.error("socket filters are not supported");
            case Socket.SO_DETACH_FILTER -> throw dev.caisson.abi.Errno.ENOENT.error();
            case Socket.SO_PASSSEC -> {
                if (on) {
                    throw EOPNOTSUPP.error("no security labels");
                }
            }
            default -> throw ENOPROTOOPT.error();
        }
    }

    /** To the one interface there is, or to none. */
    private void bindToDevice(byte[] value, SocketCaller caller) throws ErrnoException {
        requireRightToRebind(caller);
        int length = 0;
        while (length < Math.min(value.length, INTERFACE_NAME_BYTES - 1) && value[length] != 0) {
            length++;
        }
        boolean loopback = length == LOOPBACK.length - 1 && value[0] == LOOPBACK[0] && value[1] == LOOPBACK[1];
        if (length > 0 && !loopback) {
            throw ENODEV.error();
        }
        boundInterface = loopback ? LOOPBACK_INDEX : 0;
    }

    /** Whoever owns a socket may bind it to an interface; what is bound stays so without CAP_NET_RAW. */
    private void requireRightToRebind(SocketCaller caller) throws ErrnoException {
        if (boundInterface != 0 && !caller.credentials().has(Capability.CAP_NET_RAW)) {
            throw EPERM.error();
        }
    }

    private static int bufferBytes(int wanted) {
        return wanted < 0 ? BUFFER_BYTES : Math.min(wanted, BUFFER_BYTES);
    }

    private static void requireNetworkAdmin(SocketCaller caller) throws ErrnoException {
        if (!caller.credentials().has(Capability.CAP_NET_ADMIN) && !caller.credentials().has(Capability.CAP_NET_RAW)) {
            throw EPERM.error();
        }
    }

    /**
     * Reads an option's value as an int.
     *
     * @param value bytes as given
     * @return the number
     * @throws ErrnoException EINVAL when there are fewer than 4 bytes
     */
    public static int integer(byte[] value) throws ErrnoException {
        if (value.length < 4) {
            throw EINVAL.error();
        }
        return MemorySegment.ofArray(value).get(U32, 0);
    }

    /**
     * An int as an option's value.
     *
     * @param number the number
     * @return 4 bytes
     */
    public static byte[] integer(int number) {
        byte[] value = new byte[4];
        MemorySegment.ofArray(value).set(U32, 0, number);
        return value;
    }

    /**
     * A flag as an option's value.
     *
     * @param on the flag
     * @return 4 bytes
     */
    public static byte[] flag(boolean on) {
        return integer(on ? 1 : 0);
    }

    private static byte[] pair(int first, int second) {
        byte[] value = new byte[8];
        MemorySegment.ofArray(value).set(U32, 0, first);
        MemorySegment.ofArray(value).set(U32, 4, second);
        return value;
    }

    private static byte[] wide(long number) {
        byte[] value = new byte[8];
        MemorySegment.ofArray(value).set(U64, 0, number);
        return value;
    }
}
