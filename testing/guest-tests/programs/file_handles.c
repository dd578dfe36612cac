/* File handles, flags of chattr(1), extended attributes by directory, statx(2) attributes, cachestat(2), /proc/PID/fdinfo. */
#include "check.h"
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>

struct handle { struct file_handle head; char room[128]; };

static void put(const char *path) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    CHECK(fd >= 0 && write(fd, "hello", 5) == 5);
    close(fd);
}

static int name(const char *path, struct handle *handle, int flags) {
    int mount;
    handle->head.handle_bytes = 128;
    return name_to_handle_at(AT_FDCWD, path, &handle->head, &mount, flags);
}

static void handles(void) {
    struct handle handle;
    struct stat one, two;
    struct statx stx;
    int mount = -1, fd;
    put("f");
    handle.head.handle_bytes = 0;
    FAILS(EOVERFLOW, name_to_handle_at(AT_FDCWD, "f", &handle.head, &mount, 0));
    CHECK(handle.head.handle_bytes > 0);
    handle.head.handle_bytes = 129;
    FAILS(EINVAL, name_to_handle_at(AT_FDCWD, "f", &handle.head, &mount, 0));
    FAILS(EINVAL, name("f", &handle, -1));
    FAILS(ENOENT, name("", &handle, 0));
    FAILS(EOPNOTSUPP, name("/proc/version", &handle, 0));
    CHECK(name(".", &handle, 0) == 0 && name("", &handle, AT_EMPTY_PATH) == 0);
    handle.head.handle_bytes = 128;
    CHECK(name_to_handle_at(AT_FDCWD, "f", &handle.head, &mount, 0) == 0);
    CHECK(statx(AT_FDCWD, "f", 0, STATX_MNT_ID, &stx) == 0 && *(uint64_t *)((char *)&stx + 144) == (uint64_t)mount);
    CHECK((fd = open_by_handle_at(AT_FDCWD, &handle.head, O_RDWR)) >= 0);
    CHECK(fstat(fd, &one) == 0 && stat("f", &two) == 0 && one.st_ino == two.st_ino);
    close(fd);
    FAILS(EBADF, open_by_handle_at(-1, &handle.head, O_RDONLY));
    int bytes = handle.head.handle_bytes;
    handle.head.handle_bytes = 129;
    FAILS(EINVAL, open_by_handle_at(AT_FDCWD, &handle.head, O_RDONLY));
    handle.head.handle_bytes = bytes;
    if (fork() == 0) {
        failures = 0;
        CHECK(setresuid(1000, 1000, 1000) == 0);
        FAILS(EPERM, open_by_handle_at(AT_FDCWD, &handle.head, O_RDONLY));
        _exit(failures);
    }
    int status;
    CHECK(wait(&status) > 0 && status == 0);
    CHECK(unlink("f") == 0);
    FAILS(ESTALE, open_by_handle_at(AT_FDCWD, &handle.head, O_RDONLY));
    CHECK(mkdir("d", 0755) == 0 && name("d", &handle, 0) == 0);
    CHECK((fd = open_by_handle_at(AT_FDCWD, &handle.head, O_RDONLY | O_DIRECTORY)) >= 0);
    close(fd);
    FAILS(EISDIR, open_by_handle_at(AT_FDCWD, &handle.head, O_WRONLY));
    rmdir("d");
}

