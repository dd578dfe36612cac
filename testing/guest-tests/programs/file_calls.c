/* The less common calls about descriptors and paths: fcntl, memfd, openat2, copying, OFD locks, limits, SIGIO. */
#include "check.h"
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <utime.h>

struct how {
    uint64_t flags, mode, resolve;
};
static long openat2(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
    struct how how = {flags, mode, resolve};
    return syscall(437, dir, path, &how, sizeof how);
}
static volatile int signalled;
static void on_signal(int number) { signalled = number; }

static void descriptors(void) {
    int fd = open("f", O_RDWR | O_CREAT | O_TRUNC, 0644);
    CHECK(fcntl(fd, F_GETFL) == (O_RDWR | 0100000));
    CHECK(fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK | O_CREAT | O_WRONLY) == 0);
    CHECK(fcntl(fd, F_GETFL) == (O_RDWR | 0100000 | O_APPEND | O_NONBLOCK));
    CHECK(fcntl(fd, F_SETFL, 0) == 0);
    FAILS(EINVAL, fcntl(fd, F_DUPFD, -1));
    FAILS(EINVAL, fcntl(fd, F_DUPFD, 1 << 28));
    FAILS(EBADF, fcntl(777, F_GETFD));
    CHECK(fcntl(fd, F_GETLEASE) == F_UNLCK);
    FAILS(EBADF, fcntl(fd, F_GETPIPE_SZ));
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 50);
    CHECK(copy == 50 && fcntl(copy, F_GETFD) == FD_CLOEXEC);
    FAILS(EINVAL, syscall(436, 60, 50, 0));
    FAILS(EINVAL, syscall(436, 50, 60, 64));
    CHECK(dup2(fd, 51) == 51 && syscall(436, 50, 60, 0) == 0 && fcntl(51, F_GETFD) == -1);
    CHECK(dup2(fd, 52) == 52 && syscall(436, 52, ~0u, 4) == 0 && fcntl(52, F_GETFD) == FD_CLOEXEC);
    close(52);
    struct rlimit limit, saved;
    getrlimit(RLIMIT_NOFILE, &saved);
    limit = saved;
    limit.rlim_cur = 20;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    FAILS(EBADF, dup2(fd, 20));
    FAILS(EINVAL, fcntl(fd, F_DUPFD, 20));
    while (dup(fd) >= 0) {
    }
    CHECK(errno == EMFILE);
    FAILS(EMFILE, open("f", O_RDONLY));
    CHECK(syscall(436, fd + 1, ~0u, 0) == 0);
    setrlimit(RLIMIT_NOFILE, &saved);

    /* O_PATH */
    int path = open("f", O_PATH);
    char c;
    CHECK(path >= 0 && (fcntl(path, F_GETFL) & O_PATH));
    FAILS(EBADF, read(path, &c, 1));
    FAILS(EBADF, fchmod(path, 0600));
    FAILS(EBADF, ioctl(path, FIONREAD, &c));
    FAILS(EBADF, fcntl(path, F_SETFL, 0));
    struct stat st;
    CHECK(fstat(path, &st) == 0 && S_ISREG(st.st_mode));
    CHECK(fstatat(path, "", &st, AT_EMPTY_PATH) == 0 && S_ISREG(st.st_mode));
    FAILS(ENOENT, fstatat(path, "", &st, 0));
    FAILS(ENOTDIR, openat(path, "x", O_RDONLY));
    char proc[64];
    snprintf(proc, sizeof proc, "/proc/self/fd/%d", path);
    int again = open(proc, O_RDWR);
    CHECK(again >= 0 && write(again, "reopened", 8) == 8);
    close(again);
    close(path);

    /* ioctl */
    int count = -1, on = 1;
    CHECK(lseek(fd, 3, SEEK_SET) == 3 && ioctl(fd, FIONREAD, &count) == 0 && count == 5);
    FAILS(ENOTTY, ioctl(fd, TCGETS, proc));
    FAILS(ENOTTY, ioctl(fd, 0x12345678, proc));
    FAILS(EBADF, ioctl(777, FIONREAD, &count));
    CHECK(ioctl(fd, FIONBIO, &on) == 0 && (fcntl(fd, F_GETFL) & O_NONBLOCK));
    CHECK(ioctl(fd, FIOCLEX) == 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC && ioctl(fd, FIONCLEX) == 0 && fcntl(fd, F_GETFD) == 0);
    close(fd);
}

