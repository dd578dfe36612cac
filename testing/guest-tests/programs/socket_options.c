/* Socket options: values before and after setting each, with right and wrong numbers and lengths; groups; names; control data. */
#include "result.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#ifndef SO_TXREHASH
#define SO_TXREHASH 74
#endif

struct option {
    int level, name;
    const char *text;
};

#define OPTION(level, name) {level, name, #name}

static const struct option generic[] = {
    OPTION(SOL_SOCKET, SO_REUSEADDR), OPTION(SOL_SOCKET, SO_KEEPALIVE), OPTION(SOL_SOCKET, SO_OOBINLINE), OPTION(SOL_SOCKET, SO_NO_CHECK),
    OPTION(SOL_SOCKET, SO_BROADCAST), OPTION(SOL_SOCKET, SO_DONTROUTE), OPTION(SOL_SOCKET, SO_TIMESTAMP),
    OPTION(SOL_SOCKET, SO_TIMESTAMPNS), OPTION(SOL_SOCKET, SO_SELECT_ERR_QUEUE), OPTION(SOL_SOCKET, SO_RXQ_OVFL),
    OPTION(SOL_SOCKET, SO_BUF_LOCK), OPTION(SOL_SOCKET, SO_SNDLOWAT), OPTION(SOL_SOCKET, SO_TYPE), OPTION(SOL_SOCKET, SO_ACCEPTCONN),
    OPTION(SOL_SOCKET, SO_BSDCOMPAT), OPTION(SOL_SOCKET, SO_BINDTOIFINDEX), OPTION(SOL_SOCKET, SO_INCOMING_NAPI_ID), OPTION(77, 1),
};

static const struct option internet[] = {
    OPTION(IPPROTO_IP, IP_TOS), OPTION(IPPROTO_IP, IP_TTL), OPTION(IPPROTO_IP, IP_HDRINCL), OPTION(IPPROTO_IP, IP_PKTINFO),
    OPTION(IPPROTO_IP, IP_RECVTTL), OPTION(IPPROTO_IP, IP_RECVTOS), OPTION(IPPROTO_IP, IP_RECVERR), OPTION(IPPROTO_IP, IP_FREEBIND),
    OPTION(IPPROTO_IP, IP_MTU), OPTION(IPPROTO_IP, IP_MTU_DISCOVER), OPTION(IPPROTO_IP, IP_MULTICAST_TTL),
    OPTION(IPPROTO_IP, IP_MULTICAST_LOOP), OPTION(IPPROTO_IP, IP_MULTICAST_ALL), OPTION(IPPROTO_IP, IP_UNICAST_IF),
    OPTION(IPPROTO_IP, IP_MINTTL), OPTION(IPPROTO_IP, IP_NODEFRAG), OPTION(IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT),
};

static const struct option internet6[] = {
    OPTION(IPPROTO_IPV6, IPV6_V6ONLY), OPTION(IPPROTO_IPV6, IPV6_UNICAST_HOPS), OPTION(IPPROTO_IPV6, IPV6_MULTICAST_HOPS),
    OPTION(IPPROTO_IPV6, IPV6_MULTICAST_LOOP), OPTION(IPPROTO_IPV6, IPV6_TCLASS), OPTION(IPPROTO_IPV6, IPV6_RECVPKTINFO),
    OPTION(IPPROTO_IPV6, IPV6_RECVTCLASS), OPTION(IPPROTO_IPV6, IPV6_RECVHOPLIMIT), OPTION(IPPROTO_IPV6, IPV6_DONTFRAG),
    OPTION(IPPROTO_IPV6, IPV6_MTU), OPTION(IPPROTO_IPV6, IPV6_MTU_DISCOVER), OPTION(IPPROTO_IPV6, IPV6_2292PKTINFO),
};

static const struct option transmission[] = {
    OPTION(IPPROTO_TCP, TCP_NODELAY), OPTION(IPPROTO_TCP, TCP_MAXSEG), OPTION(IPPROTO_TCP, TCP_CORK), OPTION(IPPROTO_TCP, TCP_KEEPIDLE),
    OPTION(IPPROTO_TCP, TCP_KEEPINTVL), OPTION(IPPROTO_TCP, TCP_KEEPCNT), OPTION(IPPROTO_TCP, TCP_SYNCNT),
    OPTION(IPPROTO_TCP, TCP_LINGER2), OPTION(IPPROTO_TCP, TCP_DEFER_ACCEPT), OPTION(IPPROTO_TCP, TCP_WINDOW_CLAMP),
    OPTION(IPPROTO_TCP, TCP_QUICKACK), OPTION(IPPROTO_TCP, TCP_USER_TIMEOUT), OPTION(IPPROTO_TCP, TCP_NOTSENT_LOWAT),
    OPTION(IPPROTO_TCP, TCP_SAVE_SYN), OPTION(IPPROTO_TCP, TCP_THIN_DUPACK), OPTION(IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS),
    OPTION(IPPROTO_TCP, TCP_FASTOPEN_CONNECT),
};

