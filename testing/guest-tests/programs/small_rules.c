/* Rules that tests of kernels look for: transfers of nothing, order of checks, numbers of processes as others see them. */
#include "check.h"
#include <fcntl.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#define FS_IOC_GETFLAGS _IOR('f', 1, long)
#define FS_IOC_GETVERSION _IOR('v', 1, long)

static void transfers_of_nothing(void) {
    char byte;
    struct iovec none = {&byte, 0};
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
    CHECK(read(pair[0], &byte, 0) == 0);
    CHECK(readv(pair[0], &none, 1) == 0 && readv(pair[0], &none, 0) == 0);
    int stream = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(read(stream, &byte, 0) == 0);
    CHECK(writev(stream, &none, 1) == 0);
    int directory = open("/", O_RDONLY | O_DIRECTORY);
    CHECK(readv(directory, &none, 1) == 0);
    FAILS(EISDIR, read(directory, &byte, 0));
    int counter = eventfd(1, EFD_NONBLOCK);
    FAILS(EINVAL, read(counter, &byte, 0));
    FAILS(EINVAL, write(counter, &byte, 0));
    CHECK(readv(counter, &none, 1) == 0);
    close(counter);
    close(directory);
    close(stream);
}

static void order_of_checks(void) {
    FAILS(EPERM, syscall(SYS_mknod, NULL, S_IFDIR | 0600, 0));
    FAILS(EINVAL, syscall(SYS_mknod, NULL, S_IFMT, 0));
    FAILS(EINVAL, syscall(SYS_renameat2, AT_FDCWD, "/", AT_FDCWD, NULL, 3));
    FAILS(EINVAL, syscall(SYS_renameat2, AT_FDCWD, "/", AT_FDCWD, NULL, 16));
    FAILS(ENOENT, openat(-1, "", O_RDONLY));
    int ends[2];
    CHECK(pipe(ends) == 0);
    FAILS(ENOTDIR, syscall(SYS_getdents64, ends[1], ends, 8));
}

static void files_of_the_kernel(void) {
    int nothing = open("/dev/null", O_RDWR);
    CHECK(lseek(nothing, 100, SEEK_SET) == 0 && lseek(nothing, 100, SEEK_END) == 0 && lseek(nothing, 0, SEEK_CUR) == 0);
    int status = open("/proc/self/stat", O_RDONLY);
    int number = -1;
    CHECK(ioctl(status, FIONREAD, &number) == 0 && number == 0);
    FAILS(ENOTTY, ioctl(status, FS_IOC_GETFLAGS, &number));
    FAILS(ENOTTY, ioctl(status, FS_IOC_GETVERSION, &number));
    int socket_ = socket(AF_INET, SOCK_DGRAM, 0);
    int owner = getpid();
    CHECK(ioctl(socket_, 0x8902, &owner) == 0); /* SIOCSPGRP */
    owner = 0;
    CHECK(ioctl(socket_, 0x8904, &owner) == 0 && owner == getpid()); /* SIOCGPGRP */
}

/* The clock of the thread that would sleep. */
static void own_clock(void) {
    struct timespec short_ = {0, 1};
    FAILS(EINVAL, syscall(SYS_clock_nanosleep, (~0 << 3) | 6, 0, &short_, NULL));
    FAILS(EINVAL, syscall(SYS_clock_nanosleep, (~getpid() << 3) | 6, 0, &short_, NULL));
}

static int row(int fd, const char *name) {
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    FILE *file = fopen(path, "r");
    int value = -2;
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0) value = atoi(line + strlen(name));
    }
    if (file != NULL) fclose(file);
    return value;
}

static void descriptor_of_a_process(void) {
    pid_t child = fork();
    if (child == 0) _exit(0);
    int fd = syscall(SYS_pidfd_open, child, 0);
    CHECK(fd >= 0 && row(fd, "Pid:") == child && row(fd, "NSpid:") == child);
    CHECK(waitpid(child, NULL, 0) == child);
    CHECK(row(fd, "Pid:") == -1 && row(fd, "NSpid:") == -1);
}

/* MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE and its registration. */
static void barriers(void) {
    long known = syscall(SYS_membarrier, 0, 0, 0);
    if (known < 0 || (known & 32) == 0) return;
    FAILS(EPERM, syscall(SYS_membarrier, 32, 0, 0));
    CHECK(syscall(SYS_membarrier, 64, 0, 0) == 0);
    CHECK(syscall(SYS_membarrier, 32, 0, 0) == 0);
    if ((known & 512) != 0) CHECK(syscall(SYS_membarrier, 512, 0, 0) == (64 | 16)); /* Linux counts the other one in */
}

/* Who may run on one processor only is told that one, by the system call and by the shared page. */
static void own_processor(void) {
    cpu_set_t before, one;
    CHECK(sched_getaffinity(0, sizeof before, &before) == 0);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &before)) continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
        unsigned told = 99999;
        CHECK(syscall(SYS_getcpu, &told, NULL, NULL) == 0 && (int)told == cpu);
        CHECK(sched_getcpu() == cpu);
    }
    CHECK(sched_setaffinity(0, sizeof before, &before) == 0);
}

int main(void) {
    own_processor();
    transfers_of_nothing();
    order_of_checks();
    files_of_the_kernel();
    own_clock();
    descriptor_of_a_process();
    barriers();
    return finish();
}
