/* What sock_diag(7) and rtnetlink(7) tell about this program's own sockets and the way to this machine; and ioprio_get(2). */
#include "result.h"
#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static char room[1 << 16];

static int listening(int family, int type, struct sockaddr_in6 *name) {
    int fd = socket(family, type, 0);
    socklen_t length = sizeof *name;
    memset(name, 0, sizeof *name);
    name->sin6_family = family;
    if (family == AF_INET) ((struct sockaddr_in *) name)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else name->sin6_addr = in6addr_loopback;
    RESULT(bind(fd, (void *) name, family == AF_INET ? sizeof(struct sockaddr_in) : sizeof *name));
    getsockname(fd, (void *) name, &length);
    if (type == SOCK_STREAM) RESULT(listen(fd, 5));
    return fd;
}

/* Asks for all sockets of a family and a protocol; tells about the one given, and how the answer ends. */
static void ask(int family, int protocol, unsigned states, int fd, struct sockaddr_in6 *name) {
    struct {
        struct nlmsghdr header;
        struct inet_diag_req_v2 request;
    } question = {{sizeof question, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 7, 0},
        {.sdiag_family = family, .sdiag_protocol = protocol, .idiag_states = states}};
    struct stat status = {0};
    if (fd >= 0) fstat(fd, &status);
    int queue = socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
    RESULT(send(queue, &question, sizeof question, 0));
    for (int done = 0, found = 0; !done;) {
        long length = recv(queue, room, sizeof room, 0);
        for (struct nlmsghdr *at = (void *) room; NLMSG_OK(at, length); at = NLMSG_NEXT(at, length)) {
            struct inet_diag_msg *answer = NLMSG_DATA(at);
            if (at->nlmsg_type == NLMSG_ERROR) {
                SHOW("error %s", strerrorname_np(-((struct nlmsgerr *) NLMSG_DATA(at))->error));
                done = 1;
            } else if (at->nlmsg_type == NLMSG_DONE) {
                SHOW("done, found %d", found);
                done = 1;
            } else if (fd >= 0 && answer->idiag_inode == status.st_ino) {
                found = 1;
                SHOW("type %d flags %x sequence %d family %d state %d port %d peer %d uid %d queues %d", at->nlmsg_type,
                    at->nlmsg_flags & ~NLM_F_DUMP_FILTERED, at->nlmsg_seq, answer->idiag_family, answer->idiag_state,
                    answer->id.idiag_sport == name->sin6_port, ntohs(answer->id.idiag_dport), answer->idiag_uid == getuid(), answer->idiag_rqueue);
                SHOW("%08x %08x %08x %08x", ntohl(answer->id.idiag_src[0]), ntohl(answer->id.idiag_src[1]), ntohl(answer->id.idiag_src[2]),
                    ntohl(answer->id.idiag_src[3]));
            }
        }
    }
    close(queue);
}

static void route(void) {
    struct {
        struct nlmsghdr header;
        struct rtmsg route;
        struct rtattr attribute;
        in_addr_t target;
    } question = {{sizeof question, RTM_GETROUTE, NLM_F_REQUEST, 9, 0}, {.rtm_family = AF_INET, .rtm_dst_len = 32},
        {8, RTA_DST}, htonl(INADDR_LOOPBACK)};
    int queue = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    RESULT(send(queue, &question, sizeof question, 0));
    long length = recv(queue, room, sizeof room, 0);
    struct nlmsghdr *answer = (void *) room;
    struct rtmsg *way = NLMSG_DATA(answer);
    SHOW("type %d table %d protocol %d scope %d type %d flags %x", answer->nlmsg_type, way->rtm_table, way->rtm_protocol, way->rtm_scope,
        way->rtm_type, way->rtm_flags);
    length = RTM_PAYLOAD(answer);
    for (struct rtattr *at = RTM_RTA(way); RTA_OK(at, length); at = RTA_NEXT(at, length)) {
        if (at->rta_type == RTA_DST || at->rta_type == RTA_PREFSRC) SHOW("attribute %d %x", at->rta_type, ntohl(*(in_addr_t *) RTA_DATA(at)));
        else SHOW("attribute %d of %ld", at->rta_type, (long) RTA_PAYLOAD(at));
    }
    close(queue);
}

int main(void) {
    struct sockaddr_in6 name;
    int tcp = listening(AF_INET, SOCK_STREAM, &name);
    ask(AF_INET, IPPROTO_TCP, 1 << 10, tcp, &name);
    ask(AF_INET, IPPROTO_TCP, 1 << 1, tcp, &name);
    ask(AF_INET, IPPROTO_UDP, -1, tcp, &name);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    RESULT(connect(client, (void *) &name, sizeof(struct sockaddr_in)));
    RESULT(poll(&(struct pollfd) {tcp, POLLIN, 0}, 1, 60000));
    ask(AF_INET, IPPROTO_TCP, 1 << 10, tcp, &name);
    int six = listening(AF_INET6, SOCK_STREAM, &name);
    ask(AF_INET6, IPPROTO_TCP, -1, six, &name);
    ask(AF_INET, IPPROTO_TCP, -1, six, &name);
    int udp = listening(AF_INET, SOCK_DGRAM, &name);
    ask(AF_INET, IPPROTO_UDP, -1, udp, &name);
    ask(200, IPPROTO_TCP, -1, -1, NULL);
    route();
    RESULT(syscall(SYS_ioprio_get, 1, 0));
    RESULT(syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 6));
    RESULT(syscall(SYS_ioprio_get, 1, 0));
    return 0;
}
