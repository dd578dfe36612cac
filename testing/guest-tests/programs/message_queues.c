/* POSIX message queues: order, limits, flags, and who is told of a message, mq_overview(7), mq_notify(3). */
#include "check.h"
#include <fcntl.h>
#include <mqueue.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define NAME "/caisson-message-queues"
#define LENGTH 64

static mqd_t fresh(int flags) {
    struct mq_attr attributes = {.mq_maxmsg = 3, .mq_msgsize = LENGTH};
    mq_unlink(NAME);
    return mq_open(NAME, O_CREAT | O_EXCL | O_RDWR | flags, 0600, &attributes);
}

static void order_and_limits(void) {
    char buffer[LENGTH];
    unsigned priority;
    struct mq_attr attributes;
    mqd_t queue = fresh(O_NONBLOCK);
    CHECK(queue >= 0);
    FAILS(EEXIST, mq_open(NAME, O_CREAT | O_EXCL | O_RDWR, 0600, NULL));
    FAILS(EAGAIN, mq_receive(queue, buffer, LENGTH, NULL));
    FAILS(EMSGSIZE, mq_receive(queue, buffer, LENGTH - 1, NULL));
    FAILS(EMSGSIZE, mq_send(queue, buffer, LENGTH + 1, 0));
    FAILS(EINVAL, mq_send(queue, buffer, 1, 32768));
    CHECK(mq_send(queue, "low", 3, 1) == 0 && mq_send(queue, "first", 5, 7) == 0 && mq_send(queue, "second", 6, 7) == 0);
    FAILS(EAGAIN, mq_send(queue, "full", 4, 0));
    CHECK(mq_getattr(queue, &attributes) == 0 && attributes.mq_curmsgs == 3 && attributes.mq_maxmsg == 3
          && attributes.mq_msgsize == LENGTH && attributes.mq_flags == O_NONBLOCK);
    CHECK(mq_receive(queue, buffer, LENGTH, &priority) == 5 && priority == 7 && !memcmp(buffer, "first", 5));
    CHECK(mq_receive(queue, buffer, LENGTH, &priority) == 6 && priority == 7 && !memcmp(buffer, "second", 6));
    CHECK(mq_receive(queue, buffer, LENGTH, &priority) == 3 && priority == 1 && !memcmp(buffer, "low", 3));
    attributes.mq_flags = 0;
    CHECK(mq_setattr(queue, &attributes, NULL) == 0);
    struct timespec past = {1, 0}, wrong = {1, 1000000000};
    FAILS(ETIMEDOUT, mq_timedreceive(queue, buffer, LENGTH, NULL, &past));
    FAILS(EINVAL, mq_timedreceive(queue, buffer, LENGTH, NULL, &wrong));
    CHECK(mq_close(queue) == 0);
    FAILS(EBADF, mq_close(queue));
    CHECK(mq_unlink(NAME) == 0);
    FAILS(ENOENT, mq_unlink(NAME));
    FAILS(ENOENT, mq_open(NAME, O_RDWR));
}

/* The process that is told hears who sent the message, and only once. */
static void notification(void) {
    mqd_t queue = fresh(0);
    sigset_t set;
    siginfo_t info;
    struct timespec soon = {10, 0}, now = {0, 0};
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 4711};
    CHECK(mq_notify(queue, &event) == 0);
    FAILS(EBUSY, mq_notify(queue, &event));
    pid_t child = fork();
    if (child == 0) {
        FAILS(EBUSY, mq_notify(queue, &event));
        CHECK(mq_notify(queue, NULL) == 0); /* not ours: nothing happens */
        CHECK(mq_send(queue, "a", 1, 0) == 0 && mq_send(queue, "b", 1, 0) == 0);
        _exit(failures);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(sigtimedwait(&set, &info, &soon) == SIGUSR1);
    CHECK(info.si_code == SI_MESGQ && info.si_pid == child && info.si_uid == getuid() && info.si_value.sival_int == 4711);
    FAILS(EAGAIN, sigtimedwait(&set, &info, &now));
    mq_close(queue);
    mq_unlink(NAME);
}

