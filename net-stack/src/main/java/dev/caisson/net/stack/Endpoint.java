package dev.caisson.net.stack;

import static dev.caisson.abi.Errno.EAFNOSUPPORT;
import static dev.caisson.abi.Errno.EINVAL;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Socket;
import dev.caisson.abi.SocketAddress;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * Address and port. IPv4 addresses are kept as 16 bytes, too, mapped into ::ffff:0:0/96, except that the IPv4 wildcard is mapped while
 * the IPv6 wildcard is all zero.
 *
 * @param address 16 bytes, never written to
 * @param port 0 to 65535
 */
record Endpoint(byte[] address, int port) {
    private static final byte[] V4_PREFIX = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, -1};
    static final byte[] ANY4 = mapped(0, 0, 0, 0);
    static final byte[] ANY6 = new byte[16];
    static final byte[] LOCAL4 = mapped(127, 0, 0, 1);
    static final byte[] LOCAL6 = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

    private static byte[] mapped(int a, int b, int c, int d) {
        byte[] address = Arrays.copyOf(V4_PREFIX, 16);
        address[12] = (byte) a;
        address[13] = (byte) b;
        address[14] = (byte) c;
        address[15] = (byte) d;
        return address;
    }

    /** Reads a sockaddr for a socket of a family. An IPv6 socket takes IPv6 addresses, an IPv4 socket IPv4 ones. */
    static Endpoint of(byte[] sockaddr, int family) throws ErrnoException {
        int given = SocketAddress.family(sockaddr);
        if (family == Socket.AF_INET) {
            if (sockaddr.length < SocketAddress.INET_BYTES) {
                throw EINVAL.error();
            }
            if (given != Socket.AF_INET) {
                throw EAFNOSUPPORT.error();
            }
            byte[] address = Arrays.copyOf(V4_PREFIX, 16);
            System.arraycopy(sockaddr, 4, address, 12, 4);
            return new Endpoint(address, SocketAddress.port(sockaddr));
        }
        if (sockaddr.length < SocketAddress.INET6_MIN_BYTES) {
            throw EINVAL.error();
        }
        if (given != Socket.AF_INET6) {
            throw EAFNOSUPPORT.error();
        }
        return new Endpoint(SocketAddress.host(sockaddr), SocketAddress.port(sockaddr));
    }

    /** The wildcard of a family. */
    static Endpoint any(int family, int port) {
        return new Endpoint(family == Socket.AF_INET ? ANY4 : ANY6, port);
    }

    /** As the sockaddr of a socket of a family. */
    byte[] sockaddr(int family) {
        return SocketAddress.of(family == Socket.AF_INET ? Arrays.copyOfRange(address, 12, 16) : address, port);
    }

    boolean isV4() {
        return Arrays.equals(address, 0, 12, V4_PREFIX, 0, 12);
    }

    boolean isAny() {
        return Arrays.equals(address, ANY4) || Arrays.equals(address, ANY6);
    }

    /** Whether this machine has the address, also that of everybody on the loopback interface. */
    boolean isLocal() {
        return isV4() ? address[12] == 127 : Arrays.equals(address, LOCAL6);
    }

    boolean isMulticast() {
        return isV4() ? (address[12] & 0xf0) == 0xe0 : address[0] == -1;
    }

    /** 255.255.255.255 and 127.255.255.255. */
    boolean isBroadcast() {
        return isV4() && (address[12] == -1 || address[12] == 127) && address[13] == -1 && address[14] == -1 && address[15] == -1;
    }

    /** Whether the address is of a group, or of everybody, of IPv4. */
    boolean isForMany() {
        return isV4() && (isMulticast() || isBroadcast());
    }

    /** The IPv4 address in hexadecimal, as a group is named. */
    String group() {
        return HexFormat.of().formatHex(address, 12, 16);
    }

    /** Where a packet to this address goes: the wildcard means this machine. */
    Endpoint destination() {
        return isAny() ? new Endpoint(isV4() ? LOCAL4 : LOCAL6, port) : this;
    }

    /** The source address of packets to this one. */
    byte[] sourceAddress() {
        return isV4() ? LOCAL4 : LOCAL6;
    }

    boolean hasAddress(Endpoint other) {
        return Arrays.equals(address, other.address);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Endpoint that && port == that.port && Arrays.equals(address, that.address);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(address) * 31 + port;
    }
}
