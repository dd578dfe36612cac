package dev.caisson.net.stack;

import static dev.caisson.abi.Errno.EADDRINUSE;
import static dev.caisson.abi.Errno.EADDRNOTAVAIL;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENODEV;
import static dev.caisson.abi.Errno.ENOPROTOOPT;
import static dev.caisson.abi.Errno.ENOTCONN;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.EPROTO;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Socket;
import dev.caisson.spi.net.SocketCaller;
import dev.caisson.spi.net.SocketOptions;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.Map;
import java.util.Set;

/** Options of the levels SOL_IP and SOL_IPV6, ip(7) and ipv6(7). Most change nothing on a loopback interface and are only remembered. */
final class IpOptions {
    private static final int MTU = 65536;
    private static final int LEAST_MTU_6 = 1280;
    private static final int IP_TRANSPARENT = 19;
    private static final int IP_MINTTL = 21;
    private static final int IP_RETOPTS = 7;
    private static final int IP_LOCAL_PORT_RANGE = 51;
    private static final int IP_HDRINCL = 3;
    private static final int IP_PKTOPTIONS = 9;
    private static final int IP_NODEFRAG = 22;
    private static final int IP_CHECKSUM = 23;
    private static final int IP_UNICAST_IF = 50;
    private static final int IPV6_2292PKTINFO = 2;
    private static final int IPV6_V6ONLY = 26;
    private static final int IPV6_UNICAST_IF = 76;
    private static final int MCAST_JOIN_GROUP = 42;
    private static final int MCAST_LEAVE_GROUP = 45;
    private static final int USUAL_HOPS = 64;
    /** The two bits of a type of service that belong to congestion notification: a stream's own. */
    private static final int ECN_BITS = 3;
    /** IPPROTO_IPV6 membership: 16 bytes of address, 4 of interface. */
    private static final int MEMBERSHIP_6_BYTES = 20;
    /** Where a group_req has its address: after 4 bytes of interface and 4 of padding. */
    private static final int GROUP_AT = 8;

    /** Known flags and numbers with their defaults. */
    private static final Map<Integer, Integer> V4 = Map.ofEntries(Map.entry(Socket.IP_TOS, 0), Map.entry(Socket.IP_TTL, 64),
            Map.entry(Socket.IP_RECVOPTS, 0), Map.entry(IP_RETOPTS, 0), Map.entry(Socket.IP_PKTINFO, 0),
            Map.entry(Socket.IP_MTU_DISCOVER, 1), Map.entry(Socket.IP_RECVERR, 0), Map.entry(Socket.IP_RECVTTL, 0),
            Map.entry(Socket.IP_RECVTOS, 0), Map.entry(Socket.IP_FREEBIND, 0), Map.entry(IP_TRANSPARENT, 0),
            Map.entry(Socket.IP_RECVORIGDSTADDR, 0), Map.entry(IP_MINTTL, 0), Map.entry(Socket.IP_BIND_ADDRESS_NO_PORT, 0),
            Map.entry(Socket.IP_RECVFRAGSIZE, 0), Map.entry(Socket.IP_MULTICAST_TTL, 1), Map.entry(Socket.IP_MULTICAST_LOOP, 1),
            Map.entry(Socket.IP_MULTICAST_ALL, 1), Map.entry(IP_LOCAL_PORT_RANGE, 0), Map.entry(IP_HDRINCL, 0),
            Map.entry(IP_NODEFRAG, 0), Map.entry(IP_CHECKSUM, 0), Map.entry(IP_UNICAST_IF, 0));
    private static final Map<Integer, Integer> V6 = Map.ofEntries(Map.entry(Socket.IPV6_UNICAST_HOPS, 64),
            Map.entry(Socket.IPV6_MULTICAST_HOPS, 1), Map.entry(Socket.IPV6_MULTICAST_LOOP, 1), Map.entry(Socket.IPV6_MULTICAST_IF, 0),
            Map.entry(Socket.IPV6_MTU_DISCOVER, 1), Map.entry(Socket.IPV6_RECVERR, 0), Map.entry(IPV6_V6ONLY, 0),
            Map.entry(Socket.IPV6_MULTICAST_ALL, 1), Map.entry(Socket.IPV6_RECVPKTINFO, 0), Map.entry(Socket.IPV6_RECVHOPLIMIT, 0),
            Map.entry(Socket.IPV6_RECVHOPOPTS, 0), Map.entry(Socket.IPV6_RECVRTHDR, 0), Map.entry(Socket.IPV6_RECVDSTOPTS, 0),
            Map.entry(Socket.IPV6_RECVPATHMTU, 0), Map.entry(Socket.IPV6_DONTFRAG, 0), Map.entry(Socket.IPV6_RECVTCLASS, 0),
            Map.entry(Socket.IPV6_TCLASS, 0), Map.entry(Socket.IPV6_AUTOFLOWLABEL, 1), Map.entry(Socket.IPV6_ADDR_PREFERENCES, 1),
            Map.entry(Socket.IPV6_MINHOPCOUNT, 0), Map.entry(Socket.IPV6_RECVORIGDSTADDR, 0), Map.entry(Socket.IPV6_TRANSPARENT, 0),
            Map.entry(Socket.IPV6_FREEBIND, 0), Map.entry(IPV6_2292PKTINFO, 0), Map.entry(IPV6_UNICAST_IF, 0));

