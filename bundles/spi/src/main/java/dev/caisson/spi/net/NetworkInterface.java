package dev.caisson.spi.net;

import java.util.List;

/**
 * One interface, netdevice(7).
 *
 * @param index {@code ifindex}, from 1
 * @param name 1 to 15 bytes
 * @param flags {@code IFF_*}
 * @param mtu bytes of an IP packet
 * @param hardwareType {@code ARPHRD_*}
 * @param hardwareAddress 6 bytes for Ethernet and loopback; never written to
 * @param addresses its network addresses
 */
public record NetworkInterface(int index, String name, int flags, int mtu, int hardwareType, byte[] hardwareAddress,
        List<Address> addresses) {
    /** {@code IFF_UP}. */
    public static final int IFF_UP = 1;
    /** {@code IFF_BROADCAST}. */
    public static final int IFF_BROADCAST = 2;
    /** {@code IFF_LOOPBACK}. */
    public static final int IFF_LOOPBACK = 8;
    /** {@code IFF_RUNNING}. */
    public static final int IFF_RUNNING = 0x40;
    /** {@code IFF_MULTICAST}. */
    public static final int IFF_MULTICAST = 0x1000;
    /** {@code IFF_LOWER_UP}; not in the 16 bits of SIOCGIFFLAGS. */
    public static final int IFF_LOWER_UP = 0x10000;
    /** {@code ARPHRD_ETHER}. */
    public static final int ARPHRD_ETHER = 1;
    /** {@code ARPHRD_LOOPBACK}. */
    public static final int ARPHRD_LOOPBACK = 772;

    /**
     * A network address of an interface.
     *
     * @param bytes 4 (IPv4) or 16 (IPv6) bytes in network order; never written to
     * @param prefixBits length of the network's prefix
     * @param scope {@code RT_SCOPE_*}: 0 global, 253 link, 254 host
     */
    public record Address(byte[] bytes, int prefixBits, int scope) {}
}
