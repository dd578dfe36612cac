package dev.caisson.fs.proc;

import dev.caisson.abi.Socket;
import dev.caisson.kernel.Kernel;
import dev.caisson.kernel.net.KernelNetwork;
import dev.caisson.spi.net.NetworkInterface;
import dev.caisson.spi.net.NetworkStack;
import dev.caisson.spi.net.Route;
import dev.caisson.spi.net.SocketStatus;
import dev.caisson.vfs.pseudo.PseudoDirectory;
import java.util.HexFormat;
import java.util.List;

/** /proc/net: interfaces, routes and sockets of the network stack, in the columns of net/ipv4 and net/core. */
final class ProcNet {
    private static final int ESTABLISHED = 1;
    private static final int CLOSED = 7;

    private final Kernel kernel;

    ProcNet(Kernel kernel) {
        this.kernel = kernel;
    }

    PseudoDirectory addTo(PseudoDirectory directory) {
        directory.file("dev", this::devices);
        directory.file("route", this::routes);
        directory.file("if_inet6", this::addresses6);
        directory.file("tcp", () -> sockets(Socket.AF_INET, Socket.IPPROTO_TCP));
        directory.file("tcp6", () -> sockets(Socket.AF_INET6, Socket.IPPROTO_TCP));
        directory.file("udp", () -> sockets(Socket.AF_INET, Socket.IPPROTO_UDP));
        directory.file("udp6", () -> sockets(Socket.AF_INET6, Socket.IPPROTO_UDP));
        directory.file("raw", () -> sockets(Socket.AF_INET, Socket.IPPROTO_RAW));
        directory.file("raw6", () -> sockets(Socket.AF_INET6, Socket.IPPROTO_RAW));
        directory.file("udplite", () -> sockets(Socket.AF_INET, Socket.IPPROTO_UDPLITE));
        directory.file("udplite6", () -> sockets(Socket.AF_INET6, Socket.IPPROTO_UDPLITE));
        directory.file("sockstat", this::socketCounts);
        directory.file("sockstat6", this::socketCounts6);
        directory.file("snmp", this::counters);
        directory.file("netstat", () -> ProtocolCounters.EXTENSIONS);
        directory.file("snmp6", () -> "");
        directory.file("igmp", () -> "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n");
        directory.file("dev_mcast", () -> "");
        directory.file("ipv6_route", this::routes6);
        directory.file("unix", () -> UnixText.all(kernel));
        directory.file("arp", () -> "IP address       HW type     Flags       HW address            Mask     Device\n");
        directory.file("packet", () -> "sk       RefCnt Type Proto  Iface R Rmem   User   Inode\n");
        directory.file("protocols", () -> "protocol  size sockets  memory press maxhdr  slab module     cl co di ac io in de sh ss gs se re sp bi br ha uh gp em\n");
        return directory;
    }

    private long count(int family, int protocol) {
        return open().stream().filter(each -> each.family() == family && each.protocol() == protocol && (protocol != Socket.IPPROTO_TCP || each.state() != CLOSED))
                .count();
    }

    private String socketCounts() {
        return "sockets: used " + open().size() + "\nTCP: inuse " + count(Socket.AF_INET, Socket.IPPROTO_TCP) + " orphan 0 tw 0 alloc "
                + (count(Socket.AF_INET, Socket.IPPROTO_TCP) + count(Socket.AF_INET6, Socket.IPPROTO_TCP)) + " mem 0\nUDP: inuse "
                + count(Socket.AF_INET, Socket.IPPROTO_UDP) + " mem 0\nUDPLITE: inuse " + count(Socket.AF_INET, Socket.IPPROTO_UDPLITE)
                + "\nRAW: inuse " + count(Socket.AF_INET, Socket.IPPROTO_RAW) + "\nFRAG: inuse 0 memory 0\n";
    }

    private String socketCounts6() {
        return "TCP6: inuse " + count(Socket.AF_INET6, Socket.IPPROTO_TCP) + "\nUDP6: inuse " + count(Socket.AF_INET6, Socket.IPPROTO_UDP)
                + "\nUDPLITE6: inuse " + count(Socket.AF_INET6, Socket.IPPROTO_UDPLITE) + "\nRAW6: inuse "
                + count(Socket.AF_INET6, Socket.IPPROTO_RAW) + "\nFRAG6: inuse 0 memory 0\n";
    }

