package dev.caisson.abi;

import java.util.Arrays;

/**
 * Reads and builds the bytes of a {@code struct sockaddr}. Ports and addresses are in network order, the rest little-endian.
 * <pre>
 *  sockaddr_in (16)         sockaddr_in6 (28)          sockaddr_un (110)        sockaddr_nl (12)
 *  off size field           off size field             off size field           off size field
 *    0    2 sin_family        0    2 sin6_family         0    2 sun_family        0    2 nl_family
 *    2    2 sin_port          2    2 sin6_port           2  108 sun_path          4    4 nl_pid
 *    4    4 sin_addr          4    4 sin6_flowinfo                                8    4 nl_groups
 *    8    8 sin_zero          8   16 sin6_addr
 *                            24    4 sin6_scope_id
 * </pre>
 * Source: include/uapi/linux/in.h, in6.h, un.h, netlink.h.
 */
public final class SocketAddress {
    /** sizeof sockaddr_storage: the longest address a call takes. */
    public static final int MAX_BYTES = 128;
    /** sizeof sockaddr_in. */
    public static final int INET_BYTES = 16;
    /** sizeof sockaddr_in6. */
    public static final int INET6_BYTES = 28;
    /** The least length of an IPv6 address (without the scope), as Linux takes it. */
    public static final int INET6_MIN_BYTES = 24;
    /** sizeof sockaddr_un. */
    public static final int UNIX_BYTES = 110;
    /** sizeof sockaddr_nl. */
    public static final int NETLINK_BYTES = 12;

    private SocketAddress() {}

    /**
     * The family.
     *
     * @param address a sockaddr
     * @return {@code AF_*}; -1 when it is shorter than 2 bytes
     */
    public static int family(byte[] address) {
        return address.length < 2 ? -1 : address[0] & 0xff | (address[1] & 0xff) << 8;
    }

    /**
     * The port of an Internet address.
     *
     * @param address sockaddr_in or sockaddr_in6
     * @return 0 to 65535
     */
    public static int port(byte[] address) {
        return (address[2] & 0xff) << 8 | address[3] & 0xff;
    }

    /**
     * The network address of an Internet address.
     *
     * @param address sockaddr_in or sockaddr_in6, long enough
     * @return 4 or 16 bytes
     */
    public static byte[] host(byte[] address) {
        return family(address) == Socket.AF_INET ? Arrays.copyOfRange(address, 4, 8) : Arrays.copyOfRange(address, 8, 24);
    }

    /**
     * Builds an Internet address.
     *
     * @param host 4 or 16 bytes
     * @param port 0 to 65535
     * @return sockaddr_in or sockaddr_in6
     */
    public static byte[] of(byte[] host, int port) {
        boolean v4 = host.length == 4;
        byte[] address = ofFamily(v4 ? Socket.AF_INET : Socket.AF_INET6, v4 ? INET_BYTES : INET6_BYTES);
        address[2] = (byte) (port >> 8);
        address[3] = (byte) port;
        System.arraycopy(host, 0, address, v4 ? 4 : 8, host.length);
        return address;
    }

    /**
     * An address that is all zero but for its family.
     *
     * @param family {@code AF_*}
     * @param lengthBytes its length, at least 2
     * @return the address
     */
    public static byte[] ofFamily(int family, int lengthBytes) {
        byte[] address = new byte[lengthBytes];
        address[0] = (byte) family;
        address[1] = (byte) (family >> 8);
        return address;
    }
}