static void flags(void) {
    put("f");
    int fd = open("f", O_RDWR), value = FS_IMMUTABLE_FL, out = -1;
    struct statx stx;
    CHECK(ioctl(fd, FS_IOC_GETFLAGS, &out) == 0);
    CHECK(ioctl(fd, FS_IOC_SETFLAGS, &value) == 0);
    FAILS(EPERM, open("f", O_WRONLY));
    FAILS(EPERM, unlink("f"));
    FAILS(EPERM, rename("f", "g"));
    FAILS(EPERM, link("f", "g"));
    FAILS(EPERM, chmod("f", 0600));
    FAILS(EPERM, chown("f", 1, 1));
    FAILS(EPERM, truncate("f", 0));
    FAILS(EPERM, setxattr("f", "user.x", "a", 1, 0));
    FAILS(EPERM, access("f", W_OK));
    CHECK(statx(AT_FDCWD, "f", 0, 0, &stx) == 0 && (stx.stx_attributes & STATX_ATTR_IMMUTABLE)
          && (stx.stx_attributes_mask & STATX_ATTR_APPEND));
    value = FS_APPEND_FL;
    CHECK(ioctl(fd, FS_IOC_SETFLAGS, &value) == 0);
    FAILS(EPERM, open("f", O_WRONLY));
    FAILS(EPERM, open("f", O_WRONLY | O_APPEND | O_TRUNC));
    FAILS(EPERM, ftruncate(fd, 0));
    FAILS(EPERM, unlink("f"));
    int append = open("f", O_WRONLY | O_APPEND);
    CHECK(append >= 0 && write(append, "x", 1) == 1);
    close(append);
    value = FS_NODUMP_FL;
    CHECK(ioctl(fd, FS_IOC_SETFLAGS, &value) == 0 && ioctl(fd, FS_IOC_GETFLAGS, &out) == 0 && (out & FS_NODUMP_FL));
    close(fd);
    CHECK(unlink("f") == 0);
}

static void attributes(void) {
    put("f");
    struct { uint64_t value; uint32_t size, flags; } a = {(uintptr_t)"val", 3, 0};
    char room[100];
    if (syscall(463, AT_FDCWD, "f", 0, "user.k", &a, sizeof a) == -1 && errno == ENOSYS) return;
    CHECK(getxattr("f", "user.k", room, 100) == 3 && memcmp(room, "val", 3) == 0);
    FAILS(EINVAL, syscall(463, AT_FDCWD, "f", 1, "user.k", &a, sizeof a));
    a.value = (uintptr_t)room, a.size = 100;
    CHECK(syscall(464, AT_FDCWD, "f", 0, "user.k", &a, sizeof a) == 3);
    FAILS(EINVAL, syscall(464, AT_FDCWD, "f", 0, "user.k", &a, 8));
    FAILS(E2BIG, syscall(464, AT_FDCWD, "f", 0, "user.k", &a, 5000));
    CHECK(syscall(465, AT_FDCWD, "f", 0, room, 100) >= 7);
    CHECK(syscall(466, AT_FDCWD, "f", 0, "user.k") == 0);
    FAILS(ENODATA, syscall(466, AT_FDCWD, "f", 0, "user.k"));
}

static char *info(int fd) {
    static char text[4000];
    char path[60];
    sprintf(path, "/proc/self/fdinfo/%d", fd);
    int file = open(path, O_RDONLY);
    ssize_t got = read(file, text, sizeof text - 1);
    CHECK(got > 0);
    text[got > 0 ? got : 0] = 0;
    close(file);
    return text;
}

static void descriptions(void) {
    int fd = open("f", O_RDWR | O_APPEND | O_CLOEXEC);
    CHECK(lseek(fd, 3, SEEK_SET) == 3 && strstr(info(fd), "pos:\t3\nflags:\t02102002\n"));
    CHECK(flock(fd, LOCK_EX) == 0 && strstr(info(fd), "FLOCK  ADVISORY  WRITE "));
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 1, .l_len = 2};
    CHECK(fcntl(fd, F_SETLK, &lock) == 0 && strstr(info(fd), "POSIX  ADVISORY  WRITE ") && strstr(info(fd), " 1 2\n"));
    int event = eventfd(7, EFD_SEMAPHORE);
    CHECK(strstr(info(event), "eventfd-count:                7\n") && strstr(info(event), "eventfd-semaphore: 1\n"));
    int epoll = epoll_create1(0);
    struct epoll_event e = {EPOLLIN, {.u64 = 0x123}};
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, event, &e) == 0);
    char expected[100];
    sprintf(expected, "tfd: %8d events:       19 data:              123  pos:0 ino:", event);
    CHECK(strstr(info(epoll), expected));
    int inotify = inotify_init();
    CHECK(inotify_add_watch(inotify, "f", IN_MODIFY) == 1 && strstr(info(inotify), "inotify wd:1 ino:") && strstr(info(inotify), " mask:2 ignored_mask:0 "));
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK(strstr(info(signalfd(-1, &set, 0)), "sigmask:\t0000000000000200\n"));
    CHECK(strstr(info(timerfd_create(CLOCK_MONOTONIC, 0)), "clockid: 1\nticks: 0\nsettime flags: 00\nit_value: (0, 0)\nit_interval: (0, 0)\n"));
    CHECK(strstr(info(syscall(SYS_pidfd_open, getpid(), 0)), "Pid:\t"));
    unlink("f");
}