    private final boolean inet6;
    private final boolean stream;
    /** Groups as 16 bytes of address in hexadecimal. */
    private final Set<String> groups = new HashSet<>();
    private final Map<Integer, Integer> changed = new HashMap<>();
    private final GroupTable table;
    /** Address of IP_MULTICAST_IF as it was given; null when none was chosen. Guarded by this. */
    private byte[] groupInterface;
    private volatile boolean v6Only;
    private volatile boolean freeBind;
    private volatile boolean packetInfo4;
    private volatile boolean packetInfo6;
    private volatile boolean errorQueue;

    IpOptions(boolean inet6, boolean stream) {
        this(inet6, stream, new GroupTable());
    }

    /** With the table of the interface, which learns what groups are joined. */
    IpOptions(boolean inet6, boolean stream, GroupTable table) {
        this.table = table;
        this.inet6 = inet6;
        this.stream = stream;
    }

    synchronized IpOptions copy() {
        IpOptions copy = new IpOptions(inet6, stream);
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

    /** {@return the time to live of what is sent, or the hop limit of IPv6} */
    synchronized int hops(boolean v4) {
        int key = v4 ? Socket.SOL_IP << 16 | Socket.IP_TTL : Socket.SOL_IPV6 << 16 | Socket.IPV6_UNICAST_HOPS;
        return changed.getOrDefault(key, USUAL_HOPS);
    }

    /** {@return the type of service of what is sent, or the traffic class of IPv6} */
    synchronized int service(boolean v4) {
        return changed.getOrDefault(v4 ? Socket.SOL_IP << 16 | Socket.IP_TOS : Socket.SOL_IPV6 << 16 | Socket.IPV6_TCLASS, 0);
    }

    /** {@return whether a flag is set} */
    synchronized boolean isSet(int level, int name) {
        return changed.getOrDefault(level << 16 | name, 0) != 0;
    }

    /** What getsockopt(2) tells: of level SOL_IP one byte, when the caller has no room for an int and the number fits. */
    synchronized byte[] get(int level, int name, boolean connected, int maxBytes) throws ErrnoException {
        byte[] value = get(level, name, connected);
        boolean fits = value.length == 4 && value[1] == 0 && value[2] == 0 && value[3] == 0;
        return level == Socket.SOL_IP && maxBytes > 0 && maxBytes < 4 && fits ? new byte[] {value[0]} : value;
    }

    private byte[] get(int level, int name, boolean connected) throws ErrnoException {
        boolean v4 = level == Socket.SOL_IP;
        if (v4 ? name == Socket.IP_MTU : name == Socket.IPV6_MTU) {
            if (!connected) {
                throw ENOTCONN.error();
            }
            return SocketOptions.integer(MTU);
        }
        if (v4 && (name == Socket.IP_OPTIONS || name == IP_PKTOPTIONS && stream)) {
            return new byte[0];
        }
        if (v4 && name == Socket.IP_MULTICAST_IF) {
            return groupInterface == null ? new byte[4] : groupInterface.clone();
        }
        Integer usual = (v4 ? V4 : V6).get(name);
        if (usual == null) {
            throw ENOPROTOOPT.error();
        }
        return SocketOptions.integer(changed.getOrDefault(level << 16 | name, usual));
    }

    synchronized void set(int level, int name, byte[] value, SocketCaller caller, boolean bound) throws ErrnoException {
        boolean v4 = level == Socket.SOL_IP;
        if (v4 && name == Socket.IP_ADD_SOURCE_MEMBERSHIP) {
            throw ENODEV.error("no interface with multicast");
        }
        if (v4 && name == Socket.IP_DROP_SOURCE_MEMBERSHIP) {
            throw EADDRNOTAVAIL.error();
        }
        if (isMembership(v4, name)) {
            member(v4, name, value);
            return;
        }
        if (v4 && name == Socket.IP_MULTICAST_IF) {
            chooseInterface(value);
            return;
        }
        if (v4 && (name == IP_HDRINCL || name == IP_NODEFRAG)) {
            throw ENOPROTOOPT.error("for raw sockets");
        }
        if (v4 && name == Socket.IP_OPTIONS) {
            if (value.length > 0) {
                throw EPERM.error("IP options are not supported");
            }
            return;
        }
        if (!v4 && name == Socket.IPV6_MTU) {
            int bytes = SocketOptions.integer(value);
            if (bytes != 0 && bytes < LEAST_MTU_6) {
                throw EINVAL.error();
            }
            return; // no packet is cut
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
        changed.put(level << 16 | name, flag ? number != 0 ? 1 : 0 : kept(v4, name, number));
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

    /** The number as it reads afterwards: -1 is the default, a type of service has eight bits. */
    private int kept(boolean v4, int name, int number) {
        if (v4 && name == Socket.IP_TOS || !v4 && name == Socket.IPV6_TCLASS) {
            int service = !v4 && number == -1 ? 0 : number & 0xff;
            return stream ? service & ~ECN_BITS | service(v4) & ECN_BITS : service;
        }
        if (number == -1) {
            if (v4 && name == Socket.IP_TTL || !v4 && name == Socket.IPV6_UNICAST_HOPS) {
                return USUAL_HOPS;
            }
            if (v4 && name == Socket.IP_MULTICAST_TTL || !v4 && name == Socket.IPV6_MULTICAST_HOPS) {
                return 1;
            }
        }
        return number;
    }

    private static boolean isMembership(boolean v4, int name) {
        return name == MCAST_JOIN_GROUP || name == MCAST_LEAVE_GROUP
                || (v4 ? name == Socket.IP_ADD_MEMBERSHIP || name == Socket.IP_DROP_MEMBERSHIP
                        : name == Socket.IPV6_JOIN_GROUP || name == Socket.IPV6_LEAVE_GROUP);
    }

    /** Joins or leaves a group on the one interface there is. */
    private void member(boolean v4, int name, byte[] value) throws ErrnoException {
        boolean join = name == MCAST_JOIN_GROUP || name == Socket.IP_ADD_MEMBERSHIP && v4 || name == Socket.IPV6_JOIN_GROUP && !v4;
        if (stream) {
            throw EPROTO.error("a stream is in no group");
        }
        boolean wide = name == MCAST_JOIN_GROUP || name == MCAST_LEAVE_GROUP;
        if (value.length < (wide ? GROUP_AT + 128 : v4 ? 8 : MEMBERSHIP_6_BYTES)) {
            throw EINVAL.error();
        }
        MemorySegment fields = MemorySegment.ofArray(value);
        int at = !wide ? 0 : GROUP_AT + (v4 ? 4 : 8);
        boolean multicast = v4 ? (value[at] & 0xf0) == 0xe0 : value[at] == -1;
        if (!multicast) {
            throw EINVAL.error();
        }
        boolean here;
        if (wide) {
            here = fields.get(Layouts.U32, 0) == LoopbackStack.INDEX;
        } else if (!v4) {
            here = fields.get(Layouts.U32, 16) == LoopbackStack.INDEX;
        } else {
            int index = value.length >= 12 ? fields.get(Layouts.U32, 8) : 0;
            here = index != 0 ? index == LoopbackStack.INDEX : value[4] == 127;
        }
        if (!here) {
            throw ENODEV.error("no such interface with multicast");
        }
        String group = HexFormat.of().formatHex(value, at, at + (v4 ? 4 : 16));
        if (join ? !groups.add(group) : !groups.remove(group)) {
            throw join ? EADDRINUSE.error() : EADDRNOTAVAIL.error();
        }
        if (join) {
            table.join(group);
        } else {
            table.leave(group);
        }
    }

    /** IP_MULTICAST_IF with an address, or with ip_mreqn's third field. */
    private void chooseInterface(byte[] value) throws ErrnoException {
        if (value.length < 4) {
            throw EINVAL.error();
        }
        int index = value.length >= 12 ? MemorySegment.ofArray(value).get(Layouts.U32, 8) : 0;
        int at = value.length >= 8 ? 4 : 0;
        boolean any = (value[at] | value[at + 1] | value[at + 2] | value[at + 3]) == 0;
        if (index != 0 ? index != LoopbackStack.INDEX : !any && value[at] != 127) {
            throw EADDRNOTAVAIL.error();
        }
        groupInterface = index == 0 && any ? null : Arrays.copyOfRange(value, at, at + 4);
    }

    /** {@return whether datagrams to groups have an interface to leave by} */
    synchronized boolean hasGroupInterface() {
        return groupInterface != null;
    }

    /** {@return the time to live of datagrams to groups of IPv4} */
    synchronized int groupHops() {
        return changed.getOrDefault(Socket.SOL_IP << 16 | Socket.IP_MULTICAST_TTL, 1);
    }

    /** {@return whether a datagram to a group of IPv4 is for this socket: it is in the group, or takes those of all groups that others joined} */
    synchronized boolean takesGroup(Endpoint target) {
        String group = target.group();
        boolean takesAll = changed.getOrDefault(Socket.SOL_IP << 16 | Socket.IP_MULTICAST_ALL, 1) != 0;
        return (takesAll || groups.contains(group)) && table.has(group);
    }

    /** The socket is closed. */
    synchronized void leaveGroups() {
        groups.forEach(table::leave);
        groups.clear();
    }

    private void check(boolean v4, int name, int number, SocketCaller caller, boolean bound) throws ErrnoException {
        if (v4) {
            if (name == Socket.IP_TTL) {
                if (number != -1 && (number < 1 || number > 255)) {
                    throw EINVAL.error();
                }
            } else if (name == IP_UNICAST_IF) {
                if (number != 0 && Integer.reverseBytes(number) != LoopbackStack.INDEX) {
                    throw EADDRNOTAVAIL.error();
                }
            } else if (name == Socket.IP_MULTICAST_TTL && (stream || number < -1 || number > 255)
                    || name == Socket.IP_MULTICAST_ALL && number != 0 && number != 1
                    || name == Socket.IP_MTU_DISCOVER && (number < 0 || number > 5) || name == IP_MINTTL && (number < 0 || number > 255)) {
                throw EINVAL.error();
            }
        } else if (name == Socket.IPV6_MULTICAST_HOPS && stream) {
            throw ENOPROTOOPT.error();
        } else if (name == Socket.IPV6_MULTICAST_IF && number != 0 && number != LoopbackStack.INDEX) {
            throw ENODEV.error();
        } else if (name == IPV6_V6ONLY && bound
                || (name == Socket.IPV6_MULTICAST_LOOP || name == Socket.IPV6_MULTICAST_ALL) && number != 0 && number != 1
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
            case IP_UNICAST_IF, Socket.IP_TOS, Socket.IP_TTL, Socket.IP_MTU_DISCOVER, Socket.IP_MULTICAST_TTL, IP_MINTTL, IP_LOCAL_PORT_RANGE -> false;
            default -> true;
        } : switch (name) {
            case IPV6_UNICAST_IF, Socket.IPV6_UNICAST_HOPS, Socket.IPV6_MULTICAST_HOPS, Socket.IPV6_MULTICAST_IF, Socket.IPV6_MTU_DISCOVER,
                    Socket.IPV6_TCLASS, Socket.IPV6_ADDR_PREFERENCES, Socket.IPV6_MINHOPCOUNT -> false;
            default -> true;
        };
    }
}
