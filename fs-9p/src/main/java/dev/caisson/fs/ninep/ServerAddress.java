package dev.caisson.fs.ninep;

import static dev.caisson.abi.Errno.EINVAL;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.host.HostSocket;
import java.net.InetAddress;
import java.net.UnknownHostException;

/** Where a server is: {@code unix:PATH}, {@code tcp:HOST:PORT} (a host of colons in brackets), or {@code fd:NUMBER}, once. */
final class ServerAddress implements Connector {
    /** A server that accepts nobody is no server. */
    private static final long CONNECT_MS = 10_000;

    private final String text;
    private final String path;
    private final String host;
    private final int number;

    private ServerAddress(String text, String path, String host, int number) {
        this.text = text;
        this.path = path;
        this.host = host;
        this.number = number;
    }

    /**
     * Reads an address.
     *
     * @param text as configured
     * @return the address
     * @throws ErrnoException EINVAL
     */
    static ServerAddress of(String text) throws ErrnoException {
        if (text.startsWith("unix:") && text.length() > 5) {
            return new ServerAddress(text, text.substring(5), null, -1);
        }
        if (text.startsWith("fd:")) {
            return new ServerAddress(text, null, null, number(text.substring(3), Integer.MAX_VALUE));
        }
        int colon = text.lastIndexOf(':');
        if (text.startsWith("tcp:") && colon > 4) {
            String name = text.substring(4, colon);
            if (name.startsWith("[") && name.endsWith("]")) {
                name = name.substring(1, name.length() - 1);
            }
            return new ServerAddress(text, null, name, number(text.substring(colon + 1), 65535));
        }
        throw EINVAL.error("a 9P server is unix:PATH, tcp:HOST:PORT or fd:NUMBER");
    }

    private static int number(String digits, int most) throws ErrnoException {
        try {
            int value = Integer.parseInt(digits);
            if (value >= 0 && value <= most) {
                return value;
            }
        } catch (NumberFormatException e) {
            // Told below.
        }
        throw EINVAL.error("no number of a port or descriptor");
    }

    @Override
    public boolean isLasting() {
        return path != null || host != null;
    }

    @Override
    public int connect() throws ErrnoException {
        if (path != null) {
            return (int) Errno.check(HostSocket.connectUnix(path, CONNECT_MS));
        }
        if (host == null) {
            return number;
        }
        InetAddress[] addresses;
        try {
            addresses = InetAddress.getAllByName(host);
        } catch (UnknownHostException e) {
            throw Errno.EHOSTUNREACH.error("unknown host of a 9P server");
        }
        long result = -Errno.EHOSTUNREACH.number();
        for (InetAddress address : addresses) {
            result = HostSocket.connectTcp(address.getAddress(), number, CONNECT_MS);
            if (result >= 0) {
                return (int) result;
            }
        }
        return (int) Errno.check(result);
    }

    @Override
    public String toString() {
        return text;
    }
}
