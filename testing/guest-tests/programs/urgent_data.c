/* Urgent data of TCP: what MSG_OOB, poll(2), SIOCATMARK, FIONREAD, SO_OOBINLINE and SIGURG tell about one byte. */
#include "result.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>

static int from, to;
static volatile sig_atomic_t urged;

static void urge(int signal) { urged = signal; }

/* Two ends of a connection: what is sent to the first arrives at the second. */
static void join(void) {
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof name;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    bind(listener, (void *) &name, length);
    listen(listener, 1);
    getsockname(listener, (void *) &name, &length);
    from = socket(AF_INET, SOCK_STREAM, 0);
    connect(from, (void *) &name, length);
    to = accept(listener, NULL, NULL);
    close(listener);
}

static void part(void) {
    close(from);
    close(to);
}

/* Waits until so much is in the queue, or the urgent byte when there is nothing before it. */
static void await(int events) {
    struct pollfd wait = {to, events, 0};
    while ((wait.revents & events) != events) poll(&wait, 1, 60000);
}

static void look(void) {
    struct pollfd now = {to, POLLIN | POLLPRI | POLLRDHUP, 0};
    int mark = -1, waiting = -1;
    poll(&now, 1, 0);
    ioctl(to, SIOCATMARK, &mark);
    ioctl(to, FIONREAD, &waiting);
    printf("   in %d pri %d mark %d waiting %d\n", !!(now.revents & POLLIN), !!(now.revents & POLLPRI), mark, waiting);
}

static void take(int flags) {
    char room[100] = "";
    long count = recv(to, room, 50, flags);
    if (count < 0) printf("   %s\n", strerrorname_np(errno));
    else printf("   %ld '%s'\n", count, room);
}

int main(void) {
    int on = 1;
    char byte;
    signal(SIGURG, urge);
    alarm(100);

    puts("read up to the mark, the byte, and on");
    join();
    RESULT(send(from, "abc", 3, 0));
    await(POLLIN);
    look();
    take(MSG_OOB);
    RESULT(send(from, "dU", 2, MSG_OOB));
    RESULT(send(from, "ef", 2, 0));
    await(POLLPRI);
    while (ioctl(to, FIONREAD, &on) == 0 && on < 4) poll(NULL, 0, 1);
    look();
    take(MSG_PEEK);
    take(MSG_OOB | MSG_PEEK);
    take(0);
    look();
    take(MSG_OOB);
    look();
    take(MSG_OOB);
    take(0);
    look();
    take(MSG_DONTWAIT);
    part();

    puts("a byte that nobody asked for is lost once it was read past");
    join();
    RESULT(send(from, "X", 1, MSG_OOB));
    await(POLLPRI);
    look();
    take(MSG_DONTWAIT);
    take(MSG_OOB);
    look();
    part();

    puts("of two urgent bytes the first goes when it comes next");
    join();
    RESULT(send(from, "1", 1, MSG_OOB));
    await(POLLPRI);
    RESULT(send(from, "a2", 2, MSG_OOB));
    while (recv(to, &byte, 1, MSG_OOB | MSG_PEEK) != 1 || byte != '2') poll(NULL, 0, 1);
    look();
    take(0);
    take(MSG_OOB);
    take(MSG_DONTWAIT);
    part();

    puts("and becomes data behind other data");
    join();
    RESULT(send(from, "x1", 2, MSG_OOB));
    await(POLLPRI);
    RESULT(send(from, "a2", 2, MSG_OOB));
    while (recv(to, &byte, 1, MSG_OOB | MSG_PEEK) != 1 || byte != '2') poll(NULL, 0, 1);
    look();
    take(0);
    take(MSG_OOB);
    take(MSG_DONTWAIT);
    part();

    puts("inline");
    join();
    on = 1;
    RESULT(setsockopt(to, SOL_SOCKET, SO_OOBINLINE, &on, sizeof on));
    RESULT(send(from, "abcU", 4, MSG_OOB));
    RESULT(send(from, "de", 2, 0));
    while (ioctl(to, FIONREAD, &on) == 0 && on < 6) poll(NULL, 0, 1);
    look();
    take(MSG_OOB);
    take(0);
    look();
    take(0);
    look();
    part();

    puts("who is told");
    join();
    RESULT(fcntl(to, F_SETOWN, getpid()));
    RESULT(send(from, "y", 1, 0));
    await(POLLIN);
    RESULT(urged);
    int queue = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLPRI};
    RESULT(epoll_ctl(queue, EPOLL_CTL_ADD, to, &event));
    RESULT(epoll_wait(queue, &event, 1, 0));
    RESULT(send(from, "U", 1, MSG_OOB));
    RESULT(epoll_wait(queue, &event, 1, 60000));
    RESULT(event.events);
    while (!urged) poll(NULL, 0, 1);
    RESULT(urged);
    fd_set exceptional;
    FD_ZERO(&exceptional);
    FD_SET(to, &exceptional);
    RESULT(select(to + 1, NULL, NULL, &exceptional, NULL));
    struct iovec piece = {&byte, 1};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    RESULT(recvmsg(to, &message, MSG_OOB));
    RESULT(message.msg_flags);
    RESULT(epoll_wait(queue, &event, 1, 0));
    part();
    return 0;
}
