/* Transfers that end early and flags that a file does not take: who is told what, and in which order things are checked. */
#include "check.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#define MEGABYTE (1 << 20)
#define PIECES 1024

static volatile sig_atomic_t broken;

static void count(int signal) { broken += signal == SIGPIPE; }

static struct iovec pieces[PIECES];

/* More than any buffer holds is not taken whole by a peer that is gone, and a signal comes only when nothing was taken. */
static void closed_peer(void) {
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof name;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(listener, (void *)&name, length) == 0 && listen(listener, 1) == 0);
    CHECK(getsockname(listener, (void *)&name, &length) == 0);
    int from = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(from, (void *)&name, length) == 0);
    close(accept(listener, NULL, NULL));
    char byte;
    CHECK(read(from, &byte, 1) == 0); /* the end has arrived */
    broken = 0;
    ssize_t sent = writev(from, pieces, PIECES);
    CHECK(sent > 0 && sent < (ssize_t)PIECES * MEGABYTE);
    CHECK(broken == 0);
    FAILS(EPIPE, writev(from, pieces, PIECES));
    CHECK(broken == 1);
    close(from);
    close(listener);
}

/* The reader of a pipe, or of a socket pair, leaves while somebody is in the middle of a long write. */
static ssize_t leave_early(int reader, int writer) {
    pid_t child = fork();
    if (child == 0) {
        close(writer);
        char byte[16];
        _exit(read(reader, byte, sizeof byte) != sizeof byte);
    }
    close(reader);
    broken = 0;
    ssize_t sent = writev(writer, pieces, PIECES);
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    close(writer);
    return sent;
}

static void leaving_readers(void) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    CHECK(leave_early(ends[0], ends[1]) > 0 && broken == 1); /* a pipe tells both */
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    CHECK(leave_early(ends[0], ends[1]) > 0 && broken == 0);
}

static void direct_transfers(void) {
    int ends[2];
    FAILS(EINVAL, open("/proc/self/stat", O_RDONLY | O_DIRECT));
    FAILS(EINVAL, open("/dev/null", O_RDWR | O_DIRECT));
    char folder[] = "/tmp/transfersXXXXXX", fifo[64];
    CHECK(mkdtemp(folder) != NULL);
    snprintf(fifo, sizeof fifo, "%s/fifo", folder);
    CHECK(mkfifo(fifo, 0600) == 0);
    FAILS(EINVAL, open(fifo, O_RDWR | O_DIRECT));
    CHECK(unlink(fifo) == 0 && rmdir(folder) == 0);
    int status = open("/proc/self/stat", O_RDONLY), null = open("/dev/null", O_RDWR), root = open("/", O_RDONLY);
    int counter = eventfd(0, 0), datagrams = socket(AF_INET, SOCK_DGRAM, 0);
    FAILS(EINVAL, fcntl(status, F_SETFL, O_DIRECT));
    FAILS(EINVAL, fcntl(null, F_SETFL, O_DIRECT | O_NONBLOCK));
    CHECK((fcntl(null, F_GETFL) & O_NONBLOCK) == 0);
    FAILS(EINVAL, fcntl(root, F_SETFL, O_DIRECT));
    FAILS(EINVAL, fcntl(counter, F_SETFL, O_DIRECT));
    FAILS(EINVAL, fcntl(datagrams, F_SETFL, O_DIRECT));
    CHECK(pipe(ends) == 0 && fcntl(ends[1], F_SETFL, O_DIRECT) == 0); /* packets */
    CHECK((fcntl(ends[1], F_GETFL) & O_DIRECT) != 0);
    close(status), close(null), close(root), close(counter), close(datagrams), close(ends[0]), close(ends[1]);
}

static void flags_of_one_transfer(void) {
    char data[4] = "abc";
    struct iovec one = {data, sizeof data};
    int ends[2], null = open("/dev/null", O_RDWR), status = open("/proc/self/stat", O_RDONLY);
    CHECK(pipe(ends) == 0);
    FAILS(ESPIPE, preadv2(ends[0], &one, 1, 0, 1 << 30));
    FAILS(EOPNOTSUPP, preadv2(ends[0], &one, 1, -1, 1 << 30));
    CHECK(pwritev2(null, &one, 1, 0, RWF_DSYNC) == 4);
    CHECK(pwritev2(null, &one, 1, -1, RWF_SYNC) == 4);
    FAILS(EOPNOTSUPP, preadv2(status, &one, 1, 0, RWF_NOWAIT));
    CHECK(preadv2(status, &one, 1, 0, 0) == 4);
    close(null), close(status), close(ends[0]), close(ends[1]);
}

/* What is no port is told before who may not have one. */
static void ports(void) {
    if (geteuid() == 0) return; /* who may have ports keeps them on Linux */
    if (syscall(SYS_ioperm, 0, 1, 0) == -1 && errno == ENOSYS) return; /* a kernel without ports */
    FAILS(EINVAL, syscall(SYS_iopl, 4));
    FAILS(EINVAL, syscall(SYS_ioperm, 65536, 1, 1));
    FAILS(EINVAL, syscall(SYS_ioperm, 65535, 2, 0));
    FAILS(EINVAL, syscall(SYS_ioperm, 1, -1L, 0));
    FAILS(EPERM, syscall(SYS_iopl, 3));
    CHECK(syscall(SYS_iopl, 0) == 0);
    FAILS(EPERM, syscall(SYS_ioperm, 0x80, 1, 1));
    CHECK(syscall(SYS_ioperm, 0x80, 1, 0) == 0);
}

/* Without rights a socket can be bound to an interface, but not to another one, or none, afterwards. */
static void bound_sockets(void) {
    int loopback = 1, other = 2, none = 0, bound = socket(AF_INET, SOCK_STREAM, 0);
    if (setsockopt(bound, SOL_SOCKET, SO_BINDTOIFINDEX, &loopback, sizeof loopback) != 0 && errno == EPERM) {
        close(bound); /* before Linux 5.7 */
        return;
    }
    FAILS(EPERM, setsockopt(bound, SOL_SOCKET, SO_BINDTOIFINDEX, &other, sizeof other));
    FAILS(EPERM, setsockopt(bound, SOL_SOCKET, SO_BINDTOIFINDEX, &none, sizeof none));
    FAILS(EPERM, setsockopt(bound, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3));
    close(bound);
}

/* Who may lock nothing may not lock segments either, but unlock them. */
static void locking_segments(void) {
    pid_t child = fork();
    if (child == 0) {
        struct rlimit nothing = {0, 0};
        failures = 0;
        CHECK(setrlimit(RLIMIT_MEMLOCK, &nothing) == 0);
        if (geteuid() == 0) CHECK(setuid(65534) == 0);
        int id = shmget(IPC_PRIVATE, 4096, 0600);
        CHECK(id >= 0);
        FAILS(EPERM, shmctl(id, SHM_LOCK, NULL));
        CHECK(shmctl(id, SHM_UNLOCK, NULL) == 0);
        CHECK(shmctl(id, IPC_RMID, NULL) == 0);
        bound_sockets();
        _exit(failures);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

int main(void) {
    char *piece = malloc(MEGABYTE);
    memset(piece, 'x', MEGABYTE);
    for (int i = 0; i < PIECES; i++) pieces[i] = (struct iovec){piece, MEGABYTE};
    signal(SIGPIPE, count);
    closed_peer();
    leaving_readers();
    direct_transfers();
    flags_of_one_transfer();
    locking_segments();
    ports();
    return finish();
}