static void show(int fd, const struct option *option, socklen_t room) {
    int value[64];
    memset(value, 0, sizeof value);
    if (getsockopt(fd, option->level, option->name, value, &room) != 0) printf(" %s", strerrorname_np(errno));
    else printf(" %d/%d", value[0], room);
}

static void try(const char *what, int fd, const struct option *options, size_t count) {
    static const int numbers[] = {-2, -1, 0, 1, 2, 3, 64, 127, 255, 256, 32767, 70000};
    for (size_t i = 0; i < count; i++) {
        const struct option *option = &options[i];
        printf("%s %s:", what, option->text);
        show(fd, option, sizeof(int) * 64);
        show(fd, option, 1);
        for (size_t j = 0; j < sizeof numbers / sizeof *numbers; j++) {
            int result = setsockopt(fd, option->level, option->name, &numbers[j], sizeof(int));
            printf(", %d %s", numbers[j], result != 0 ? strerrorname_np(errno) : "");
            show(fd, option, sizeof(int));
        }
        puts("");
    }
}

#define TRY(what, fd, options) try(what, fd, options, sizeof options / sizeof *options)

static void groups(int udp, int udp6, int tcp) {
    struct ip_mreqn group = {.imr_multiaddr.s_addr = htonl(0xe0000101), .imr_ifindex = 1};
    struct ipv6_mreq group6 = {.ipv6mr_interface = 1};
    inet_pton(AF_INET6, "ff02::1234", &group6.ipv6mr_multiaddr);
    RESULT(setsockopt(udp, 0, IP_ADD_MEMBERSHIP, &group, sizeof group));
    RESULT(setsockopt(udp, 0, IP_ADD_MEMBERSHIP, &group, sizeof group));
    RESULT(setsockopt(udp, 0, IP_DROP_MEMBERSHIP, &group, sizeof group));
    RESULT(setsockopt(udp, 0, IP_DROP_MEMBERSHIP, &group, sizeof group));
    RESULT(setsockopt(udp, 0, IP_ADD_MEMBERSHIP, &group, 4));
    RESULT(setsockopt(tcp, 0, IP_ADD_MEMBERSHIP, &group, sizeof group));
    group.imr_ifindex = 99;
    RESULT(setsockopt(udp, 0, IP_ADD_MEMBERSHIP, &group, sizeof group));
    group.imr_multiaddr.s_addr = htonl(0x01020304);
    RESULT(setsockopt(udp, 0, IP_ADD_MEMBERSHIP, &group, sizeof group));
    RESULT(setsockopt(udp6, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &group6, sizeof group6));
    RESULT(setsockopt(udp6, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &group6, sizeof group6));
    RESULT(setsockopt(udp6, IPPROTO_IPV6, IPV6_DROP_MEMBERSHIP, &group6, sizeof group6));
    RESULT(setsockopt(udp6, IPPROTO_IPV6, IPV6_DROP_MEMBERSHIP, &group6, sizeof group6));
}

static struct sockaddr_in at(const char *address, int port) {
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, address, &name.sin_addr);
    return name;
}

static void name_of(int fd) {
    struct sockaddr_in name;
    socklen_t bytes = sizeof name;
    getsockname(fd, (struct sockaddr *) &name, &bytes);
    SHOW("%s port %d", inet_ntoa(name.sin_addr), name.sin_port != 0);
}

