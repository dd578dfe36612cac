/* Bad pointers, huge lengths, looping and overlong paths, unknown calls: each has its errno. */
#include "check.h"
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>

#define KERNEL ((void *)0xffff800000001000UL)
#define HOLE ((void *)0x1000000000000UL) /* between the halves */
#define LOW ((void *)8)

static void pointers(void) {
    void *const wild[] = {LOW, HOLE, KERNEL, (void *)-1L, (void *)-4096L};
    int fd = open("/dev/zero", O_RDWR), file = open("file", O_RDWR | O_CREAT, 0600), pipes[2], sockets[2];
    CHECK(pipe(pipes) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
    CHECK(write(file, "content", 7) == 7 && lseek(file, 0, SEEK_SET) == 0 && write(pipes[1], "abc", 3) == 3);
    CHECK(write(sockets[1], "abc", 3) == 3);
    for (unsigned i = 0; i < sizeof wild / sizeof wild[0]; i++) {
        void *bad = wild[i];
        FAILS(EFAULT, syscall(SYS_read, fd, bad, 100));
        FAILS(EFAULT, syscall(SYS_read, file, bad, 100));
        FAILS(EFAULT, syscall(SYS_read, pipes[0], bad, 100));
        FAILS(EFAULT, syscall(SYS_read, sockets[0], bad, 100));
        FAILS(EFAULT, syscall(SYS_write, file, bad, 100));
        FAILS(EFAULT, syscall(SYS_write, pipes[1], bad, 100));
        FAILS(EFAULT, syscall(SYS_open, bad, O_RDONLY, 0));
        FAILS(EFAULT, syscall(SYS_stat, "file", bad));
        FAILS(EFAULT, syscall(SYS_fstat, file, bad));
        FAILS(EFAULT, syscall(SYS_readv, fd, bad, 3));
        FAILS(EFAULT, syscall(SYS_execve, bad, NULL, NULL));
        FAILS(EFAULT, syscall(SYS_execve, "/bin/true", bad, NULL));
        FAILS(EFAULT, syscall(SYS_pipe2, bad, 0));
        FAILS(EFAULT, syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, bad));
        FAILS(EFAULT, syscall(SYS_rt_sigaction, SIGUSR1, bad, NULL, 8));
        FAILS(EFAULT, syscall(SYS_rt_sigprocmask, SIG_BLOCK, bad, NULL, 8));
        FAILS(EFAULT, syscall(SYS_nanosleep, bad, NULL));
        FAILS(EFAULT, syscall(SYS_uname, bad));
        FAILS(EFAULT, syscall(SYS_getrlimit, RLIMIT_NOFILE, bad));
        FAILS(EFAULT, syscall(SYS_setrlimit, RLIMIT_NOFILE, bad));
        FAILS(EFAULT, syscall(SYS_getcwd, bad, 4096));
        FAILS(EFAULT, syscall(SYS_poll, bad, 2, 0));
        FAILS(EFAULT, syscall(SYS_select, 8, bad, NULL, NULL, NULL));
        FAILS(EFAULT, syscall(SYS_epoll_ctl, epoll_create1(0), EPOLL_CTL_ADD, pipes[0], bad));
        FAILS(EFAULT, syscall(SYS_sendmsg, sockets[0], bad, 0));
        FAILS(EFAULT, syscall(SYS_connect, sockets[0], bad, 10));
        FAILS(EFAULT, syscall(SYS_futex, (char *)NULL + ((long)bad & ~3L), 0, 0, NULL, NULL, 0));
        FAILS(EFAULT, syscall(SYS_clock_gettime, CLOCK_BOOTTIME, bad));
        FAILS(EFAULT, syscall(SYS_getrandom, bad, 16, 0));
        FAILS(EFAULT, syscall(SYS_readlink, "/proc/self/exe", bad, 100));
        FAILS(EFAULT, syscall(SYS_getdents64, open(".", O_RDONLY), bad, 1000));
        FAILS(EFAULT, syscall(SYS_symlink, bad, "x"));
        FAILS(EFAULT, syscall(SYS_rename, "file", bad));
    }
}

