/* pipe(2), poll(2), select(2), epoll(7), eventfd(2), timerfd, signalfd. */
#include "check.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

static int broken;
static void on_pipe(int signal) { broken = signal; }

/* A FIFO's two openers meet even if the writer is done and gone before the reader looks, fifo(7). */
static void meetings(void) {
    enum { ROUNDS = 500 };
    char name[] = "/tmp/caisson-fifo-XXXXXX", byte;
    int next[2], status;
    CHECK(mkdtemp(name) && chdir(name) == 0 && mkfifo("fifo", 0600) == 0 && pipe(next) == 0);
    pid_t writer = fork();
    if (writer == 0) {
        for (int i = 0; i < ROUNDS && read(next[0], &byte, 1) == 1; i++) {
            int fd = open("fifo", O_WRONLY);
            if (fd < 0 || write(fd, "x", 1) != 1 || close(fd) != 0) _exit(1);
        }
        _exit(0);
    }
    int met = 0;
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(write(next[1], "n", 1) == 1);
        int fd = open("fifo", O_RDONLY);
        met += fd >= 0 && read(fd, &byte, 1) == 1 && byte == 'x' && read(fd, &byte, 1) == 0;
        close(fd);
    }
    CHECK(met == ROUNDS);
    CHECK(waitpid(writer, &status, 0) == writer && status == 0);
    CHECK(unlink("fifo") == 0 && chdir("/") == 0 && rmdir(name) == 0);
}