static void opening(void) {
    CHECK(mkdir("dir", 0755) == 0 && mkdir("dir/sub", 0755) == 0);
    int dir = open("dir", O_RDONLY | O_DIRECTORY);
    CHECK(symlink("../f", "dir/out") == 0 && symlink("sub", "dir/in") == 0 && symlink("/sub", "dir/abs") == 0);
    FAILS(EXDEV, openat2(dir, "..", O_RDONLY, 0, 8));
    FAILS(EXDEV, openat2(dir, "out", O_RDONLY, 0, 8));
    FAILS(EXDEV, openat2(dir, "/etc", O_RDONLY, 0, 8));
    FAILS(ELOOP, openat2(dir, "in", O_RDONLY, 0, 4));
    FAILS(EINVAL, openat2(dir, "in", O_RDONLY, 0, 0x100));
    FAILS(EINVAL, openat2(dir, "in", O_RDONLY, 0644, 0));
    FAILS(EINVAL, openat2(dir, "in", 1ull << 40, 0, 0));
    FAILS(EINVAL, openat2(dir, "in", O_PATH | O_RDWR, 0, 0));
    FAILS(EINVAL, openat2(dir, "in", O_RDONLY, 0, 8 | 16));
    FAILS(EINVAL, syscall(437, dir, "in", &dir, 8));
    struct { struct how how; uint64_t more; } large = {{O_RDONLY, 0, 0}, 1};
    FAILS(E2BIG, syscall(437, dir, "in", &large, sizeof large));
    large.more = 0;
    int fd = syscall(437, dir, "in", &large, sizeof large);
    CHECK(fd >= 0 && close(fd) == 0);
    fd = openat2(dir, "abs", O_RDONLY, 0, 16);
    CHECK(fd >= 0 && close(fd) == 0);
    fd = openat2(dir, "../../sub", O_RDONLY, 0, 16);
    CHECK(fd >= 0 && close(fd) == 0);
    FAILS(EINVAL, open(".", O_TMPFILE | O_RDONLY, 0600));
    fd = open(".", O_TMPFILE | O_RDWR, 0600);
    if (fd >= 0) { /* not every filesystem can */
        CHECK((fcntl(fd, F_GETFL) & (O_TMPFILE | O_ACCMODE)) == (O_TMPFILE | O_RDWR));
        char path[64];
        struct stat st;
        CHECK(write(fd, "tmp", 3) == 3 && fstat(fd, &st) == 0 && st.st_nlink == 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        CHECK(linkat(AT_FDCWD, path, AT_FDCWD, "linked", AT_SYMLINK_FOLLOW) == 0 && stat("linked", &st) == 0 && st.st_size == 3);
        close(fd);
    }
    FAILS(EINVAL, linkat(AT_FDCWD, "f", AT_FDCWD, "g", 1));
    FAILS(EINVAL, unlinkat(dir, "sub", 1));
    FAILS(EISDIR, unlinkat(dir, "sub", 0));
    CHECK(unlinkat(dir, "sub", AT_REMOVEDIR) == 0);
    FAILS(EINVAL, faccessat(dir, "out", 8, 0));
    FAILS(EINVAL, syscall(439, dir, "out", R_OK, 1));
    CHECK(syscall(439, dir, "abs", F_OK, AT_SYMLINK_NOFOLLOW) == 0);
    FAILS(EOPNOTSUPP, syscall(452, dir, "out", 0777, AT_SYMLINK_NOFOLLOW));
    FAILS(EFAULT, stat("f", (struct stat *)8));
    FAILS(EFAULT, syscall(SYS_getcwd, 8, 4096));
    char deep[5000];
    memset(deep, '/', sizeof deep);
    deep[4999] = 0;
    FAILS(ENAMETOOLONG, open(deep, O_RDONLY));
    deep[4095] = 0;
    fd = open(deep, O_RDONLY);
    CHECK(fd >= 0 && close(fd) == 0);
    close(dir);
}

static void listing(void) {
    CHECK(mkdir("many", 0755) == 0);
    char name[64];
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "many/entry-number-%d", i);
        close(open(name, O_CREAT | O_WRONLY, 0644));
    }
    int fd = open("many", O_RDONLY | O_DIRECTORY), seen = 0, calls = 0;
    char room[1000];
    FAILS(EINVAL, syscall(SYS_getdents64, fd, room, 10));
    FAILS(EFAULT, syscall(SYS_getdents64, fd, 8, 1000));
    long got;
    while ((got = syscall(SYS_getdents64, fd, room, sizeof room)) > 0) {
        calls++;
        for (long at = 0; at < got;) {
            struct dirent64 *entry = (struct dirent64 *)(room + at);
            CHECK(entry->d_reclen % 8 == 0 && (entry->d_type == DT_REG || entry->d_type == DT_DIR));
            at += entry->d_reclen;
            seen++;
        }
    }
    CHECK(got == 0 && seen == 502 && calls > 5);
    CHECK(lseek(fd, 0, SEEK_SET) == 0 && syscall(SYS_getdents, fd, room, sizeof room) > 500);
    close(fd);
    fd = open("f", O_RDONLY);
    FAILS(ENOTDIR, syscall(SYS_getdents64, fd, room, sizeof room));
    close(fd);
    DIR *stream = opendir("many");
    long place = -1;
    char kept[256] = "";
    for (int i = 0; i < 100; i++) readdir(stream);
    place = telldir(stream);
    struct dirent *next = readdir(stream);
    strcpy(kept, next->d_name);
    for (int i = 0; i < 50; i++) readdir(stream);
    seekdir(stream, place);
    CHECK(strcmp(readdir(stream)->d_name, kept) == 0);
    closedir(stream);
}

