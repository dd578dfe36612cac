package dev.caisson.net.stack;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Errno.ENOPROTOOPT;
import static dev.caisson.abi.Layouts.U32;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Socket;
import dev.caisson.spi.net.SocketOptions;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/** Options of the level SOL_TCP, tcp(7). A connection within one machine needs none of them; they are checked and remembered. */
final class TcpOptions {
    private static final int TCP_LINGER2 = 8;
    private static final int TCP_REPAIR = 19;
    private static final int CLOSED = 7;
    private static final int LISTENING = 10;
    /** TCP_MAXSEG before there is a connection. */
    private static final int FIRST_MSS = 536;
    private static final int MOST_LINGER_SECONDS = 120;
    private static final int USUAL_LINGER_SECONDS = 60;
    private static final int LEAST_WINDOW = 1152;
    private static final int MOST_BACKLOG = 4096;
    private static final int MOST_WAIT_SECONDS = 120;
    private static final int INFO_BYTES = 232;
    private static final int MSS = 65483;
    private static final Map<Integer, Integer> USUAL = Map.ofEntries(Map.entry(Socket.TCP_NODELAY, 0), Map.entry(Socket.TCP_CORK, 0),
            Map.entry(Socket.TCP_MAXSEG, MSS), Map.entry(Socket.TCP_KEEPIDLE, 7200), Map.entry(Socket.TCP_KEEPINTVL, 75),
            Map.entry(Socket.TCP_KEEPCNT, 9), Map.entry(Socket.TCP_SYNCNT, 6), Map.entry(TCP_LINGER2, 60),
            Map.entry(Socket.TCP_DEFER_ACCEPT, 0), Map.entry(Socket.TCP_WINDOW_CLAMP, 0), Map.entry(Socket.TCP_QUICKACK, 1),
            Map.entry(Socket.TCP_USER_TIMEOUT, 0), Map.entry(Socket.TCP_FASTOPEN, 0), Map.entry(Socket.TCP_TIMESTAMP, 0),
            Map.entry(Socket.TCP_NOTSENT_LOWAT, 0), Map.entry(TCP_REPAIR, 0), Map.entry(Socket.TCP_SAVE_SYN, 0), Map.entry(Socket.TCP_FASTOPEN_CONNECT, 0),
            Map.entry(Socket.TCP_FASTOPEN_NO_COOKIE, 0), Map.entry(Socket.TCP_INQ, 0), Map.entry(Socket.TCP_TX_DELAY, 0),
            Map.entry(Socket.TCP_THIN_LINEAR_TIMEOUTS, 0), Map.entry(Socket.TCP_THIN_DUPACK, 0));

    private final Map<Integer, Integer> changed = new HashMap<>();
    private String congestion = "cubic";

    synchronized TcpOptions copy() {
        TcpOptions copy = new TcpOptions();
        copy.changed.putAll(changed);
        copy.congestion = congestion;
        return copy;
    }

    synchronized byte[] get(int name, int maxBytes, int state) throws ErrnoException {
        if (name == Socket.TCP_INFO) {
            return Arrays.copyOf(info(state), Math.min(maxBytes, INFO_BYTES));
        }
        if (name == Socket.TCP_CONGESTION) {
            return Arrays.copyOf(congestion.getBytes(StandardCharsets.ISO_8859_1), Math.min(maxBytes, 16));
        }
        if (name == Socket.TCP_ULP) {
            return new byte[0];
        }
        Integer usual = USUAL.get(name);
        if (usual == null) {
            throw ENOPROTOOPT.error();
        }
        if (name == Socket.TCP_MAXSEG) {
            boolean open = state != CLOSED && state != LISTENING;
            int wanted = changed.getOrDefault(name, 0);
            return SocketOptions.integer(open ? MSS : wanted != 0 ? wanted : FIRST_MSS);
        }
        return SocketOptions.integer(changed.getOrDefault(name, usual));
    }