int main(void) {
    int p[2], n;
    char buffer[65536];
    CHECK(pipe2(p, O_NONBLOCK) == 0);
    FAILS(EAGAIN, read(p[0], buffer, 1));
    FAILS(EINVAL, pipe2(p, 0x1234));
    FAILS(EBADF, write(p[0], "x", 1));
    ssize_t total = 0, step;
    while ((step = write(p[1], buffer, sizeof buffer)) > 0) total += step;
    CHECK(total == 65536 && errno == EAGAIN && fcntl(p[0], F_GETPIPE_SZ) == 65536);
    CHECK(ioctl(p[0], FIONREAD, &n) == 0 && n == 65536);
    CHECK(read(p[0], buffer, 4096) == 4096 && write(p[1], buffer, 4096) == 4096);
    CHECK(fcntl(p[1], F_SETPIPE_SZ, 200000) == 262144);
    FAILS(EBUSY, (write(p[1], buffer, 65536), fcntl(p[1], F_SETPIPE_SZ, 4096)));
    struct pollfd fds[3] = {{p[0], POLLIN, 0}, {p[1], POLLOUT, 0}, {-1, POLLIN, 7}};
    CHECK(poll(fds, 3, 0) == 2 && fds[0].revents == POLLIN && fds[1].revents == POLLOUT && fds[2].revents == 0);
    close(p[1]);
    while (read(p[0], buffer, sizeof buffer) > 0) {}
    CHECK(poll(fds, 1, -1) == 1 && fds[0].revents == POLLHUP && read(p[0], buffer, 1) == 0);
    fds[0].fd = 999;
    CHECK(poll(fds, 1, 0) == 1 && fds[0].revents == POLLNVAL);
    CHECK(pipe(p) == 0);
    close(p[0]);
    signal(SIGPIPE, on_pipe);
    FAILS(EPIPE, write(p[1], "x", 1));
    CHECK(broken == SIGPIPE);

    /* select */
    CHECK(pipe(p) == 0);
    fd_set in;
    struct timeval wait_time = {.tv_usec = 20000};
    FD_ZERO(&in);
    FD_SET(p[0], &in);
    CHECK(select(p[0] + 1, &in, NULL, NULL, &wait_time) == 0 && !FD_ISSET(p[0], &in) && wait_time.tv_usec == 0);
    CHECK(write(p[1], "x", 1) == 1);
    FD_SET(p[0], &in);
    CHECK(select(p[0] + 1, &in, NULL, NULL, NULL) == 1 && FD_ISSET(p[0], &in));
    FD_ZERO(&in);
    FD_SET(50, &in); /* within the table, not open */
    FAILS(EBADF, select(51, &in, NULL, NULL, &wait_time));
    FAILS(EINVAL, select(-1, NULL, NULL, NULL, NULL));

    /* Nothing behind the descriptor table is looked at, read or written; a forked process' table is as small as it can be. */
    for (int fd = 64; fd < 1024; fd++) close(fd); /* if the caller left some open */
    pid_t chooser = fork();
    if (chooser == 0) {
        struct timeval now = {0};
        FD_ZERO(&in);
        FD_SET(100, &in);
        CHECK(select(101, &in, NULL, NULL, &now) == 0 && FD_ISSET(100, &in));
        CHECK(select(1024, &in, NULL, NULL, &now) == 0 && FD_ISSET(100, &in));
        CHECK(dup2(p[0], 100) == 100 && select(101, &in, NULL, NULL, &now) == 1 && FD_ISSET(100, &in));
        FD_SET(127, &in);
        FAILS(EBADF, select(1024, &in, NULL, NULL, &now));
        CHECK(select(127, &in, NULL, NULL, &now) == 1 && FD_ISSET(100, &in) && !FD_ISSET(127, &in));
        FD_SET(128, &in);
        CHECK(select(1024, &in, NULL, NULL, &now) == 1 && FD_ISSET(128, &in));
        CHECK(dup2(p[0], 300) == 300);
        FAILS(EBADF, select(1024, &in, NULL, NULL, &now));
        FD_CLR(128, &in);
        FD_SET(512, &in);
        CHECK(select(1024, &in, NULL, NULL, &now) == 1 && FD_ISSET(512, &in));
        _exit(failures != 0);
    }
    CHECK(waitpid(chooser, &n, 0) == chooser && n == 0);

    /* epoll */
    int ep = epoll_create1(EPOLL_CLOEXEC), ev = eventfd(0, EFD_NONBLOCK);
    struct epoll_event event = {EPOLLIN | EPOLLET, {.u64 = 0x1122334455667788}}, got[4];
    FAILS(EINVAL, epoll_create(0));
    FAILS(EINVAL, epoll_ctl(ep, EPOLL_CTL_ADD, ep, &event));
    FAILS(EPERM, epoll_ctl(ep, EPOLL_CTL_ADD, open("/etc/passwd", O_RDONLY), &event));
    FAILS(ENOENT, epoll_ctl(ep, EPOLL_CTL_MOD, ev, &event));
    CHECK(epoll_ctl(ep, EPOLL_CTL_ADD, ev, &event) == 0);
    FAILS(EEXIST, epoll_ctl(ep, EPOLL_CTL_ADD, ev, &event));
    CHECK(epoll_wait(ep, got, 4, 0) == 0);
    FAILS(EINVAL, epoll_wait(ep, got, 0, 0));
    uint64_t value = 5;
    CHECK(write(ev, &value, 8) == 8 && epoll_wait(ep, got, 4, -1) == 1 && got[0].data.u64 == 0x1122334455667788 && got[0].events == EPOLLIN);
    CHECK(epoll_wait(ep, got, 4, 0) == 0); /* edge: told once */
    CHECK(write(ev, &value, 8) == 8 && epoll_wait(ep, got, 4, 0) == 1);
    event.events = EPOLLIN | EPOLLONESHOT;
    CHECK(epoll_ctl(ep, EPOLL_CTL_MOD, ev, &event) == 0 && epoll_wait(ep, got, 4, 0) == 1 && epoll_wait(ep, got, 4, 0) == 0);
    event.events = EPOLLIN;
    CHECK(epoll_ctl(ep, EPOLL_CTL_MOD, ev, &event) == 0 && epoll_wait(ep, got, 4, 0) == 1 && epoll_wait(ep, got, 4, 0) == 1);
    CHECK(read(ev, &value, 8) == 8 && value == 10);
    FAILS(EAGAIN, read(ev, &value, 8));
    FAILS(EINVAL, read(ev, &value, 4));
    value = 0xffffffffffffffff;
    FAILS(EINVAL, write(ev, &value, 8));
    int outer = epoll_create1(0);
    CHECK(epoll_ctl(outer, EPOLL_CTL_ADD, ep, &event) == 0);
    FAILS(ELOOP, epoll_ctl(ep, EPOLL_CTL_ADD, outer, &event));
    value = 1;
    CHECK(write(ev, &value, 8) == 8 && epoll_wait(outer, got, 4, 1000) == 1);
    close(ev); /* leaves the set */
    CHECK(epoll_wait(ep, got, 4, 0) == 0);
    int semaphore = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
    CHECK(read(semaphore, &value, 8) == 8 && value == 1 && read(semaphore, &value, 8) == 8);
    FAILS(EAGAIN, read(semaphore, &value, 8));

    /* timerfd and signalfd */
    int timer = timerfd_create(CLOCK_MONOTONIC, 0);
    struct itimerspec when = {.it_value = {.tv_nsec = 10000000}, .it_interval = {.tv_nsec = 10000000}};
    CHECK(timerfd_settime(timer, 0, &when, NULL) == 0 && read(timer, &value, 8) == 8 && value >= 1);
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    int sfd = signalfd(-1, &mask, SFD_NONBLOCK);
    struct signalfd_siginfo info;
    FAILS(EAGAIN, read(sfd, &info, sizeof info));
    raise(SIGUSR1);
    CHECK(read(sfd, &info, sizeof info) == sizeof info && info.ssi_signo == SIGUSR1 && info.ssi_pid == (unsigned)getpid());

    /* 64 MiB through a pipe. */
    CHECK(pipe(p) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(p[0]);
        unsigned state = 1;
        for (int i = 0; i < 1024; i++) {
            for (size_t j = 0; j < sizeof buffer; j += 64) buffer[j] = state = state * 1103515245 + 12345;
            for (size_t done = 0; done < sizeof buffer; done += step)
                if ((step = write(p[1], buffer + done, sizeof buffer - done)) <= 0) _exit(1);
        }
        _exit(0);
    }
    close(p[1]);
    unsigned state = 1, wrong = 0;
    size_t at = 0;
    while ((step = read(p[0], buffer, sizeof buffer)) > 0)
        for (ssize_t i = 0; i < step; i++, at++)
            if (at % 64 == 0) wrong += buffer[i] != (char)(state = state * 1103515245 + 12345);
    CHECK(at == 64 << 20 && wrong == 0);
    waitpid(pid, &n, 0);
    CHECK(n == 0);
    meetings();
    return finish();
}
