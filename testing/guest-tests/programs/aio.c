/* io_setup(2), io_submit(2), io_getevents(2), io_pgetevents(2), io_cancel(2), io_destroy(2). */
#include "check.h"
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

static long setup(unsigned count, aio_context_t *context) { return syscall(SYS_io_setup, count, context); }
static long destroy(aio_context_t context) { return syscall(SYS_io_destroy, context); }
static long submit(aio_context_t context, long count, struct iocb **list) { return syscall(SYS_io_submit, context, count, list); }
static long events(aio_context_t context, long least, long most, struct io_event *list, struct timespec *timeout) {
    return syscall(SYS_io_getevents, context, least, most, list, timeout);
}

static void contexts(void) {
    aio_context_t context = 0, used = 1;
    FAILS(EINVAL, setup(0, &context));
    FAILS(EINVAL, setup(4, &used));
    FAILS(EFAULT, setup(4, NULL));
    FAILS(EINVAL, destroy(0));
    FAILS(EINVAL, destroy(0x1000));
    CHECK(setup(4, &context) == 0 && context != 0);
    CHECK(destroy(context) == 0);
    FAILS(EINVAL, destroy(context));
    FAILS(EINVAL, submit(context, 0, NULL));
    FAILS(EINVAL, events(context, 0, 1, NULL, NULL));
}

static void files(void) {
    aio_context_t context = 0;
    char path[] = "/tmp/aio-XXXXXX", text[32] = "";
    int fd = mkstemp(path), counter = eventfd(0, 0);
    unlink(path);
    CHECK(setup(8, &context) == 0);
    struct iovec vectors[2] = {{"ab", 2}, {"cdef", 4}};
    struct iocb write = {.aio_data = 1, .aio_lio_opcode = IOCB_CMD_PWRITEV, .aio_fildes = fd, .aio_buf = (uintptr_t)vectors,
                         .aio_nbytes = 2, .aio_offset = 3, .aio_flags = IOCB_FLAG_RESFD, .aio_resfd = counter};
    struct iocb sync = {.aio_data = 2, .aio_lio_opcode = IOCB_CMD_FSYNC, .aio_fildes = fd};
    struct iocb *list[] = {&write, &sync};
    struct io_event done[8];
    memset(done, 0xff, sizeof done);
    CHECK(submit(context, 2, list) == 2);
    CHECK(events(context, 2, 8, done, NULL) == 2);
    int first = done[0].data == 1 ? 0 : 1;
    CHECK(done[first].data == 1 && done[first].obj == (uintptr_t)&write && done[first].res == 6 && done[first].res2 == 0);
    CHECK(done[1 - first].data == 2 && done[1 - first].res == 0);
    uint64_t count;
    CHECK(read(counter, &count, 8) == 8 && count == 1);
    struct iocb read_back = {.aio_data = 3, .aio_lio_opcode = IOCB_CMD_PREAD, .aio_fildes = fd, .aio_buf = (uintptr_t)text,
                             .aio_nbytes = sizeof text};
    struct iocb *one[] = {&read_back};
    CHECK(submit(context, 1, one) == 1);
    CHECK(events(context, 1, 1, done, NULL) == 1 && done[0].res == 9 && !memcmp(text, "\0\0\0abcdef", 9));
    struct timespec little = {0, 1000000};
    CHECK(events(context, 1, 1, done, &little) == 0);
    CHECK(events(context, 0, 1, done, NULL) == 0);
    FAILS(EINVAL, events(context, 2, 1, done, NULL));
    FAILS(EINVAL, events(context, -1, 1, done, NULL));
    /* What cannot be begun is refused; what goes wrong later is an event. */
    read_back.aio_lio_opcode = 77;
    FAILS(EINVAL, submit(context, 1, one));
    read_back.aio_lio_opcode = IOCB_CMD_PREAD;
    read_back.aio_reserved2 = 1;
    FAILS(EINVAL, submit(context, 1, one));
    read_back.aio_reserved2 = 0;
    read_back.aio_fildes = 999;
    FAILS(EBADF, submit(context, 1, one));
    read_back.aio_fildes = fd;
    FAILS(EINVAL, submit(context, -1, one));
    FAILS(EFAULT, submit(context, 1, NULL));
    one[0] = (struct iocb *)8;
    FAILS(EFAULT, submit(context, 1, one));
    struct iocb *two[] = {&read_back, NULL};
    CHECK(submit(context, 2, two) == 1);
    CHECK(events(context, 1, 1, done, NULL) == 1 && done[0].res == 9);
    FAILS(EINVAL, syscall(SYS_io_cancel, context, &read_back, done));
    FAILS(EFAULT, syscall(SYS_io_cancel, context, NULL, done));
    CHECK(destroy(context) == 0);
    close(fd);
    close(counter);
}

static void limits(void) {
    aio_context_t context = 0;
    int fd = open("/dev/zero", O_RDONLY), submitted = 0;
    char byte;
    struct iocb iocb = {.aio_lio_opcode = IOCB_CMD_PREAD, .aio_fildes = fd, .aio_buf = (uintptr_t)&byte, .aio_nbytes = 1};
    struct iocb *one[] = {&iocb};
    CHECK(setup(1, &context) == 0);
    errno = 0;
    while (submitted < 10000 && submit(context, 1, one) == 1) submitted++;
    CHECK(submitted >= 1 && submitted < 10000 && errno == EAGAIN);
    static struct io_event done[10000];
    CHECK(events(context, submitted, 10000, done, NULL) == submitted);
    CHECK(submit(context, 1, one) == 1);
    CHECK(destroy(context) == 0);
    close(fd);
}

static aio_context_t shared;

static void *submits_late(void *arg) {
    char byte;
    int fd = open("/dev/zero", O_RDONLY);
    struct iocb iocb = {.aio_data = 9, .aio_lio_opcode = IOCB_CMD_PREAD, .aio_fildes = fd, .aio_buf = (uintptr_t)&byte, .aio_nbytes = 1};
    struct iocb *one[] = {&iocb};
    usleep(30000);
    CHECK(submit(shared, 1, one) == 1);
    close(fd);
    return arg;
}

static void on_alarm(int number) { (void)number; }

static void waits(void) {
    pthread_t thread;
    struct io_event done;
    CHECK(setup(4, &shared) == 0);
    CHECK(pthread_create(&thread, NULL, submits_late, NULL) == 0);
    CHECK(events(shared, 1, 1, &done, NULL) == 1 && done.data == 9 && done.res == 1);
    pthread_join(thread, NULL);
    struct sigaction action = {.sa_handler = on_alarm};
    sigaction(SIGALRM, &action, NULL);
    ualarm(30000, 30000); /* again and again: one alone may come before the wait begins */
    FAILS(EINTR, events(shared, 1, 1, &done, NULL));
    ualarm(0, 0);
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &all, NULL);
    struct { const sigset_t *set; size_t size; } pair = {&none, 8};
    ualarm(30000, 0);
    FAILS(EINTR, syscall(SYS_io_pgetevents, shared, 1L, 1L, &done, NULL, &pair));
    sigset_t now;
    sigprocmask(SIG_SETMASK, NULL, &now);
    CHECK(sigismember(&now, SIGALRM));
    CHECK(destroy(shared) == 0);
}

int main(void) {
    contexts();
    files();
    limits();
    waits();
    return finish();
}