    private String counters() {
        long established = open().stream().filter(each -> each.protocol() == Socket.IPPROTO_TCP && each.state() == ESTABLISHED).count();
        return ProtocolCounters.basic(established);
    }

    private String routes6() {
        StringBuilder text = new StringBuilder();
        for (Route route : routing()) {
            if (route.destination().length == 16) {
                text.append(String.format("%s %02x %032x 00 %s %08x 00000001 00000000 %08x %8s\n", hex(route.destination()), route.prefixBits(), 0,
                        route.gateway() == null ? "0".repeat(32) : hex(route.gateway()), route.metric(), route.table() == 255 ? 0x80200001 : 1,
                        nameOf(route.interfaceIndex())));
            }
        }
        return text.toString();
    }

    private static String hex(byte[] bytes) {
        return HexFormat.of().formatHex(bytes);
    }

    private List<Route> routing() {
        NetworkStack stack = KernelNetwork.of(kernel).stack();
        return stack == null ? List.of() : stack.routes();
    }

    private List<SocketStatus> open() {
        NetworkStack stack = KernelNetwork.of(kernel).stack();
        return stack == null ? List.of() : stack.sockets();
    }

    private String devices() {
        StringBuilder text = new StringBuilder(500);
        text.append("Inter-|   Receive                                                |  Transmit\n");
        text.append(" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n");
        for (NetworkInterface each : KernelNetwork.of(kernel).interfaces()) {
            text.append(String.format("%6s: %7d %7d %4d %4d %4d %5d %10d %9d %8d %7d %4d %4d %4d %5d %7d %10d\n", each.name(), 0, 0, 0, 0, 0, 0, 0, 0,
                    0, 0, 0, 0, 0, 0, 0, 0));
        }
        return text.toString();
    }

    private String routes() {
        StringBuilder text = new StringBuilder("Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n");
        for (Route route : routing()) {
            if (route.destination().length == 4 && route.table() == 254) {
                int mask = route.prefixBits() == 0 ? 0 : -1 << (32 - route.prefixBits());
                text.append(String.format("%s\t%s\t%s\t%04X\t0\t0\t%d\t%08X\t0\t0\t0\n", nameOf(route.interfaceIndex()), word(route.destination(), 0),
                        route.gateway() == null ? "00000000" : word(route.gateway(), 0), route.gateway() == null ? 1 : 3, route.metric(),
                        Integer.reverseBytes(mask)));
            }
        }
        return text.toString();
    }

    private String nameOf(int index) {
        for (NetworkInterface each : KernelNetwork.of(kernel).interfaces()) {
            if (each.index() == index) {
                return each.name();
            }
        }
        return "*";
    }

    private String addresses6() {
        StringBuilder text = new StringBuilder();
        for (NetworkInterface each : KernelNetwork.of(kernel).interfaces()) {
            for (NetworkInterface.Address address : each.addresses()) {
                if (address.bytes().length == 16) {
                    text.append(hex(address.bytes())).append(String.format(" %02x %02x %02x %02x %8s\n", each.index(), address.prefixBits(), address.scope() == 254 ? 0x10 : 0x20,
                            0x80, each.name()));
                }
            }
        }
        return text.toString();
    }

    private String sockets(int family, int protocol) {
        StringBuilder text = new StringBuilder(
                "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n");
        int slot = 0;
        for (SocketStatus socket : open()) {
            if (socket.family() == family && socket.protocol() == protocol) {
                text.append(String.format("%4d: %s %s %02X %08X:%08X 00:00000000 00000000 %5d        0 %d 1 0000000000000000\n", slot++,
                        endpoint(socket.local()), endpoint(socket.remote()), socket.state(), socket.sendQueueBytes(), socket.receiveQueueBytes(),
                        socket.uid(), socket.inode()));
            }
        }
        return text.toString();
    }

    /** A sockaddr_in or sockaddr_in6 as address words of the machine and a port. */
    private static String endpoint(byte[] address) {
        int port = (address[2] & 0xff) << 8 | address[3] & 0xff;
        StringBuilder text = new StringBuilder();
        boolean six = address.length >= 28;
        for (int at = six ? 8 : 4; at < (six ? 24 : 8); at += 4) {
            text.append(word(address, at));
        }
        return text.append(String.format(":%04X", port)).toString();
    }

    private static String word(byte[] bytes, int at) {
        return String.format("%02X%02X%02X%02X", bytes[at + 3] & 0xff, bytes[at + 2] & 0xff, bytes[at + 1] & 0xff, bytes[at] & 0xff);
    }
}
