/* Leases, F_NOTIFY, SIGIO and what else fcntl(2) knows of a descriptor. */
#include "check.h"
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

static volatile sig_atomic_t count, lastFd, lastCode;

static void handler(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)context;
    count++;
    lastFd = info->si_fd;
    lastCode = info->si_code;
}

static int taken(void) {
    int before = count;
    count = 0;
    return before;
}

static void put(const char *path) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    CHECK(fd >= 0 && write(fd, "hello", 5) == 5);
    close(fd);
}

static void leases(void) {
    int rw = open("f", O_RDWR);
    CHECK(fcntl(rw, F_GETLEASE) == F_UNLCK);
    FAILS(EAGAIN, fcntl(rw, F_SETLEASE, F_RDLCK)); /* it is open for writing */
    FAILS(EINVAL, fcntl(rw, F_SETLEASE, 5));
    FAILS(EAGAIN, fcntl(rw, F_SETLEASE, F_UNLCK));
    CHECK(fcntl(rw, F_SETLEASE, F_WRLCK) == 0 && fcntl(rw, F_GETLEASE) == F_WRLCK);
    CHECK(fcntl(rw, F_GETOWN) == getpid());
    CHECK(fcntl(rw, F_SETLEASE, F_UNLCK) == 0);
    int rd = open("f", O_RDONLY);
    FAILS(EAGAIN, fcntl(rw, F_SETLEASE, F_WRLCK)); /* two descriptions */
    close(rw);

    CHECK(fcntl(rd, F_SETSIG, SIGRTMIN) == 0 && fcntl(rd, F_SETLEASE, F_RDLCK) == 0);
    int other = open("f", O_RDONLY);
    CHECK(other >= 0 && taken() == 0);
    close(other);
    FAILS(EAGAIN, open("f", O_WRONLY | O_NONBLOCK));
    CHECK(taken() == 1 && lastFd == rd && lastCode == 3 /* POLL_MSG */);
    FAILS(EAGAIN, open("f", O_WRONLY | O_NONBLOCK));
    CHECK(taken() == 0 && fcntl(rd, F_GETLEASE) == F_UNLCK); /* what it must become; told once */
    CHECK(fcntl(rd, F_SETLEASE, F_UNLCK) == 0);
    CHECK(fcntl(rd, F_GETSIG) == 0 && fcntl(rd, F_GETOWN) == 0); /* went with the lease */

    /* Whoever is in the way waits until the holder lets go. */
    CHECK(fcntl(rd, F_SETSIG, SIGRTMIN) == 0 && fcntl(rd, F_SETLEASE, F_WRLCK) == 0);
    pid_t child = fork();
    if (child == 0) {
        close(rd);
        _exit(open("f", O_RDONLY) >= 0 ? 7 : 1);
    }
    while (count == 0) usleep(1000);
    CHECK(fcntl(rd, F_GETLEASE) == F_RDLCK && fcntl(rd, F_SETLEASE, F_RDLCK) == 0);
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7);
    taken();
    CHECK(fcntl(rd, F_SETLEASE, F_UNLCK) == 0);
    CHECK(fcntl(rd, F_SETSIG, SIGRTMIN) == 0 && fcntl(rd, F_SETLEASE, F_RDLCK) == 0);
    child = fork();
    if (child == 0) _exit(truncate("f", 2) == 0 ? 7 : 1);
    while (count == 0) usleep(1000);
    CHECK(fcntl(rd, F_SETLEASE, F_UNLCK) == 0);
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7);
    taken();
    close(rd);
    int dir = open(".", O_RDONLY);
    FAILS(EINVAL, fcntl(dir, F_SETLEASE, F_RDLCK));
    close(dir);
}