    private static byte[] info(int state) {
        byte[] bytes = new byte[INFO_BYTES];
        MemorySegment info = MemorySegment.ofArray(bytes);
        bytes[0] = (byte) state;
        bytes[5] = 7; // TCPI_OPT_TIMESTAMPS, SACK, WSCALE
        bytes[6] = 0x77;
        info.set(U32, 8, 200_000); // tcpi_rto, µs
        info.set(U32, 12, 40_000); // tcpi_ato
        info.set(U32, 16, MSS); // tcpi_snd_mss
        info.set(U32, 20, MSS); // tcpi_rcv_mss
        info.set(U32, 60, 65535); // tcpi_pmtu
        info.set(U32, 64, 65483); // tcpi_rcv_ssthresh
        info.set(U32, 68, 20); // tcpi_rtt, µs
        info.set(U32, 72, 10); // tcpi_rttvar
        info.set(U32, 76, Integer.MAX_VALUE); // tcpi_snd_ssthresh
        info.set(U32, 80, 10); // tcpi_snd_cwnd
        info.set(U32, 84, MSS); // tcpi_advmss
        info.set(U32, 88, 3); // tcpi_reordering
        return bytes;
    }

    synchronized void set(int name, byte[] value) throws ErrnoException {
        if (name == Socket.TCP_CONGESTION) {
            String wanted = new String(value, StandardCharsets.ISO_8859_1);
            int end = wanted.indexOf(0);
            wanted = end < 0 ? wanted : wanted.substring(0, end);
            if (!wanted.equals("cubic") && !wanted.equals("reno")) {
                throw wanted.isEmpty() ? EINVAL.error() : ENOENT.error();
            }
            congestion = wanted;
            return;
        }
        if (name == Socket.TCP_ULP) {
            throw ENOENT.error();
        }
        if (!USUAL.containsKey(name) || name == TCP_REPAIR) {
            throw ENOPROTOOPT.error();
        }
        int number = SocketOptions.integer(value);
        boolean bad = switch (name) {
            case Socket.TCP_MAXSEG -> number != 0 && (number < 88 || number > 32767);
            case Socket.TCP_KEEPIDLE, Socket.TCP_KEEPINTVL -> number < 1 || number > 32767;
            case Socket.TCP_KEEPCNT, Socket.TCP_SYNCNT -> number < 1 || number > 127;
            case Socket.TCP_USER_TIMEOUT, Socket.TCP_FASTOPEN -> number < 0;
            case Socket.TCP_FASTOPEN_CONNECT, Socket.TCP_FASTOPEN_NO_COOKIE, Socket.TCP_INQ -> number < 0 || number > 1;
            case Socket.TCP_SAVE_SYN -> number < 0 || number > 2;
            case Socket.TCP_THIN_DUPACK, Socket.TCP_THIN_LINEAR_TIMEOUTS -> number < 0 || number > 1;
            default -> false;
        };
        if (bad) {
            throw EINVAL.error();
        }
        changed.put(name, switch (name) {
            case Socket.TCP_NODELAY, Socket.TCP_CORK, Socket.TCP_QUICKACK -> number != 0 ? 1 : 0;
            case Socket.TCP_THIN_DUPACK -> 0;
            case Socket.TCP_FASTOPEN -> Math.min(number, MOST_BACKLOG);
            case Socket.TCP_WINDOW_CLAMP -> number == 0 ? 0 : Math.max(number, LEAST_WINDOW);
            case Socket.TCP_DEFER_ACCEPT -> retransmissionSeconds(number);
            case TCP_LINGER2 -> number < 0 ? -1 : number == 0 ? USUAL_LINGER_SECONDS : Math.min(number, MOST_LINGER_SECONDS);
            default -> number;
        });
    }

    /** The time of as many retransmissions as take at least so long: Linux counts those, after 1, 2, 4 and so on seconds. */
    private static int retransmissionSeconds(int wanted) {
        if (wanted <= 0) {
            return 0;
        }
        int wait = 1;
        int sum = wait;
        for (int count = 1; sum < wanted && count < 255; count++) {
            wait = Math.min(2 * wait, MOST_WAIT_SECONDS);
            sum += wait;
        }
        return sum;
    }
}
