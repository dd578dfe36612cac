package dev.caisson.net.host;

import static dev.caisson.abi.Layouts.U16;
import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Layouts.U8;

import dev.caisson.abi.Errno;
import dev.caisson.abi.Poll;
import dev.caisson.abi.Socket;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostInet;
import dev.caisson.host.HostReady;
import dev.caisson.spi.net.NetworkInterface;
import dev.caisson.spi.net.Route;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Interfaces, addresses and routes of the host's network namespace, by rtnetlink(7).
 * <pre>
 *  struct nlmsghdr (16 bytes)    struct ifinfomsg (16)     struct ifaddrmsg (8)    struct rtmsg (12)
 *  off size field                off size field            off size field          off size field
 *    0    4 length                 0    1 family             0    1 family           0    1 family
 *    4    2 type                   2    2 hardware type      1    1 prefix bits      1    1 bits of the destination
 *    6    2 flags                  4    4 index              3    1 scope            4    1 table
 *    8    4 sequence               8    4 flags              4    4 index            6    1 scope
 *   12    4 port                                                                     7    1 type
 * </pre>
 */
final class RouteDump {
    private static final int RTM_NEWLINK = 16, RTM_GETLINK = 18, RTM_NEWADDR = 20, RTM_GETADDR = 22, RTM_NEWROUTE = 24, RTM_GETROUTE = 26;
    private static final int NLMSG_ERROR = 2, NLMSG_DONE = 3, NLM_F_REQUEST = 1, NLM_F_DUMP = 0x300;
    private static final int HEADER_BYTES = 16, LINK_BYTES = 16, ADDRESS_BYTES = 8, ROUTE_BYTES = 12, ATTRIBUTE_BYTES = 4;
    private static final int IFLA_ADDRESS = 1, IFLA_IFNAME = 3, IFLA_MTU = 4;
    private static final int IFA_ADDRESS = 1, IFA_LOCAL = 2;
    private static final int RTA_DST = 1, RTA_OIF = 4, RTA_GATEWAY = 5, RTA_PRIORITY = 6, RTA_TABLE = 15;
    /** rtnetlink(7) has at most so many in one message that are looked at here. */
    private static final int MOST_ATTRIBUTES = 64;
    private static final int BUFFER_BYTES = 64 << 10;

    private RouteDump() {}

    /** Takes one message: its type, its bytes behind the header, and attributes by number. */
    @FunctionalInterface
    private interface Target {
        void take(int type, MemorySegment body, byte[][] attributes);
    }

    /** {@return the interfaces by rising index; none when the host does not tell} */
    static List<NetworkInterface> interfaces() {
        Map<Integer, List<NetworkInterface.Address>> addresses = new TreeMap<>();
        dump(RTM_GETADDR, ADDRESS_BYTES, (type, body, attributes) -> {
            byte[] address = attributes[IFA_LOCAL] != null ? attributes[IFA_LOCAL] : attributes[IFA_ADDRESS];
            if (type == RTM_NEWADDR && address != null) {
                addresses.computeIfAbsent(body.get(U32, 4), index -> new ArrayList<>())
                        .add(new NetworkInterface.Address(address, body.get(U8, 1) & 0xff, body.get(U8, 3) & 0xff));
            }
        });
        Map<Integer, NetworkInterface> found = new TreeMap<>();
        dump(RTM_GETLINK, LINK_BYTES, (type, body, attributes) -> {
            if (type == RTM_NEWLINK && attributes[IFLA_IFNAME] != null) {
                int index = body.get(U32, 4);
                byte[] hardware = attributes[IFLA_ADDRESS] == null ? new byte[0] : attributes[IFLA_ADDRESS];
                found.put(index, new NetworkInterface(index, text(attributes[IFLA_IFNAME]), body.get(U32, 8), number(attributes[IFLA_MTU], 0),
                        body.get(U16, 2) & 0xffff, hardware, addresses.getOrDefault(index, List.of())));
            }
        });
        return List.copyOf(found.values());
    }

