/* UDP to groups and to everybody on the loopback interface; datagrams that are corked, or cut into segments. */
#include "check.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/socket.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

static struct sockaddr_in address(const char *text, int port) {
    struct sockaddr_in made = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, text, &made.sin_addr);
    return made;
}

static int bound(struct sockaddr_in *name, int shared) {
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &shared, sizeof shared) == 0);
    CHECK(bind(fd, (struct sockaddr *)name, sizeof *name) == 0);
    socklen_t length = sizeof *name;
    CHECK(getsockname(fd, (struct sockaddr *)name, &length) == 0);
    return fd;
}

static int flag(int fd, int level, int name, int value) { return setsockopt(fd, level, name, &value, sizeof value); }

static long to(int fd, const char *text, const struct sockaddr_in *target) {
    return sendto(fd, text, strlen(text), 0, (const struct sockaddr *)target, sizeof *target);
}

/* What comes next, when it comes. */
static int next_is(int fd, const char *text) {
    char bytes[100];
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    if (poll(&wait, 1, 60000) != 1) return 0;
    long got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    return got == (long)strlen(text) && memcmp(bytes, text, got) == 0;
}

static void groups(void) {
    struct sockaddr_in any = address("0.0.0.0", 0);
    int one = bound(&any, 1);
    int other = bound(&any, 1);
    int sender = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in group = address("224.0.2.77", ntohs(any.sin_port));
    struct sockaddr_in single = address("127.0.0.1", ntohs(any.sin_port));
    struct ip_mreqn member = {.imr_multiaddr = group.sin_addr, .imr_ifindex = 1};
    CHECK(setsockopt(sender, IPPROTO_IP, IP_MULTICAST_IF, &member, sizeof member) == 0);
    CHECK(to(sender, "nobody is in it", &group) == 15);
    CHECK(to(sender, "mark", &single) == 4); /* to the last one bound */
    CHECK(next_is(other, "mark"));
    CHECK(setsockopt(one, IPPROTO_IP, IP_ADD_MEMBERSHIP, &member, sizeof member) == 0);
    CHECK(to(sender, "first", &group) == 5);
    CHECK(next_is(one, "first"));
    CHECK(next_is(other, "first")); /* IP_MULTICAST_ALL */
    CHECK(flag(other, IPPROTO_IP, IP_MULTICAST_ALL, 0) == 0);
    CHECK(to(sender, "second", &group) == 6);
    CHECK(to(sender, "mark", &single) == 4);
    CHECK(next_is(one, "second"));
    CHECK(next_is(other, "mark"));
    CHECK(setsockopt(other, IPPROTO_IP, IP_ADD_MEMBERSHIP, &member, sizeof member) == 0);
    FAILS(EADDRINUSE, setsockopt(other, IPPROTO_IP, IP_ADD_MEMBERSHIP, &member, sizeof member));
    CHECK(flag(sender, IPPROTO_IP, IP_MULTICAST_LOOP, 0) == 0); /* means nothing where everything loops */
    CHECK(to(sender, "third", &group) == 5);
    CHECK(next_is(one, "third") && next_is(other, "third"));
    CHECK(setsockopt(one, IPPROTO_IP, IP_DROP_MEMBERSHIP, &member, sizeof member) == 0);
    FAILS(EADDRNOTAVAIL, setsockopt(one, IPPROTO_IP, IP_DROP_MEMBERSHIP, &member, sizeof member));
    close(other);
    CHECK(to(sender, "left", &group) == 4);
    CHECK(to(sender, "mark", &single) == 4);
    CHECK(next_is(one, "mark"));
    CHECK(connect(sender, (struct sockaddr *)&group, sizeof group) == 0);
    struct sockaddr_in everybody = address("127.255.255.255", ntohs(any.sin_port));
    int loud = socket(AF_INET, SOCK_DGRAM, 0);
    FAILS(EACCES, to(loud, "all", &everybody));
    FAILS(EACCES, connect(loud, (struct sockaddr *)&everybody, sizeof everybody));
    CHECK(flag(loud, SOL_SOCKET, SO_BROADCAST, 1) == 0);
    CHECK(to(loud, "all", &everybody) == 3);
    CHECK(next_is(one, "all"));
    int stream = socket(AF_INET, SOCK_STREAM, 0);
    FAILS(ENETUNREACH, connect(stream, (struct sockaddr *)&group, sizeof group));
    int stream6 = socket(AF_INET6, SOCK_STREAM, 0);
    struct sockaddr_in6 group6 = {.sin6_family = AF_INET6, .sin6_scope_id = 1};
    inet_pton(AF_INET6, "ff01::77", &group6.sin6_addr);
    FAILS(EINVAL, bind(stream6, (struct sockaddr *)&group6, sizeof group6));
}

static void parts(void) {
    struct sockaddr_in own = address("127.0.0.1", 0);
    int receiver = bound(&own, 0);
    int sender = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(connect(sender, (struct sockaddr *)&own, sizeof own) == 0);
    CHECK(flag(sender, IPPROTO_UDP, UDP_CORK, 1) == 0);
    CHECK(send(sender, "ab", 2, 0) == 2);
    CHECK(send(sender, "cde", 3, 0) == 3);
    FAILS(EAGAIN, recv(receiver, (char[9]){0}, 9, MSG_DONTWAIT));
    CHECK(flag(sender, IPPROTO_UDP, UDP_CORK, 0) == 0);
    CHECK(next_is(receiver, "abcde"));
    CHECK(send(sender, "one ", 4, MSG_MORE) == 4);
    CHECK(send(sender, "two", 3, 0) == 3);
    CHECK(next_is(receiver, "one two"));
    FAILS(EINVAL, flag(sender, IPPROTO_UDP, UDP_SEGMENT, 70000));
    CHECK(flag(sender, IPPROTO_UDP, UDP_SEGMENT, 2) == 0);
    CHECK(send(sender, "abcde", 5, 0) == 5);
    CHECK(next_is(receiver, "ab") && next_is(receiver, "cd") && next_is(receiver, "e"));
    char one = 'x';
    CHECK(flag(sender, IPPROTO_UDP, UDP_SEGMENT, 0) == 0);
    CHECK(write(sender, &one, 0) == 0); /* an empty datagram */
    CHECK(next_is(receiver, ""));
    CHECK(read(receiver, &one, 0) == 0); /* asks nothing of the socket */
}

int main(void) {
    groups();
    parts();
    return finish();
}
