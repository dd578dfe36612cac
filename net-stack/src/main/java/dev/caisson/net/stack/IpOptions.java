package dev.caisson.net.stack;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENODEV;
import static dev.caisson.abi.Errno.ENOPROTOOPT;
import static dev.caisson.abi.Errno.ENOTCONN;
import static dev.caisson.abi.Errno.EPERM;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Socket;
import dev.caisson.spi.net.SocketCaller;
import dev.caisson.spi.net.SocketOptions;
import java.util.HashMap;
import java.util.Map;

/** Options of the levels SOL_IP and SOL_IPV6, ip(7) and ipv6(7). Most change nothing on a loopback interface and are only remembered. */
final class IpOptions {
    private static final int MTU = 65536;
    private static final int IP_TRANSPARENT = 19;
    private static final int IP_MINTTL = 21;
    private static final int IP_RETOPTS = 7;
    private static final int IP_LOCAL_PORT_RANGE = 51;
    private static final int IPV6_V6ONLY = 26;

    /** Known flags and numbers with their defaults. */
    private static final Map<Integer, Integer> V4 = Map.ofEntries(Map.entry(Socket.IP_TOS, 0), Map.entry(Socket.IP_TTL, 64),
            Map.entry(Socket.IP_RECVOPTS, 0), Map.entry(IP_RETOPTS, 0), Map.entry(Socket.IP_PKTINFO, 0),
            Map.entry(Socket.IP_MTU_DISCOVER, 1), Map.entry(Socket.IP_RECVERR, 0), Map.entry(Socket.IP_RECVTTL, 0),
            Map.entry(Socket.IP_RECVTOS, 0), Map.entry(Socket.IP_FREEBIND, 0), Map.entry(IP_TRANSPARENT, 0),
            Map.entry(Socket.IP_RECVORIGDSTADDR, 0), Map.entry(IP_MINTTL, 0), Map.entry(Socket.IP_BIND_ADDRESS_NO_PORT, 0),
            Map.entry(Socket.IP_RECVFRAGSIZE, 0), Map.entry(Socket.IP_MULTICAST_TTL, 1), Map.entry(Socket.IP_MULTICAST_LOOP, 1),
            Map.entry(Socket.IP_MULTICAST_ALL, 1), Map.entry(IP_LOCAL_PORT_RANGE, 0));
    private static final Map<Integer, Integer> V6 = Map.ofEntries(Map.entry(Socket.IPV6_UNICAST_HOPS, 64),
            Map.entry(Socket.IPV6_MULTICAST_HOPS, 1), Map.entry(Socket.IPV6_MULTICAST_LOOP, 1), Map.entry(Socket.IPV6_MULTICAST_IF, 0),
            Map.entry(Socket.IPV6_MTU_DISCOVER, 1), Map.entry(Socket.IPV6_RECVERR, 0), Map.entry(IPV6_V6ONLY, 0),
            Map.entry(Socket.IPV6_MULTICAST_ALL, 1), Map.entry(Socket.IPV6_RECVPKTINFO, 0), Map.entry(Socket.IPV6_RECVHOPLIMIT, 0),
            Map.entry(Socket.IPV6_RECVHOPOPTS, 0), Map.entry(Socket.IPV6_RECVRTHDR, 0), Map.entry(Socket.IPV6_RECVDSTOPTS, 0),
            Map.entry(Socket.IPV6_RECVPATHMTU, 0), Map.entry(Socket.IPV6_DONTFRAG, 0), Map.entry(Socket.IPV6_RECVTCLASS, 0),
            Map.entry(Socket.IPV6_TCLASS, 0), Map.entry(Socket.IPV6_AUTOFLOWLABEL, 1), Map.entry(Socket.IPV6_ADDR_PREFERENCES, 1),
            Map.entry(Socket.IPV6_MINHOPCOUNT, 0), Map.entry(Socket.IPV6_RECVORIGDSTADDR, 0), Map.entry(Socket.IPV6_TRANSPARENT, 0),
            Map.entry(Socket.IPV6_FREEBIND, 0));

    private final boolean inet6;
    private final Map<Integer, Integer> changed = new HashMap<>();
    private volatile boolean v6Only;
    private volatile boolean freeBind;
    private volatile boolean packetInfo4;
    private volatile boolean packetInfo6;
    private volatile boolean errorQueue;

    IpOptions(boolean inet6) {
        this.inet6 = inet6;
    }

    synchronized IpOptions copy() {
        IpOptions copy = new IpOptions(inet6);
        copy.changed.putAll(changed);
        copy.v6Only = v6Only;
        copy.freeBind = freeBind;
        return copy;
    }

    boolean isV6Only() {
        return v6Only;
    }

    boolean isFreeBind() {
        return freeBind;
    }

    boolean wantsPacketInfo4() {
        return packetInfo4;
    }

    boolean wantsPacketInfo6() {
        return packetInfo6;
    }

    boolean wantsErrors() {
        return errorQueue;
    }