static sem_t called;

static void count_call(union sigval value) {
    CHECK(value.sival_int == 17);
    sem_post(&called);
}

/* SIGEV_THREAD: the C library has its thread wait on a netlink socket, which the kernel sends a cookie. */
static void threads(void) {
    mqd_t queue = fresh(0);
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = count_call, .sigev_value.sival_int = 17};
    CHECK(sem_init(&called, 0, 0) == 0);
    CHECK(mq_notify(queue, &event) == 0);
    FAILS(EBUSY, mq_notify(queue, &event));
    CHECK(mq_send(queue, "a", 1, 0) == 0);
    CHECK(sem_wait(&called) == 0);
    CHECK(mq_notify(queue, &event) == 0); /* once is all that it is told */
    CHECK(mq_notify(queue, NULL) == 0);

    /* The same without the library. */
    int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0), other = socket(AF_UNIX, SOCK_STREAM, 0);
    char cookie[32] = "the kernel does not read this", got[64];
    struct sigevent raw = {.sigev_notify = SIGEV_THREAD, .sigev_signo = netlink, .sigev_value.sival_ptr = cookie};
    char letter;
    CHECK(netlink >= 0 && other >= 0);
    CHECK(syscall(SYS_mq_notify, queue, &raw) == 0);
    CHECK(syscall(SYS_mq_notify, queue, NULL) == 0);
    CHECK(recv(netlink, got, sizeof got, MSG_DONTWAIT) == 32 && memcmp(got, cookie, 31) == 0 && got[31] == 2);
    CHECK(syscall(SYS_mq_notify, queue, &raw) == 0);
    char room[LENGTH];
    CHECK(mq_receive(queue, room, LENGTH, NULL) == 1);
    CHECK(mq_send(queue, "b", 1, 0) == 0);
    CHECK(recv(netlink, got, sizeof got, MSG_DONTWAIT) == 32 && memcmp(got, cookie, 31) == 0 && got[31] == 1);
    FAILS(EAGAIN, recv(netlink, &letter, 1, MSG_DONTWAIT));
    raw.sigev_signo = other;
    FAILS(EINVAL, syscall(SYS_mq_notify, queue, &raw));
    raw.sigev_signo = 0;
    raw.sigev_value.sival_ptr = (void *) 1;
    FAILS(EFAULT, syscall(SYS_mq_notify, queue, &raw));
    raw.sigev_value.sival_ptr = cookie;
    raw.sigev_signo = 99;
    FAILS(EBADF, syscall(SYS_mq_notify, queue, &raw));
    raw.sigev_signo = open("/", O_RDONLY | O_DIRECTORY);
    FAILS(ENOTSOCK, syscall(SYS_mq_notify, queue, &raw));
    close(raw.sigev_signo);
    close(netlink);
    close(other);
    mq_close(queue);
    mq_unlink(NAME);
}

/* Signal 0 may be asked for, and takes the place of a registration; numbers that no signal has may not. */
static void strange_events(void) {
    mqd_t queue = fresh(0);
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = 0};
    CHECK(mq_notify(queue, &event) == 0);
    FAILS(EBUSY, mq_notify(queue, &event));
    CHECK(mq_send(queue, "a", 1, 0) == 0);
    event.sigev_signo = 65;
    FAILS(EINVAL, mq_notify(queue, &event));
    event.sigev_signo = -1;
    FAILS(EINVAL, mq_notify(queue, &event));
    event.sigev_notify = 17;
    FAILS(EINVAL, mq_notify(queue, &event));
    event.sigev_notify = SIGEV_NONE;
    CHECK(mq_notify(queue, &event) == 0);
    FAILS(EBADF, mq_notify(99, &event));
    mq_close(queue);
    mq_unlink(NAME);
}

int main(void) {
    order_and_limits();
    notification();
    threads();
    strange_events();
    return finish();
}
