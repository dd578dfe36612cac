package dev.caisson.kernel.unix;

/**
 * A local socket as /proc/net/unix lists it.
 *
 * @param type {@code SOCK_*}
 * @param isListening whether it accepts connections
 * @param isConnected whether it has a peer
 * @param inode the number that {@code socket:[...]} shows; 0 for a connection that nobody has accepted yet
 * @param address {@code struct sockaddr_un}, a bare family without a name; not to be written to
 */
public record UnixStatus(int type, boolean isListening, boolean isConnected, long inode, byte[] address) {}