static void transfers(void) {
    put("f");
    int fd = open("f", O_RDWR), event = eventfd(0, EFD_NONBLOCK), pair[2];
    char room[16];
    struct iovec v = {room, 4};
    signal(SIGXFSZ, SIG_IGN);
    CHECK(pipe(pair) == 0);
    FAILS(EINVAL, pread(fd, room, 5, INT64_MAX));
    FAILS(EINVAL, lseek(fd, INT64_MAX, SEEK_END));
    FAILS(EINVAL, write(event, room, 9));
    CHECK(preadv2(fd, &v, 1, 0, RWF_APPEND) == 4);
    FAILS(EINVAL, splice(event, NULL, pair[1], NULL, 8, 0));
    CHECK(write(pair[1], "abcdefgh", 8) == 8);
    FAILS(EINVAL, splice(pair[0], NULL, event, NULL, 8, SPLICE_F_NONBLOCK));
    loff_t in = INT64_MAX, out = 0;
    CHECK(copy_file_range(fd, &in, fd, &out, 5, 0) == 0);
    int other = open("/proc/version", O_RDONLY);
    FAILS(EXDEV, copy_file_range(other, NULL, fd, NULL, 5, 0));
    struct rlimit limit = {2, RLIM_INFINITY};
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    CHECK(truncate("f", 4) == 0); /* shrinking goes on beyond the limit */
    FAILS(EFBIG, truncate("f", 5));
    limit.rlim_cur = RLIM_INFINITY;
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    FAILS(EOPNOTSUPP, fallocate(fd, 0x08 | 1, 0, 4096)); /* collapse and keep the size */
    FAILS(ENOENT, open("missing", O_RDONLY));
    CHECK(open("/dev/null", O_RDONLY) >= 0);
    limit.rlim_cur = 3;
    struct rlimit old;
    CHECK(getrlimit(RLIMIT_NOFILE, &old) == 0);
    limit.rlim_max = old.rlim_max;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    FAILS(EMFILE, open("missing", O_CREAT | O_RDWR, 0600));
    CHECK(setrlimit(RLIMIT_NOFILE, &old) == 0 && access("missing", F_OK) != 0);
    unlink("f");

    int memory = memfd_create("x", MFD_ALLOW_SEALING);
    CHECK(ftruncate(memory, 4096) == 0 && fcntl(memory, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) == 0);
    FAILS(EPERM, (long)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0));
    void *mapped = mmap(NULL, 4096, PROT_READ, MAP_SHARED, memory, 0);
    CHECK(mapped != MAP_FAILED);
    FAILS(EACCES, mprotect(mapped, 4096, PROT_READ | PROT_WRITE));
    CHECK(fcntl(memory, F_ADD_SEALS, F_SEAL_WRITE) == 0);
    struct { uint64_t offset, length; } range = {0, 4096};
    uint64_t statistics[5];
    if (syscall(451, memory, &range, statistics, 0) == 0) {
        FAILS(EINVAL, syscall(451, memory, &range, statistics, 1));
        FAILS(EFAULT, syscall(451, memory, 1, statistics, 0));
    }
}

int main(void) {
    char root[] = "/tmp/caisson-handles-XXXXXX";
    CHECK(mkdtemp(root) != NULL && chdir(root) == 0);
    handles();
    flags();
    attributes();
    descriptions();
    transfers();
    CHECK(chdir("/") == 0 && rmdir(root) == 0);
    return finish();
}
