package dev.caisson.kernel.net;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Layouts.U8;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Socket;
import dev.caisson.spi.net.SocketStatus;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Lists of internet sockets for sock_diag(7), which ss(8) asks for.
 * <pre>
 *  struct inet_diag_req_v2 (56)          struct inet_diag_msg (72)
 *  off size field                        off size field
 *    0    1 sdiag_family                   0    1 idiag_family
 *    1    1 sdiag_protocol                 1    1 idiag_state
 *    2    1 idiag_ext                      2    2 idiag_timer, idiag_retrans
 *    4    4 idiag_states, a bit each       4   48 id: ports (2 + 2, big-endian), addresses (16 + 16), interface (4), cookie (8)
 *    8   48 id                            52   20 expires, rqueue, wqueue, uid, inode (4 each)
 * </pre>
 * Source: include/uapi/linux/inet_diag.h. Other families are ENOENT, as on a kernel without their modules: programs read /proc/net then.
 */
final class DiagAnswers {
    static final int SOCK_DIAG_BY_FAMILY = 20;
    private static final int NLM_F_MULTI = 2;
    private static final int REQUEST_BYTES = 56;
    private static final int FAMILIES = 46;
    /** Descriptions in one datagram: some 4 KiB. */
    private static final int SOCKETS_TOGETHER = 45;

    private DiagAnswers() {}

    /**
     * The sockets that a request asks for.
     *
     * @param request a whole message with its header
     * @param sockets all sockets there are
     * @param sequence number of the request
     * @param port of the asker
     * @return messages, each for one datagram
     * @throws ErrnoException EINVAL for a short request or no family, ENOENT for a family that cannot be asked about
     */
    static List<NetlinkWriter> dump(MemorySegment request, List<SocketStatus> sockets, int sequence, int port) throws ErrnoException {
        long at = NetlinkWriter.HEADER_BYTES;
        if (request.byteSize() < at + 2) {
            throw EINVAL.error();
        }
        int family = request.get(U8, at) & 0xff;
        int protocol = request.get(U8, at + 1) & 0xff;
        if (family >= FAMILIES) {
            throw EINVAL.error();
        }
        if (family != Socket.AF_INET && family != Socket.AF_INET6 || !isListed(protocol)) {
            throw ENOENT.error();
        }
        if (request.byteSize() < at + REQUEST_BYTES) {
            throw EINVAL.error();
        }
        int states = request.get(U32, at + 4);
        List<NetlinkWriter> all = new ArrayList<>();
        int count = 0;
        for (SocketStatus each : sockets) {
            if (each.family() == family && each.protocol() == protocol && (states & 1 << each.state()) != 0) {
                if (count++ % SOCKETS_TOGETHER == 0) {
                    all.add(new NetlinkWriter());
                }
                describe(all.getLast(), each, sequence, port);
            }
        }
        return all;
    }

    private static boolean isListed(int protocol) {
        return protocol == Socket.IPPROTO_TCP || protocol == Socket.IPPROTO_UDP || protocol == Socket.IPPROTO_UDPLITE || protocol == Socket.IPPROTO_RAW;
    }

    private static void describe(NetlinkWriter writer, SocketStatus socket, int sequence, int port) {
        writer.begin(SOCK_DIAG_BY_FAMILY, NLM_F_MULTI, sequence, port)
                .u8(socket.family()).u8(socket.state()).u16(0)
                .raw(Arrays.copyOfRange(socket.local(), 2, 4)).raw(Arrays.copyOfRange(socket.remote(), 2, 4))
                .raw(address(socket, socket.local())).raw(address(socket, socket.remote()))
                .u32(0).u32((int) socket.inode()).u32(0)
                .u32(0).u32((int) socket.receiveQueueBytes()).u32((int) socket.sendQueueBytes()).u32(socket.uid()).u32((int) socket.inode())
                .end();
    }

    /** The address of a sockaddr in 16 bytes; one of IPv4 is in the first four. */
    private static byte[] address(SocketStatus socket, byte[] sockaddr) {
        return socket.family() == Socket.AF_INET ? Arrays.copyOf(Arrays.copyOfRange(sockaddr, 4, 8), 16) : Arrays.copyOfRange(sockaddr, 8, 24);
    }
}