static void notices(void) {
    CHECK(mkdir("d", 0755) == 0);
    int dir = open("d", O_RDONLY), file = open("f", O_RDONLY);
    FAILS(ENOTDIR, fcntl(file, F_NOTIFY, DN_CREATE));
    CHECK(fcntl(dir, F_SETSIG, SIGRTMIN) == 0 && fcntl(dir, F_NOTIFY, DN_CREATE | DN_DELETE | DN_MULTISHOT) == 0);
    put("d/a");
    CHECK(taken() == 1 && lastFd == dir && lastCode == 3);
    CHECK(unlink("d/a") == 0 && taken() == 1);
    CHECK(fcntl(dir, F_NOTIFY, 0) == 0);
    put("d/a");
    CHECK(taken() == 0);
    CHECK(fcntl(dir, F_NOTIFY, DN_MODIFY) == 0); /* once */
    put("d/a");
    put("d/a");
    CHECK(taken() == 1);
    CHECK(fcntl(dir, F_NOTIFY, DN_RENAME | DN_ATTRIB | DN_ACCESS | DN_MULTISHOT) == 0);
    CHECK(rename("d/a", "d/b") == 0 && taken() == 1);
    CHECK(chmod("d/b", 0600) == 0 && taken() == 1);
    char byte;
    int b = open("d/b", O_RDONLY);
    CHECK(read(b, &byte, 1) == 1 && taken() == 1);
    close(b);
    close(dir);
    close(file);
    CHECK(unlink("d/b") == 0 && taken() == 0);
}

static void asynchronous(void) {
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    CHECK(fcntl(pair[0], F_SETSIG, SIGRTMIN) == 0 && fcntl(pair[0], F_SETOWN, getpid()) == 0);
    CHECK(fcntl(pair[0], F_SETFL, O_ASYNC) == 0 && (fcntl(pair[0], F_GETFL) & O_ASYNC));
    CHECK(write(pair[1], "x", 1) == 1);
    while (count == 0) usleep(1000);
    CHECK(lastFd == pair[0]);
    taken();
    uint32_t ids[2] = {9, 9};
    CHECK(fcntl(pair[0], 17 /* F_GETOWNER_UIDS */, ids) == 0 && ids[0] == getuid() && ids[1] == geteuid());
    int file = open("f", O_RDWR), on = 1;
    CHECK(fcntl(file, F_SETFL, O_ASYNC) == 0 && (fcntl(file, F_GETFL) & O_ASYNC) == 0); /* files are always ready */
    FAILS(ENOTTY, ioctl(file, FIOASYNC, &on));
    close(file);
}

static void queries(void) {
    int made = open("new", O_CREAT | O_RDWR, 0600), again = open("new", O_CREAT | O_RDWR, 0600), same = dup(made);
    if (fcntl(made, 1027 /* F_DUPFD_QUERY */, same) >= 0) {
        CHECK(fcntl(made, 1027, same) == 1 && fcntl(made, 1027, again) == 0);
        FAILS(EBADF, fcntl(made, 1027, 999));
    }
    if (fcntl(made, 1028 /* F_CREATED_QUERY */) >= 0) CHECK(fcntl(made, 1028) == 1 && fcntl(again, 1028) == 0);
    uint64_t hint = 99;
    CHECK(fcntl(made, F_GET_RW_HINT, &hint) == 0 && hint == 0);
    hint = 2;
    CHECK(fcntl(made, F_SET_RW_HINT, &hint) == 0);
    hint = 0;
    CHECK(fcntl(again, F_GET_RW_HINT, &hint) == 0 && hint == 2);
    hint = 6;
    FAILS(EINVAL, fcntl(made, F_SET_RW_HINT, &hint));
    int half = open("new", O_RDWR | (O_SYNC & ~O_DSYNC));
    CHECK((fcntl(half, F_GETFL) & O_SYNC) == O_SYNC);
}

int main(void) {
    char root[] = "/tmp/caisson-leases-XXXXXX";
    CHECK(mkdtemp(root) != NULL && chdir(root) == 0);
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
    CHECK(sigaction(SIGRTMIN, &action, NULL) == 0);
    put("f");
    leases();
    notices();
    asynchronous();
    queries();
    unlink("f");
    unlink("new");
    rmdir("d");
    CHECK(chdir("/") == 0 && rmdir(root) == 0);
    return finish();
}