    /** {@return the routes, as the host lists them} */
    static List<Route> routes() {
        List<Route> routes = new ArrayList<>();
        dump(RTM_GETROUTE, ROUTE_BYTES, (type, body, attributes) -> {
            int family = body.get(U8, 0);
            if (type != RTM_NEWROUTE || family != Socket.AF_INET && family != Socket.AF_INET6) {
                return;
            }
            byte[] destination = attributes[RTA_DST] != null ? attributes[RTA_DST] : new byte[family == Socket.AF_INET ? 4 : 16];
            routes.add(new Route(destination, body.get(U8, 1) & 0xff, attributes[RTA_GATEWAY], number(attributes[RTA_OIF], 0),
                    number(attributes[RTA_TABLE], body.get(U8, 4) & 0xff), body.get(U8, 6) & 0xff, body.get(U8, 7) & 0xff,
                    number(attributes[RTA_PRIORITY], 0)));
        });
        return List.copyOf(routes);
    }

    private static String text(byte[] bytes) {
        String text = new String(bytes, StandardCharsets.ISO_8859_1);
        int end = text.indexOf('\0');
        return end < 0 ? text : text.substring(0, end);
    }

    private static int number(byte[] bytes, int otherwise) {
        return bytes == null || bytes.length < Integer.BYTES ? otherwise : MemorySegment.ofArray(bytes).get(U32, 0);
    }

    private static void dump(int request, int bodyBytes, Target target) {
        long fd = HostInet.socket(Socket.AF_NETLINK, Socket.SOCK_RAW, 0);
        if (fd < 0) {
            HostNetwork.LOG.warn("the host does not tell its interfaces: {}", Errno.of(-fd).text());
            return;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(BUFFER_BYTES, 8);
            int length = HEADER_BYTES + bodyBytes; // all zero behind the header: everything
            buffer.set(U32, 0, length);
            buffer.set(U16, 4, (short) request);
            buffer.set(U16, 6, (short) (NLM_F_REQUEST | NLM_F_DUMP));
            long sent = HostInet.send((int) fd, buffer.address(), length, 0);
            while (sent >= 0) {
                long count = HostInet.receive((int) fd, buffer.address(), BUFFER_BYTES, 0);
                if (count == -Errno.EAGAIN.number() && HostReady.poll((int) fd, Poll.POLLIN) == 0) {
                    return; // a dump is answered at once: this is all there is
                }
                if (count < 0 && count != -Errno.EINTR.number() && count != -Errno.EAGAIN.number() || count >= 0 && !parse(buffer.asSlice(0, count), bodyBytes, target)) {
                    return;
                }
            }
        } finally {
            HostFile.close((int) fd);
        }
    }

    /** Gives whether more is to come. */
    private static boolean parse(MemorySegment messages, int bodyBytes, Target target) {
        long at = 0;
        while (messages.byteSize() - at >= HEADER_BYTES) {
            long length = messages.get(U32, at) & 0xffff_ffffL;
            int type = messages.get(U16, at + 4) & 0xffff;
            if (type == NLMSG_DONE || type == NLMSG_ERROR || length < HEADER_BYTES || length > messages.byteSize() - at) {
                return false;
            }
            if (length >= HEADER_BYTES + bodyBytes) {
                MemorySegment body = messages.asSlice(at + HEADER_BYTES, length - HEADER_BYTES);
                target.take(type, body, attributes(body, bodyBytes));
            }
            at += length + 3 & ~3L;
        }
        return true;
    }

    private static byte[][] attributes(MemorySegment body, int from) {
        byte[][] found = new byte[MOST_ATTRIBUTES][];
        long at = from + 3 & ~3;
        while (body.byteSize() - at >= ATTRIBUTE_BYTES) {
            int length = body.get(U16, at) & 0xffff;
            int type = body.get(U16, at + 2) & 0x3fff;
            if (length < ATTRIBUTE_BYTES || length > body.byteSize() - at) {
                break;
            }
            if (type < MOST_ATTRIBUTES) {
                found[type] = body.asSlice(at + ATTRIBUTE_BYTES, length - ATTRIBUTE_BYTES).toArray(ValueLayout.JAVA_BYTE);
            }
            at += length + 3 & ~3;
        }
        return found;
    }
}
