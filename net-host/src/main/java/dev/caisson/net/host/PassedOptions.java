package dev.caisson.net.host;

import dev.caisson.abi.Socket;
import dev.caisson.spi.net.SocketMessage;
import java.util.Set;

/**
 * The options and control messages that reach the host: values without addresses in them, that need no right of an administrator and load no code. The host
 * checks them; everything else is answered here.
 */
final class PassedOptions {
    private static final Set<Integer> SOCKET = Set.of(Socket.SO_REUSEADDR, Socket.SO_REUSEPORT, Socket.SO_DONTROUTE, Socket.SO_BROADCAST,
            Socket.SO_SNDBUF, Socket.SO_RCVBUF, Socket.SO_KEEPALIVE, Socket.SO_OOBINLINE, Socket.SO_NO_CHECK, Socket.SO_RCVLOWAT, Socket.SO_SNDLOWAT,
            Socket.SO_TIMESTAMP, Socket.SO_TIMESTAMPNS, Socket.SO_TIMESTAMPING, Socket.SO_RXQ_OVFL, Socket.SO_PEEK_OFF, Socket.SO_INCOMING_CPU,
            Socket.SO_MAX_PACING_RATE, Socket.SO_SELECT_ERR_QUEUE, Socket.SO_ACCEPTCONN, Socket.SO_ERROR, Socket.SO_BINDTODEVICE,
            Socket.SO_BINDTOIFINDEX, Socket.SO_MEMINFO, Socket.SO_INCOMING_NAPI_ID);
    /** IP_MINTTL, IP_RECVERR_RFC4884, the source filters and MCAST_* of in.h have no names in {@link Socket}. */
    private static final Set<Integer> IP = Set.of(Socket.IP_TOS, Socket.IP_TTL, Socket.IP_RECVOPTS, Socket.IP_RECVRETOPTS, Socket.IP_PKTINFO,
            Socket.IP_MTU_DISCOVER, Socket.IP_RECVERR, Socket.IP_RECVTTL, Socket.IP_RECVTOS, Socket.IP_MTU, Socket.IP_FREEBIND,
            Socket.IP_RECVORIGDSTADDR, 21, Socket.IP_BIND_ADDRESS_NO_PORT, Socket.IP_RECVFRAGSIZE, 26, Socket.IP_MULTICAST_IF, Socket.IP_MULTICAST_TTL,
            Socket.IP_MULTICAST_LOOP, Socket.IP_ADD_MEMBERSHIP, Socket.IP_DROP_MEMBERSHIP, 37, 38, Socket.IP_ADD_SOURCE_MEMBERSHIP,
            Socket.IP_DROP_SOURCE_MEMBERSHIP, 41, 42, 43, 44, 45, 46, 47, 48, Socket.IP_MULTICAST_ALL, 50);
    private static final Set<Integer> IPV6 = Set.of(Socket.IPV6_UNICAST_HOPS, Socket.IPV6_MULTICAST_IF, Socket.IPV6_MULTICAST_HOPS,
            Socket.IPV6_MULTICAST_LOOP, Socket.IPV6_JOIN_GROUP, Socket.IPV6_LEAVE_GROUP, Socket.IPV6_MTU_DISCOVER, Socket.IPV6_MTU, Socket.IPV6_RECVERR,
            26 /* IPV6_V6ONLY */, Socket.IPV6_MULTICAST_ALL, 42, 43, 44, 45, 46, 47, 48, Socket.IPV6_RECVPKTINFO, Socket.IPV6_PKTINFO,
            Socket.IPV6_RECVHOPLIMIT, Socket.IPV6_HOPLIMIT, Socket.IPV6_RECVPATHMTU, Socket.IPV6_PATHMTU, Socket.IPV6_DONTFRAG, Socket.IPV6_RECVTCLASS,
            Socket.IPV6_TCLASS, Socket.IPV6_AUTOFLOWLABEL, Socket.IPV6_ADDR_PREFERENCES, Socket.IPV6_MINHOPCOUNT, Socket.IPV6_RECVORIGDSTADDR,
            Socket.IPV6_UNICAST_IF, Socket.IPV6_RECVFRAGSIZE, Socket.IPV6_FREEBIND);
    private static final Set<Integer> TCP = Set.of(Socket.TCP_NODELAY, Socket.TCP_MAXSEG, Socket.TCP_CORK, Socket.TCP_KEEPIDLE, Socket.TCP_KEEPINTVL,
            Socket.TCP_KEEPCNT, Socket.TCP_SYNCNT, 8 /* TCP_LINGER2 */, Socket.TCP_DEFER_ACCEPT, Socket.TCP_WINDOW_CLAMP, Socket.TCP_INFO,
            Socket.TCP_QUICKACK, Socket.TCP_CONGESTION, Socket.TCP_THIN_LINEAR_TIMEOUTS, Socket.TCP_THIN_DUPACK, Socket.TCP_USER_TIMEOUT,
            Socket.TCP_FASTOPEN, Socket.TCP_TIMESTAMP, Socket.TCP_NOTSENT_LOWAT, Socket.TCP_CC_INFO, Socket.TCP_SAVE_SYN, Socket.TCP_SAVED_SYN,
            Socket.TCP_FASTOPEN_CONNECT, Socket.TCP_INQ, Socket.TCP_TX_DELAY);
    /** UDP_CORK, UDP_SEGMENT, UDP_GRO of udp.h. */
    private static final Set<Integer> UDP = Set.of(1, 103, 104);

    private PassedOptions() {}

    /** Whether the host answers for an option of a socket of that family and protocol. */
    static boolean has(int family, int protocol, int level, int name) {
        return switch (level) {
            case Socket.SOL_SOCKET -> SOCKET.contains(name);
            case Socket.SOL_IP -> IP.contains(name);
            case Socket.SOL_IPV6 -> family == Socket.AF_INET6 && IPV6.contains(name);
            case Socket.IPPROTO_TCP -> protocol == Socket.IPPROTO_TCP && TCP.contains(name);
            case Socket.IPPROTO_UDP -> protocol == Socket.IPPROTO_UDP && UDP.contains(name);
            default -> false;
        };
    }

    /** Whether a message may be sent with it; its payload is the option's value. */
    static boolean sends(SocketMessage.Control each) {
        return switch (each.level()) {
            case Socket.SOL_SOCKET -> each.type() == Socket.SO_TIMESTAMPING;
            case Socket.SOL_IP -> each.type() == Socket.IP_PKTINFO || each.type() == Socket.IP_TTL || each.type() == Socket.IP_TOS;
            case Socket.SOL_IPV6 -> each.type() == Socket.IPV6_PKTINFO || each.type() == Socket.IPV6_HOPLIMIT || each.type() == Socket.IPV6_TCLASS
                    || each.type() == Socket.IPV6_DONTFRAG;
            case Socket.IPPROTO_UDP -> each.type() == 103;
            default -> false;
        };
    }
}