static void copying(void) {
    int in = open("in", O_RDWR | O_CREAT | O_TRUNC, 0644), out = open("out", O_RDWR | O_CREAT | O_TRUNC, 0644);
    static char block[300000], check[300000];
    for (size_t i = 0; i < sizeof block; i++) block[i] = i * 7 + i / 251;
    CHECK(write(in, block, sizeof block) == sizeof block);
    off_t offset = 1000;
    CHECK(sendfile(out, in, &offset, 100000) == 100000 && offset == 101000 && lseek(in, 0, SEEK_CUR) == sizeof block);
    CHECK(pread(out, check, 100000, 0) == 100000 && memcmp(check, block + 1000, 100000) == 0);
    CHECK(lseek(in, 0, SEEK_SET) == 0 && sendfile(out, in, NULL, 1 << 30) == sizeof block && lseek(in, 0, SEEK_CUR) == sizeof block);
    CHECK(sendfile(out, in, NULL, 10) == 0);
    int pipes[2];
    CHECK(pipe(pipes) == 0);
    FAILS(EBADF, sendfile(pipes[0], in, NULL, 10));
    FAILS(EBADF, sendfile(out, pipes[1], NULL, 10));
    offset = 5;
    CHECK(sendfile(pipes[1], in, &offset, 10) == 10 && read(pipes[0], check, 100) == 10 && memcmp(check, block + 5, 10) == 0);
    loff_t from = 10, to = 20;
    CHECK(ftruncate(out, 0) == 0 && copy_file_range(in, &from, out, &to, 5000, 0) == 5000 && from == 5010 && to == 5020);
    CHECK(pread(out, check, 5000, 20) == 5000 && memcmp(check, block + 10, 5000) == 0);
    FAILS(EINVAL, copy_file_range(in, &from, out, &to, 5000, 1));
    from = 0, to = 100;
    FAILS(EINVAL, copy_file_range(in, &from, in, &to, 5000, 0));
    FAILS(EINVAL, copy_file_range(pipes[0], NULL, out, NULL, 10, 0));

    struct iovec parts[3] = {{check, 10}, {check + 20, 0}, {check + 40, 10}};
    CHECK(preadv(in, parts, 3, 7) == 20 && memcmp(check + 40, block + 17, 10) == 0);
    CHECK(lseek(in, 0, SEEK_SET) == 0 && preadv2(in, parts, 3, -1, 0) == 20 && lseek(in, 0, SEEK_CUR) == 20);
    FAILS(EOPNOTSUPP, preadv2(in, parts, 3, 0, 0x4000));
    parts[1].iov_base = (void *)8;
    parts[1].iov_len = 5;
    CHECK(preadv(in, parts, 3, 7) == 10);
    FAILS(EFAULT, preadv(in, parts + 1, 2, 7));
    parts[1].iov_len = -1;
    FAILS(EINVAL, readv(in, parts, 3));
    FAILS(EINVAL, syscall(SYS_readv, in, parts, 1025));
    CHECK(readv(in, parts, 0) == 0);
    CHECK(pwritev2(out, &(struct iovec){block, 3}, 1, 0, 16 /* RWF_APPEND */) == 3 && lseek(out, 0, SEEK_END) == 5023);
    FAILS(EFAULT, syscall(SYS_read, in, 8, 10));
    FAILS(EFAULT, syscall(SYS_write, out, 8, 10));
    CHECK(posix_fadvise(in, 0, 0, POSIX_FADV_SEQUENTIAL) == 0 && posix_fadvise(pipes[0], 0, 0, 0) == ESPIPE);
    CHECK(posix_fadvise(in, 0, 0, 99) == EINVAL && readahead(in, 0, 100) == 0);
    FAILS(ESPIPE, fallocate(pipes[1], 0, 0, 10));
    FAILS(EINVAL, fallocate(out, 0, 0, 0));
    FAILS(EOPNOTSUPP, fallocate(out, FALLOC_FL_PUNCH_HOLE, 0, 10));
    CHECK(fsync(out) == 0 && fdatasync(out) == 0 && syncfs(out) == 0);
    FAILS(EINVAL, fsync(pipes[0]));
    sync();
    close(in);
    close(out);
    close(pipes[0]);
    close(pipes[1]);
}