    synchronized byte[] get(int level, int name, boolean connected) throws ErrnoException {
        boolean v4 = level == Socket.SOL_IP;
        if (v4 ? name == Socket.IP_MTU : name == Socket.IPV6_MTU) {
            if (!connected) {
                throw ENOTCONN.error();
            }
            return SocketOptions.integer(MTU);
        }
        if (v4 && (name == Socket.IP_OPTIONS)) {
            return new byte[0];
        }
        if (v4 && name == Socket.IP_MULTICAST_IF) {
            return new byte[4];
        }
        Integer usual = (v4 ? V4 : V6).get(name);
        if (usual == null) {
            throw ENOPROTOOPT.error();
        }
        return SocketOptions.integer(changed.getOrDefault(level << 16 | name, usual));
    }

    synchronized void set(int level, int name, byte[] value, SocketCaller caller, boolean bound) throws ErrnoException {
        boolean v4 = level == Socket.SOL_IP;
        if (v4 && (name == Socket.IP_ADD_MEMBERSHIP || name == Socket.IP_ADD_SOURCE_MEMBERSHIP)
                || !v4 && name == Socket.IPV6_JOIN_GROUP) {
            throw ENODEV.error("no interface with multicast");
        }
        if (v4 && (name == Socket.IP_DROP_MEMBERSHIP || name == Socket.IP_DROP_SOURCE_MEMBERSHIP)
                || !v4 && name == Socket.IPV6_LEAVE_GROUP) {
            throw dev.caisson.abi.Errno.EADDRNOTAVAIL.error();
        }
        if (v4 && name == Socket.IP_MULTICAST_IF) {
            return;
        }
        if (v4 && name == Socket.IP_OPTIONS) {
            if (value.length > 0) {
                throw EPERM.error("IP options are not supported");
            }
            return;
        }
        if (!(v4 ? V4 : V6).containsKey(name)) {
            throw ENOPROTOOPT.error();
        }
        int number = value.length >= 4 ? SocketOptions.integer(value) : v4 && value.length >= 1 ? value[0] & 0xff : -2;
        if (value.length == 0 || !v4 && value.length < 4) {
            throw EINVAL.error();
        }
        check(v4, name, number, caller, bound);
        boolean flag = isFlag(v4, name);
        changed.put(level << 16 | name, flag ? number != 0 ? 1 : 0 : number);
        boolean on = number != 0;
        if (v4) {
            switch (name) {
                case Socket.IP_PKTINFO -> packetInfo4 = on;
                case Socket.IP_RECVERR -> errorQueue = on;
                case Socket.IP_FREEBIND, IP_TRANSPARENT -> freeBind = on;
                default -> { }
            }
        } else {
            switch (name) {
                case IPV6_V6ONLY -> v6Only = on;
                case Socket.IPV6_RECVPKTINFO -> packetInfo6 = on;
                case Socket.IPV6_RECVERR -> errorQueue = on;
                case Socket.IPV6_FREEBIND, Socket.IPV6_TRANSPARENT -> freeBind = on;
                default -> { }
            }
        }
    }

    private void check(boolean v4, int name, int number, SocketCaller caller, boolean bound) throws ErrnoException {
        if (v4) {
            if (name == Socket.IP_TTL) {
                if (number != -1 && (number < 1 || number > 255)) {
                    throw EINVAL.error();
                }
                if (number == -1) {
                    changed.remove(Socket.SOL_IP << 16 | name);
                }
            } else if (name == Socket.IP_MULTICAST_TTL && (number < -1 || number > 255)
                    || name == Socket.IP_MTU_DISCOVER && (number < 0 || number > 5) || name == IP_MINTTL && (number < 0 || number > 255)) {
                throw EINVAL.error();
            }
        } else if (name == IPV6_V6ONLY && bound
                || (name == Socket.IPV6_UNICAST_HOPS || name == Socket.IPV6_MULTICAST_HOPS) && (number < -1 || number > 255)
                || name == Socket.IPV6_TCLASS && (number < -1 || number > 255)
                || name == Socket.IPV6_MTU_DISCOVER && (number < 0 || number > 5)) {
            throw EINVAL.error();
        }
        boolean transparent = v4 ? name == IP_TRANSPARENT : name == Socket.IPV6_TRANSPARENT;
        if (transparent && number != 0 && !caller.credentials().has(Capability.CAP_NET_ADMIN)
                && !caller.credentials().has(Capability.CAP_NET_RAW)) {
            throw EPERM.error();
        }
    }

    private static boolean isFlag(boolean v4, int name) {
        return v4 ? switch (name) {
            case Socket.IP_TOS, Socket.IP_TTL, Socket.IP_MTU_DISCOVER, Socket.IP_MULTICAST_TTL, IP_MINTTL, IP_LOCAL_PORT_RANGE -> false;
            default -> true;
        } : switch (name) {
            case Socket.IPV6_UNICAST_HOPS, Socket.IPV6_MULTICAST_HOPS, Socket.IPV6_MULTICAST_IF, Socket.IPV6_MTU_DISCOVER,
                    Socket.IPV6_TCLASS, Socket.IPV6_ADDR_PREFERENCES, Socket.IPV6_MINHOPCOUNT -> false;
            default -> true;
        };
    }
}
