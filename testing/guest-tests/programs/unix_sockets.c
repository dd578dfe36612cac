/* unix(7): stream, datagram, seqpacket, names, descriptors and credentials in messages. */
#include "check.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

static socklen_t name_of(struct sockaddr_un *address, const char *name, int abstract) {
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    strcpy(address->sun_path + abstract, name);
    return offsetof(struct sockaddr_un, sun_path) + abstract + strlen(name) + !abstract;
}
static void send_fd(int socket, int fd) {
    char control[CMSG_SPACE(sizeof fd)] = {0}, byte = 'f';
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fd)};
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    CHECK(sendmsg(socket, &message, 0) == 1);
}
static int receive_fd(int socket) {
    char control[CMSG_SPACE(sizeof(int))] = {0}, byte = 0;
    int fd = -1;
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    CHECK(recvmsg(socket, &message, 0) == 1 && byte == 'f');
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    CHECK(header != NULL && header->cmsg_type == SCM_RIGHTS);
    if (header) memcpy(&fd, CMSG_DATA(header), sizeof fd);
    return fd;
}

/* One byte, and who sent it. */
static int receive_credentials(int socket, struct ucred *from) {
    char byte = 0, control[CMSG_SPACE(sizeof *from)];
    struct iovec piece = {&byte, 1};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    if (recvmsg(socket, &message, 0) != 1) return -1;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header == NULL || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_CREDENTIALS) return -2;
    memcpy(from, CMSG_DATA(header), sizeof *from);
    return byte;
}