static void memory_files(void) {
    int fd = syscall(SYS_memfd_create, "name", MFD_ALLOW_SEALING | MFD_CLOEXEC);
    char path[64], target[128];
    CHECK(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC && fcntl(fd, F_GET_SEALS) == 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(path, target, sizeof target - 1);
    target[length < 0 ? 0 : length] = 0;
    CHECK(strcmp(target, "/memfd:name (deleted)") == 0);
    CHECK(ftruncate(fd, 10000) == 0);
    char *map = mmap(NULL, 10000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(map != MAP_FAILED);
    strcpy(map + 5000, "through the map");
    CHECK(pread(fd, target, 15, 5000) == 15 && memcmp(target, "through the map", 15) == 0);
    CHECK(pwrite(fd, "and back", 8, 0) == 8 && memcmp(map, "and back", 8) == 0);
    FAILS(EBUSY, fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    CHECK(munmap(map, 10000) == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK) == 0);
    FAILS(EPERM, write(fd, "x", 1));
    FAILS(EPERM, ftruncate(fd, 1));
    FAILS(EPERM, mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL) == 0 && fcntl(fd, F_GET_SEALS) == (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_SEAL));
    FAILS(EPERM, fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
    close(fd);
    fd = syscall(SYS_memfd_create, "plain", 0);
    CHECK(fcntl(fd, F_GET_SEALS) == F_SEAL_SEAL);
    close(fd);
    FAILS(EINVAL, syscall(SYS_memfd_create, "x", 0x8000));
    char name[300];
    memset(name, 'n', 299);
    name[299] = 0;
    FAILS(EINVAL, syscall(SYS_memfd_create, name, 0));
}

static void locks(void) {
    int one = open("f", O_RDWR), two = open("f", O_RDWR);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 100};
    CHECK(fcntl(one, F_OFD_SETLK, &lock) == 0);
    FAILS(EAGAIN, fcntl(two, F_OFD_SETLK, &lock));
    struct flock probe = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 50, .l_len = 1};
    CHECK(fcntl(two, F_OFD_GETLK, &probe) == 0 && probe.l_type == F_WRLCK && probe.l_pid == -1 && probe.l_len == 100);
    lock.l_pid = 5;
    FAILS(EINVAL, fcntl(one, F_OFD_SETLK, &lock));
    lock.l_pid = 0;
    lock.l_type = F_UNLCK;
    CHECK(fcntl(one, F_OFD_SETLK, &lock) == 0);
    lock = (struct flock){.l_type = 9, .l_whence = SEEK_SET};
    FAILS(EINVAL, fcntl(one, F_SETLK, &lock));
    lock = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = -1};
    FAILS(EINVAL, fcntl(one, F_SETLK, &lock));
    FAILS(EFAULT, fcntl(one, F_SETLK, 8));

    /* a blocked lock is granted when the holder goes, and closing any descriptor releases */
    int ready[2], over[2];
    char c;
    CHECK(pipe(ready) == 0 && pipe(over) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct flock hold = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0};
        CHECK(fcntl(one, F_SETLK, &hold) == 0 && write(ready[1], "r", 1) == 1);
        usleep(50000);
        close(two);
        close(over[1]);
        CHECK(read(over[0], &c, 1) == 0);
        _exit(failures);
    }
    CHECK(read(ready[0], &c, 1) == 1);
    lock = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 5, .l_len = 5};
    CHECK(fcntl(one, F_SETLKW, &lock) == 0);
    int status;
    CHECK(waitpid(pid, &status, WNOHANG) == 0); /* released by the close, not by the exit */
    close(over[0]);
    close(over[1]);
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    /* a signal ends the wait */
    pid = fork();
    if (pid == 0) {
        struct sigaction act = {.sa_handler = on_signal};
        sigaction(SIGALRM, &act, NULL);
        struct itimerval in = {.it_value = {.tv_usec = 50000}, .it_interval = {.tv_usec = 50000}}; /* one may come too early */
        setitimer(ITIMER_REAL, &in, NULL);
        FAILS(EINTR, fcntl(one, F_SETLKW, &lock));
        _exit(failures);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    close(one);
    close(two);
    close(ready[0]);
    close(ready[1]);
}