/* Names that come and go, families in sendto, and what a datagram tells of its way. */
static void datagrams(void) {
    int receiver = socket(AF_INET, SOCK_DGRAM, 0), sender = socket(AF_INET, SOCK_DGRAM, 0), sender6 = socket(AF_INET6, SOCK_DGRAM, 0);
    struct sockaddr_in name = at("127.0.0.1", 0);
    struct sockaddr none = {AF_UNSPEC};
    socklen_t bytes = sizeof name;
    int on = 1, ttl = 33, tos = 0x10;
    char data[16], control[256];
    bind(receiver, (struct sockaddr *) &name, sizeof name);
    getsockname(receiver, (struct sockaddr *) &name, &bytes);
    RESULT(connect(sender, (struct sockaddr *) &name, sizeof name));
    name_of(sender);
    RESULT(connect(sender, &none, sizeof none));
    name_of(sender);
    name.sin_family = AF_UNSPEC;
    RESULT(sendto(sender, "a", 1, 0, (struct sockaddr *) &name, sizeof name));
    name.sin_family = AF_INET;
    RESULT(sendto(sender6, "b", 1, 0, (struct sockaddr *) &name, sizeof name));
    RESULT(recv(receiver, data, sizeof data, 0));
    RESULT(recv(receiver, data, sizeof data, MSG_DONTWAIT));
    setsockopt(receiver, IPPROTO_IP, IP_RECVTTL, &on, sizeof on);
    setsockopt(receiver, IPPROTO_IP, IP_RECVTOS, &on, sizeof on);
    setsockopt(sender, IPPROTO_IP, IP_TTL, &ttl, sizeof ttl);
    setsockopt(sender, IPPROTO_IP, IP_TOS, &tos, sizeof tos);
    RESULT(sendto(sender, "c", 1, 0, (struct sockaddr *) &name, sizeof name));
    struct iovec part = {data, sizeof data};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    RESULT(recvmsg(receiver, &message, 0));
    for (struct cmsghdr *each = CMSG_FIRSTHDR(&message); each != NULL; each = CMSG_NXTHDR(&message, each)) {
        SHOW("level %d type %d length %zu: %d", each->cmsg_level, each->cmsg_type, each->cmsg_len, *CMSG_DATA(each));
    }
    close(receiver);
    close(sender);
    close(sender6);
}

static void streams(void) {
    int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0), other = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in name = at("127.0.0.1", 0), everybody = at("255.255.255.255", 9), peer;
    socklen_t bytes = sizeof name;
    RESULT(connect(other, (struct sockaddr *) &everybody, sizeof everybody));
    everybody.sin_port = 0;
    RESULT(bind(other, (struct sockaddr *) &everybody, sizeof everybody));
    bind(listener, (struct sockaddr *) &name, sizeof name);
    listen(listener, 1);
    getsockname(listener, (struct sockaddr *) &name, &bytes);
    RESULT(connect(client, (struct sockaddr *) &name, sizeof name));
    int server = accept(listener, NULL, NULL);
    RESULT(shutdown(client, SHUT_WR));
    poll(&(struct pollfd) {server, POLLRDHUP, 0}, 1, 60000);
    RESULT(getpeername(client, (struct sockaddr *) &peer, &bytes));
    RESULT(shutdown(server, SHUT_RDWR));
    poll(&(struct pollfd) {client, POLLRDHUP, 0}, 1, 60000);
    RESULT(getpeername(client, (struct sockaddr *) &peer, &bytes));
    RESULT(getpeername(server, (struct sockaddr *) &peer, &bytes));
    RESULT(shutdown(client, SHUT_RDWR));
    struct sockaddr_in6 link = {.sin6_family = AF_INET6};
    int six = socket(AF_INET6, SOCK_STREAM, 0);
    inet_pton(AF_INET6, "fe80::1", &link.sin6_addr);
    RESULT(bind(six, (struct sockaddr *) &link, sizeof link));
    inet_pton(AF_INET6, "2001:db8::1", &link.sin6_addr);
    RESULT(bind(six, (struct sockaddr *) &link, sizeof link));
}

int main(void) {
    int tcp = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0);
    int tcp6 = socket(AF_INET6, SOCK_STREAM, 0), udp6 = socket(AF_INET6, SOCK_DGRAM, 0), local = socket(AF_UNIX, SOCK_STREAM, 0);
    char device[16];
    socklen_t bytes = sizeof device;
    TRY("tcp", tcp, generic);
    TRY("udp", udp, generic);
    TRY("unix", local, generic);
    TRY("tcp", tcp, internet);
    TRY("udp", udp, internet);
    TRY("tcp6", tcp6, internet6);
    TRY("udp6", udp6, internet6);
    TRY("tcp", tcp, transmission);
    groups(udp, udp6, tcp);
    RESULT(setsockopt(tcp, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3));
    RESULT(getsockopt(tcp, SOL_SOCKET, SO_BINDTODEVICE, device, &bytes));
    SHOW("%.*s %d", (int) bytes, device, bytes);
    RESULT(getsockopt(tcp, SOL_SOCKET, SO_BINDTODEVICE, device, &(socklen_t) {3}));
    RESULT(setsockopt(tcp, SOL_SOCKET, SO_BINDTODEVICE, "nosuch", 7));
    datagrams();
    streams();
}
