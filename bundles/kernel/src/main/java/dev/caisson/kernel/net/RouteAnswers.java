package dev.caisson.kernel.net;

import dev.caisson.abi.Socket;
import dev.caisson.spi.net.NetworkInterface;
import dev.caisson.spi.net.Route;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** The messages of rtnetlink(7) that describe interfaces, addresses and routes. */
final class RouteAnswers {
    private static final int RTM_NEWLINK = 16, RTM_NEWADDR = 20, RTM_NEWROUTE = 24;
    private static final int IFLA_ADDRESS = 1, IFLA_BROADCAST = 2, IFLA_IFNAME = 3, IFLA_MTU = 4, IFLA_QDISC = 6, IFLA_TXQLEN = 13,
            IFLA_OPERSTATE = 16, IFLA_LINKMODE = 17, IFLA_GROUP = 27;
    private static final int IFA_ADDRESS = 1, IFA_LOCAL = 2, IFA_LABEL = 3, IFA_CACHEINFO = 6, IFA_FLAGS = 8;
    private static final int IFA_F_PERMANENT = 0x80;
    private static final int RTA_DST = 1, RTA_OIF = 4, RTA_GATEWAY = 5, RTA_PRIORITY = 6, RTA_PREFSRC = 7, RTA_CACHEINFO = 12, RTA_TABLE = 15,
            RTA_UID = 25;
    private static final int RTPROT_KERNEL = 2;
    private static final int RTN_LOCAL = 2;
    private static final int RT_TABLE_MAIN = 254;
    private static final int RTM_F_CLONED = 0x200;
    private static final int RTCF_LOCAL = 0x80000000;

    private final int flags;
    private final int sequence;
    private final int port;

    RouteAnswers(int flags, int sequence, int port) {
        this.flags = flags;
        this.sequence = sequence;
        this.port = port;
    }

    private static byte[] name(String name) {
        return (name + "\0").getBytes(StandardCharsets.ISO_8859_1);
    }

    /** struct ifinfomsg: family (1), pad (1), type (2), index, flags, change. */
    void link(Target out, NetworkInterface each) {
        NetlinkWriter writer = out.next().begin(RTM_NEWLINK, flags, sequence, port)
                .u8(0).u8(0).u16(each.hardwareType()).u32(each.index()).u32(each.flags()).u32(0)
                .attribute(IFLA_IFNAME, name(each.name()))
                .attribute(IFLA_TXQLEN, 1000)
                .attribute(IFLA_OPERSTATE, new byte[] {(byte) ((each.flags() & NetworkInterface.IFF_LOOPBACK) != 0 ? 0 : 6)})
                .attribute(IFLA_LINKMODE, new byte[1])
                .attribute(IFLA_MTU, each.mtu())
                .attribute(IFLA_GROUP, 0)
                .attribute(IFLA_QDISC, name("noqueue"));
        if (each.hardwareAddress().length > 0) {
            byte[] broadcast = new byte[each.hardwareAddress().length];
            if ((each.flags() & NetworkInterface.IFF_BROADCAST) != 0) {
                Arrays.fill(broadcast, (byte) -1);
            }
            writer.attribute(IFLA_ADDRESS, each.hardwareAddress()).attribute(IFLA_BROADCAST, broadcast);
        }
        writer.end();
    }

    /** struct ifaddrmsg: family, prefixlen, flags, scope (1 each), index. */
    void address(Target out, NetworkInterface owner, NetworkInterface.Address each) {
        boolean v4 = each.bytes().length == 4;
        NetlinkWriter writer = out.next().begin(RTM_NEWADDR, flags, sequence, port)
                .u8(v4 ? Socket.AF_INET : Socket.AF_INET6).u8(each.prefixBits()).u8(IFA_F_PERMANENT).u8(each.scope()).u32(owner.index())
                .attribute(IFA_ADDRESS, each.bytes());
        if (v4) {
            writer.attribute(IFA_LOCAL, each.bytes()).attribute(IFA_LABEL, name(owner.name()));
        }
        byte[] cache = new byte[16]; // struct ifa_cacheinfo: both lifetimes are endless
        Arrays.fill(cache, 0, 8, (byte) -1);
        writer.attribute(IFA_FLAGS, IFA_F_PERMANENT).attribute(IFA_CACHEINFO, cache).end();
    }

    /** The route that packets to one destination take, as RTM_GETROUTE without a dump tells it: of no protocol and scope, looked up just now. */
    void oneRoute(NetlinkWriter writer, Route route, byte[] destination, byte[] source) {
        boolean isLocal = route.type() == RTN_LOCAL;
        writer.begin(RTM_NEWROUTE, flags, sequence, port)
                .u8(destination.length == 4 ? Socket.AF_INET : Socket.AF_INET6).u8(destination.length * 8).u8(0).u8(0).u8(RT_TABLE_MAIN)
                .u8(0).u8(0).u8(route.type()).u32(RTM_F_CLONED | (isLocal ? RTCF_LOCAL : 0))
                .attribute(RTA_TABLE, RT_TABLE_MAIN).attribute(RTA_DST, destination).attribute(RTA_OIF, route.interfaceIndex());
        if (route.gateway() != null) {
            writer.attribute(RTA_GATEWAY, route.gateway());
        }
        if (source != null) {
            writer.attribute(RTA_PREFSRC, source);
        }
        writer.attribute(RTA_UID, 0).attribute(RTA_CACHEINFO, new byte[32]).end(); // struct rta_cacheinfo: nothing expires
    }

    /** struct rtmsg: family, dst_len, src_len, tos, table, protocol, scope, type (1 each), flags. */
    void route(Target out, Route each) {
        boolean v4 = each.destination().length == 4;
        NetlinkWriter writer = out.next().begin(RTM_NEWROUTE, flags, sequence, port)
                .u8(v4 ? Socket.AF_INET : Socket.AF_INET6).u8(each.prefixBits()).u8(0).u8(0).u8(each.table()).u8(RTPROT_KERNEL)
                .u8(each.scope()).u8(each.type()).u32(0)
                .attribute(RTA_TABLE, each.table());
        if (each.prefixBits() > 0) {
            writer.attribute(RTA_DST, each.destination());
        }
        if (each.gateway() != null) {
            writer.attribute(RTA_GATEWAY, each.gateway());
        }
        if (each.metric() != 0) {
            writer.attribute(RTA_PRIORITY, each.metric());
        }
        writer.attribute(RTA_OIF, each.interfaceIndex()).end();
    }

    /** Where the next message goes: messages are grouped into datagrams. */
    @FunctionalInterface
    interface Target {
        /** {@return the writer to append to} */
        NetlinkWriter next();
    }
}