int main(void) {
    int pair[2], one = 1;
    char buffer[100], root[] = "/tmp/caisson-unix-XXXXXX";
    struct sockaddr_un address, peer;
    socklen_t length, peer_length;
    struct stat st;
    signal(SIGPIPE, SIG_IGN);
    CHECK(mkdtemp(root) && chdir(root) == 0);
    FAILS(EAFNOSUPPORT, socket(99, SOCK_STREAM, 0));
    FAILS(EINVAL, socket(AF_UNIX, 99, 0));
    FAILS(EPROTONOSUPPORT, socket(AF_UNIX, SOCK_STREAM, 5));
    FAILS(ENOTSOCK, listen(0, 1));

    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    CHECK(write(pair[0], "hello", 5) == 5 && recv(pair[1], buffer, 100, MSG_PEEK) == 5 && read(pair[1], buffer, 3) == 3);
    CHECK(ioctl(pair[1], FIONREAD, &one) == 0 && one == 2 && read(pair[1], buffer, 100) == 2);
    FAILS(EAGAIN, recv(pair[1], buffer, 1, MSG_DONTWAIT));
    CHECK(shutdown(pair[0], SHUT_WR) == 0 && read(pair[1], buffer, 1) == 0);
    FAILS(EPIPE, write(pair[0], "x", 1));
    CHECK(write(pair[1], "back", 4) == 4 && read(pair[0], buffer, 100) == 4);
    close(pair[1]);
    CHECK(read(pair[0], buffer, 1) == 0);

    /* Descriptors travel and stay the same open file. */
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    int file = open("passed", O_RDWR | O_CREAT, 0600);
    CHECK(write(file, "abc", 3) == 3);
    send_fd(pair[0], file);
    int received = receive_fd(pair[1]);
    CHECK(received >= 0 && received != file && lseek(received, 0, SEEK_CUR) == 3 && lseek(received, 1, SEEK_SET) == 1 && lseek(file, 0, SEEK_CUR) == 1);
    struct ucred credentials;
    length = sizeof credentials;
    CHECK(getsockopt(pair[0], SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0 && credentials.pid == getpid() && credentials.uid == getuid());

    /* A named stream server. */
    int server = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
    length = name_of(&address, "server", 0);
    FAILS(ENOENT, connect(client, (struct sockaddr *)&address, length));
    CHECK(bind(server, (struct sockaddr *)&address, length) == 0 && stat("server", &st) == 0 && S_ISSOCK(st.st_mode));
    FAILS(ECONNREFUSED, connect(client, (struct sockaddr *)&address, length));
    peer_length = name_of(&peer, "second", 0);
    FAILS(EINVAL, bind(server, (struct sockaddr *)&peer, peer_length));
    FAILS(EADDRINUSE, bind(client, (struct sockaddr *)&address, length));
    FAILS(EINVAL, accept(server, NULL, NULL));
    FAILS(ENXIO, open("server", O_RDWR));
    CHECK(listen(server, 2) == 0);
    FAILS(EAGAIN, (fcntl(server, F_SETFL, O_NONBLOCK), accept(server, NULL, NULL)));
    CHECK(connect(client, (struct sockaddr *)&address, length) == 0);
    FAILS(EISCONN, connect(client, (struct sockaddr *)&address, length));
    peer_length = sizeof peer;
    int accepted = accept4(server, (struct sockaddr *)&peer, &peer_length, SOCK_CLOEXEC);
    CHECK(accepted >= 0 && peer_length == 2 && peer.sun_family == AF_UNIX && fcntl(accepted, F_GETFD) == FD_CLOEXEC);
    peer_length = sizeof peer;
    CHECK(getpeername(client, (struct sockaddr *)&peer, &peer_length) == 0 && strcmp(peer.sun_path, "server") == 0);
    CHECK(write(client, "ping", 4) == 4 && read(accepted, buffer, 100) == 4);
    struct pollfd waits = {accepted, POLLIN | POLLRDHUP, 0};
    close(client);
    CHECK(poll(&waits, 1, 60000) == 1 && (waits.revents & (POLLIN | POLLRDHUP | POLLHUP)) == (POLLIN | POLLRDHUP | POLLHUP));
    int wrong = socket(AF_UNIX, SOCK_DGRAM, 0);
    FAILS(EPROTOTYPE, connect(wrong, (struct sockaddr *)&address, length));

    /* Abstract datagrams keep their borders. */
    int a = socket(AF_UNIX, SOCK_DGRAM, 0), b = socket(AF_UNIX, SOCK_DGRAM, 0);
    char unique[32];
    snprintf(unique, sizeof unique, "caisson-%d", getpid());
    length = name_of(&address, unique, 1);
    CHECK(bind(a, (struct sockaddr *)&address, length) == 0);
    CHECK(sendto(b, "one", 3, 0, (struct sockaddr *)&address, length) == 3 && sendto(b, "three", 5, 0, (struct sockaddr *)&address, length) == 5);
    CHECK(recv(a, buffer, 2, MSG_TRUNC) == 3 && recv(a, buffer, 100, 0) == 5);
    FAILS(ENOTCONN, send(b, "x", 1, 0));
    FAILS(ENOTCONN, getpeername(b, (struct sockaddr *)&peer, &peer_length));
    CHECK(connect(b, (struct sockaddr *)&address, length) == 0 && send(b, "x", 1, 0) == 1);
    close(a);
    FAILS(ECONNREFUSED, send(b, "x", 1, 0));

    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0 && write(pair[0], "12345", 5) == 5 && write(pair[0], "6", 1) == 1);
    CHECK(read(pair[1], buffer, 3) == 3 && read(pair[1], buffer, 3) == 1 && buffer[0] == '6');

    /* Credentials are those of who sends, however it sends, once somebody asks for them. */
    struct ucred ucred;
    int on = 1;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && write(pair[0], "a", 1) == 1);
    CHECK(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0 && write(pair[0], "b", 1) == 1);
    pid_t writer = fork();
    if (writer == 0) {
        if (getuid() == 0 && (setgid(4242) != 0 || setuid(4243) != 0)) _exit(2);
        struct iovec piece = {"d", 1};
        _exit(write(pair[0], "c", 1) != 1 || writev(pair[0], &piece, 1) != 1 || send(pair[0], "e", 1, 0) != 1);
    }
    int done;
    CHECK(waitpid(writer, &done, 0) == writer && done == 0);
    CHECK(receive_credentials(pair[1], &ucred) == 'a' && ucred.pid == 0 && ucred.uid == 65534 && ucred.gid == 65534);
    CHECK(receive_credentials(pair[1], &ucred) == 'b' && ucred.pid == getpid() && ucred.uid == getuid() && ucred.gid == getgid());
    for (int letter = 'c'; letter <= 'e'; letter++)
        CHECK(receive_credentials(pair[1], &ucred) == letter && ucred.pid == writer
              && (getuid() != 0 || (ucred.uid == 4243 && ucred.gid == 4242)));

    /* Two processes, and a timeout. */
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(pair[0]);
        int sum = 0, n;
        while ((n = read(pair[1], buffer, sizeof buffer)) > 0) sum += n;
        _exit(sum == 1000000 ? 0 : 1);
    }
    close(pair[1]);
    for (int i = 0; i < 10000; i++) CHECK(send(pair[0], buffer, 100, 0) == 100);
    close(pair[0]);
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    struct timeval limit = {.tv_usec = 20000};
    CHECK(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
    FAILS(EAGAIN, read(pair[0], buffer, 1));
    return finish();
}