static void limits_and_signals(void) {
    struct rlimit limit = {1000, RLIM_INFINITY};
    struct sigaction act = {.sa_handler = on_signal};
    sigaction(SIGXFSZ, &act, NULL);
    sigaction(SIGPIPE, &act, NULL);
    sigaction(SIGIO, &act, NULL);
    sigaction(SIGUSR1, &act, NULL);
    pid_t pid = fork();
    if (pid == 0) {
        char block[2000] = "";
        CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
        int fd = open("limited", O_RDWR | O_CREAT | O_TRUNC, 0644);
        CHECK(write(fd, block, 2000) == 1000 && signalled == 0);
        FAILS(EFBIG, write(fd, block, 1));
        CHECK(signalled == SIGXFSZ);
        signalled = 0;
        FAILS(EFBIG, ftruncate(fd, 1001));
        CHECK(signalled == SIGXFSZ && ftruncate(fd, 10) == 0);
        _exit(failures);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    int pipes[2];
    CHECK(pipe(pipes) == 0 && close(pipes[0]) == 0);
    FAILS(EPIPE, write(pipes[1], "x", 1));
    CHECK(signalled == SIGPIPE);
    close(pipes[1]);
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    CHECK(fcntl(pair[0], F_SETOWN, getpid()) == 0 && fcntl(pair[0], F_GETOWN) == getpid());
    CHECK(fcntl(pair[0], F_SETFL, O_ASYNC) == 0 && (fcntl(pair[0], F_GETFL) & O_ASYNC));
    signalled = 0;
    CHECK(write(pair[1], "x", 1) == 1);
    for (int i = 0; i < 6000 && !signalled; i++) usleep(10000);
    CHECK(signalled == SIGIO);
    CHECK(fcntl(pair[0], F_SETSIG, SIGUSR1) == 0 && fcntl(pair[0], F_GETSIG) == SIGUSR1);
    signalled = 0;
    CHECK(write(pair[1], "x", 1) == 1);
    for (int i = 0; i < 6000 && !signalled; i++) usleep(10000);
    CHECK(signalled == SIGUSR1);
    FAILS(EINVAL, fcntl(pair[0], F_SETSIG, 65));
    FAILS(ESRCH, fcntl(pair[0], F_SETOWN, 99999));
    struct f_owner_ex owner = {F_OWNER_PGRP, getpgrp()};
    CHECK(fcntl(pair[0], F_SETOWN_EX, &owner) == 0);
    owner.pid = 0;
    CHECK(fcntl(pair[0], F_GETOWN_EX, &owner) == 0 && owner.type == F_OWNER_PGRP && owner.pid == getpgrp());
    close(pair[0]);
    close(pair[1]);
}

static void times_and_attributes(void) {
    struct utimbuf old = {1000000, 2000000};
    struct stat st;
    CHECK(utime("f", &old) == 0 && stat("f", &st) == 0 && st.st_atime == 1000000 && st.st_mtime == 2000000);
    struct timeval pair[2] = {{5, 6}, {7, 1000000}};
    FAILS(EINVAL, utimes("f", pair));
    pair[1].tv_usec = 8;
    CHECK(utimes("f", pair) == 0 && stat("f", &st) == 0 && st.st_atim.tv_nsec == 6000 && st.st_mtim.tv_sec == 7);
    CHECK(symlink("f", "timed") == 0);
    struct timespec now[2] = {{9, 0}, {10, 0}};
    CHECK(utimensat(AT_FDCWD, "timed", now, AT_SYMLINK_NOFOLLOW) == 0 && lstat("timed", &st) == 0 && st.st_mtime == 10);
    CHECK(stat("f", &st) == 0 && st.st_mtime == 7);
    int fd = open("f", O_RDONLY);
    CHECK(futimens(fd, now) == 0 && fstat(fd, &st) == 0 && st.st_mtime == 10);
    char byte;
    CHECK(read(fd, &byte, 1) == 1 && fstat(fd, &st) == 0 && st.st_atime > 1000000); /* relatime: read after the change */
    CHECK(futimens(fd, now) == 0 && mmap(NULL, 1, PROT_READ, MAP_PRIVATE, fd, 0) != MAP_FAILED);
    CHECK(fstat(fd, &st) == 0 && st.st_atime > 1000000); /* to map is to access */
    now[0].tv_nsec = now[1].tv_nsec = UTIME_OMIT;
    CHECK(utimensat(AT_FDCWD, "missing", now, 0) == 0);
    now[1].tv_nsec = UTIME_NOW;
    FAILS(ENOENT, utimensat(AT_FDCWD, "missing", now, 0));
    struct statx sx;
    CHECK(statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &sx) == 0 && sx.stx_ino == st.st_ino);
    CHECK((sx.stx_mask & STATX_BASIC_STATS) == STATX_BASIC_STATS && sx.stx_dev_minor == (st.st_dev & 0xff));
    FAILS(EINVAL, statx(fd, "", AT_EMPTY_PATH | 0x6000, STATX_BASIC_STATS, &sx));
    FAILS(EINVAL, statx(fd, "", AT_EMPTY_PATH, 0x80000000, &sx));
    close(fd);
    struct statfs fs;
    CHECK(statfs(".", &fs) == 0 && fs.f_bsize > 0 && fs.f_namelen == 255 && fs.f_frsize > 0);
    FAILS(ENOENT, statfs("missing", &fs));
    FAILS(EOPNOTSUPP, getxattr("f", "odd.name", NULL, 0));
    FAILS(ERANGE, getxattr("f", "", NULL, 0));
    FAILS(EINVAL, setxattr("f", "user.x", "v", 1, 4));
    CHECK(umask(077) == 022 && umask(022) == 077);
    FAILS(EPERM, mknod("node", S_IFDIR | 0755, 0));
    FAILS(EINVAL, mknod("node", S_IFLNK | 0755, 0));
    CHECK(mknod("node", S_IFREG | 0640, 0) == 0 && stat("node", &st) == 0 && st.st_mode == (S_IFREG | 0640));
    CHECK(access("f", R_OK | W_OK) == 0);
    FAILS(EACCES, access("f", X_OK));
    FAILS(EINVAL, access("f", 8));
}

int main(void) {
    char root[] = "/tmp/caisson-calls-XXXXXX";
    CHECK(mkdtemp(root) != NULL && chdir(root) == 0);
    umask(022);
    descriptors();
    opening();
    listing();
    copying();
    memory_files();
    locks();
    limits_and_signals();
    times_and_attributes();
    return finish();
}
