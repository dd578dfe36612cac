package dev.caisson.spi.net;

/**
 * A socket as /proc/net/tcp, udp and their IPv6 siblings list it.
 *
 * @param family {@code AF_INET} or {@code AF_INET6}
 * @param protocol {@code IPPROTO_*}
 * @param local {@code struct sockaddr_in} or {@code sockaddr_in6} bytes
 * @param remote the same of the peer; zero address and port when there is none
 * @param state {@code TCP_*} state number: 1 established ... 10 listen; 7 (close) for unconnected datagram sockets
 * @param sendQueueBytes bytes not taken by the peer yet
 * @param receiveQueueBytes bytes to be read, or for a listener the connections to be accepted
 * @param uid owner
 * @param inode the number that {@code socket:[...]} shows
 */
public record SocketStatus(int family, int protocol, byte[] local, byte[] remote, int state, long sendQueueBytes, long receiveQueueBytes,
        int uid, long inode) {}