static void lengths(void) {
    static char low[1]; /* far below the end of the address space */
    char page[4096];
    struct iovec vector[2] = {{page, 10}, {page, 10}};
    int fd = open("/dev/zero", O_RDWR), null = open("/dev/null", O_WRONLY), file = open("file", O_RDWR | O_CREAT, 0600);
    FAILS(EINVAL, syscall(SYS_readv, fd, vector, -1L));
    FAILS(EINVAL, syscall(SYS_readv, fd, vector, 1025L));
    vector[1].iov_len = (size_t)SSIZE_MAX + 1;
    FAILS(EINVAL, syscall(SYS_readv, fd, vector, 2L));
    CHECK(syscall(SYS_write, null, low, (size_t)0x7fffffffUL) == 0x7ffff000); /* MAX_RW_COUNT; nothing is looked at */
    FAILS(EFAULT, syscall(SYS_read, fd, page, (size_t)-1));
    FAILS(EINVAL, syscall(SYS_pread64, file, page, 10, -1L));
    FAILS(EINVAL, ftruncate(file, -1));
    FAILS(EINVAL, syscall(SYS_mmap, NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    FAILS(ENOMEM, syscall(SYS_mmap, NULL, -1L, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    FAILS(ENOMEM, syscall(SYS_mmap, NULL, 1UL << 47, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    FAILS(EBADF, syscall(SYS_mmap, NULL, 4096, PROT_READ, 0, -1, 0));
    FAILS(EINVAL, syscall(SYS_munmap, 1, 4096));
    FAILS(EINVAL, syscall(SYS_munmap, 4096, -1L));
    FAILS(EINVAL, syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 7));
    FAILS(EINVAL, syscall(SYS_rt_sigaction, 65, NULL, NULL, 8));
    FAILS(EINVAL, syscall(SYS_poll, NULL, INT_MAX, 0));
    FAILS(EINVAL, syscall(SYS_select, -1, NULL, NULL, NULL, NULL));
    FAILS(EINVAL, syscall(SYS_sethostname, page, -1));
    FAILS(EINVAL, syscall(SYS_epoll_wait, epoll_create1(0), page, 0, 0));
    FAILS(EINVAL, syscall(SYS_epoll_wait, epoll_create1(0), page, INT_MAX, 0));
    FAILS(ERANGE, syscall(SYS_getcwd, page, 1));
    FAILS(EBADF, syscall(SYS_dup2, fd, -1));
    FAILS(EBADF, syscall(SYS_dup2, fd, INT_MAX));
    FAILS(EBADF, syscall(SYS_read, INT_MIN, page, 1));
}

static void paths(void) {
    char path[2 * PATH_MAX], target[PATH_MAX + 10];
    struct stat st;
    CHECK(symlink("loop", "loop") == 0 && symlink("b", "a") == 0 && symlink("a/x", "b") == 0);
    FAILS(ELOOP, stat("loop", &st));
    FAILS(ELOOP, stat("loop/x", &st));
    FAILS(ELOOP, stat("a", &st));
    FAILS(ELOOP, mkdir("loop/x", 0700));
    FAILS(EEXIST, mkdir("loop", 0700));
    FAILS(ELOOP, open("loop", O_RDONLY | O_CREAT, 0600));
    FAILS(EEXIST, open("loop", O_RDONLY | O_CREAT | O_EXCL, 0600));
    CHECK(lstat("loop", &st) == 0 && S_ISLNK(st.st_mode) && st.st_size == 4);
    CHECK(mkdir("chain", 0700) == 0 && symlink(".", "chain/0") == 0);
    for (int i = 1; i <= 41; i++) {
        char name[20], to[20];
        sprintf(name, "chain/%d", i);
        sprintf(to, "%d", i - 1);
        CHECK(symlink(to, name) == 0);
    }
    CHECK(stat("chain/39", &st) == 0); /* 40 links are followed, not more */
    FAILS(ELOOP, stat("chain/40", &st));

    memset(path, 'n', sizeof path);
    path[NAME_MAX] = 0;
    FAILS(ENOENT, stat(path, &st));
    path[NAME_MAX] = 'n';
    path[NAME_MAX + 1] = 0;
    FAILS(ENAMETOOLONG, stat(path, &st));
    FAILS(ENAMETOOLONG, mkdir(path, 0700));
    FAILS(ENAMETOOLONG, symlink("x", path));
    for (int i = 0; i < (int)sizeof path; i++) {
        path[i] = i % 2 ? '/' : '.';
    }
    path[PATH_MAX - 1] = 0;
    CHECK(stat(path, &st) == 0 && S_ISDIR(st.st_mode));
    path[PATH_MAX - 1] = '/';
    path[PATH_MAX] = 0;
    FAILS(ENAMETOOLONG, stat(path, &st));
    FAILS(ENAMETOOLONG, chdir(path));
    memset(target, 't', sizeof target);
    target[PATH_MAX - 1] = 0;
    CHECK(symlink(target, "long") == 0 && readlink("long", path, sizeof path) == PATH_MAX - 1);
    FAILS(ENAMETOOLONG, stat("long", &st));
    target[PATH_MAX - 1] = 't';
    target[PATH_MAX] = 0;
    FAILS(ENAMETOOLONG, symlink(target, "longer"));
    FAILS(ENOENT, symlink("", "nothing"));
    /* A tree deeper than a path may be long is made and removed step by step. */
    int depth = 0;
    memset(path, 'd', 200);
    path[200] = 0;
    while (depth < 30 && mkdir(path, 0700) == 0 && chdir(path) == 0) {
        depth++;
    }
    CHECK(depth == 30);
    FAILS(ENAMETOOLONG, syscall(SYS_getcwd, target, 1000));
    FAILS(ENAMETOOLONG, syscall(SYS_getcwd, path + 201, sizeof path - 201));
    while (depth > 0 && chdir("..") == 0 && rmdir(path) == 0) {
        depth--;
    }
    CHECK(depth == 0);
}

static void unknown_calls(void) {
    static const int numbers[] = {380, 423, 500, 511, 548, 1000, 4096, INT_MAX, -1, -2, INT_MIN};
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        FAILS(ENOSYS, syscall(numbers[i], 1, 2, 3, 4, 5, 6));
    }
}

int main(void) {
    char root[] = "/tmp/caisson-bad-XXXXXX";
    CHECK(mkdtemp(root) != NULL && chdir(root) == 0);
    pointers();
    lengths();
    paths();
    unknown_calls();
    return finish();
}
