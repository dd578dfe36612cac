/* open(2) to rename(2): results, errors and their order, in a directory of its own. */
#include "check.h"
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>

static void put(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}
static const char *get(const char *path) {
    static char text[4096];
    int fd = open(path, O_RDONLY);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    text[length < 0 ? 0 : length] = 0;
    return length < 0 ? "(none)" : text;
}
static int entries(const char *path) {
    DIR *dir = opendir(path);
    int n = 0;
    if (dir == NULL) return -1;
    while (readdir(dir)) n++;
    closedir(dir);
    return n;
}

int main(void) {
    char root[] = "/tmp/caisson-files-XXXXXX", longname[300];
    struct stat st, other;
    CHECK(mkdtemp(root) != NULL && chdir(root) == 0);
    umask(022);
    CHECK(chmod(root, 0755) == 0);
    memset(longname, 'n', 299);
    longname[299] = 0;

    put("a", "alpha");
    CHECK(stat("a", &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 07777) == 0644 && st.st_size == 5 && st.st_nlink == 1);
    FAILS(ENOENT, open("missing", O_RDONLY));
    FAILS(ENOENT, open("", O_RDONLY));
    FAILS(ENOTDIR, open("a/b", O_RDONLY));
    FAILS(ENOTDIR, open("a/", O_RDONLY));
    FAILS(ENOTDIR, open("a", O_RDONLY | O_DIRECTORY));
    FAILS(EEXIST, open("a", O_CREAT | O_EXCL | O_WRONLY, 0600));
    FAILS(EISDIR, open(".", O_WRONLY));
    FAILS(EISDIR, open("new/", O_CREAT | O_WRONLY, 0600));
    FAILS(ENAMETOOLONG, open(longname, O_RDONLY));
    FAILS(EBADF, openat(999, "a", O_RDONLY));
    FAILS(EBADF, read(999, root, 1));
    FAILS(EFAULT, open((char *)1, O_RDONLY));

    /* Directories. */
    CHECK(mkdir("d", 0777) == 0 && stat("d", &st) == 0 && (st.st_mode & 07777) == 0755 && st.st_nlink == 2);
    CHECK(mkdir("d/e", 0700) == 0);
    FAILS(EEXIST, mkdir("d", 0777));
    FAILS(EEXIST, mkdir("a", 0777));
    FAILS(ENOENT, mkdir("x/y", 0777));
    FAILS(ENOTEMPTY, rmdir("d"));
    FAILS(ENOTDIR, rmdir("a"));
    FAILS(EINVAL, rmdir("d/e/."));
    FAILS(ENOTEMPTY, rmdir("d/e/.."));
    FAILS(EISDIR, unlink("d"));
    FAILS(ENOTDIR, unlink("a/"));
    CHECK(entries(".") == 4 && entries("d") == 3);

    /* Links. */
    CHECK(link("a", "b") == 0 && stat("b", &other) == 0 && stat("a", &st) == 0 && st.st_ino == other.st_ino && st.st_nlink == 2);
    FAILS(EEXIST, link("a", "b"));
    FAILS(EPERM, link("d", "dd"));
    FAILS(ENOENT, link("missing", "c"));
    CHECK(symlink("a", "s") == 0 && lstat("s", &st) == 0 && S_ISLNK(st.st_mode) && st.st_size == 1);
    CHECK(strcmp(get("s"), "alpha") == 0);
    char target[10] = "zzzzzzzzz";
    CHECK(readlink("s", target, 10) == 1 && target[0] == 'a' && target[1] == 'z');
    FAILS(EINVAL, readlink("a", target, 10));
    FAILS(EINVAL, readlink("s", target, 0));
    FAILS(ELOOP, open("s", O_RDONLY | O_NOFOLLOW));
    CHECK(symlink("loop2", "loop1") == 0 && symlink("loop1", "loop2") == 0);
    FAILS(ELOOP, open("loop1", O_RDONLY));
    FAILS(ENOENT, symlink("", "empty"));
    CHECK(symlink("created", "dangling") == 0);
    put("dangling", "through");
    CHECK(strcmp(get("created"), "through") == 0);
    FAILS(EEXIST, open("dangling", O_CREAT | O_EXCL | O_WRONLY, 0600));

    /* Rename. */
    put("r1", "one");
    put("r2", "two");
    CHECK(rename("r1", "r2") == 0 && strcmp(get("r2"), "one") == 0 && access("r1", F_OK) == -1);
    CHECK(rename("a", "b") == 0 && access("a", F_OK) == 0); /* the same file: nothing happens */
    FAILS(EINVAL, rename("d", "d/e/f"));
    FAILS(ENOTDIR, rename("d", "a"));
    FAILS(EISDIR, rename("a", "d"));
    FAILS(EBUSY, rename("d/.", "q"));
    CHECK(mkdir("full", 0755) == 0);
    put("full/x", "x");
    FAILS(ENOTEMPTY, rename("d", "full"));
    CHECK(mkdir("hollow", 0755) == 0 && rename("d", "hollow") == 0 && access("hollow/e", F_OK) == 0);
    FAILS(EEXIST, syscall(SYS_renameat2, AT_FDCWD, "a", AT_FDCWD, "r2", 1));
    put("r1", "uno");
    CHECK(syscall(SYS_renameat2, AT_FDCWD, "r1", AT_FDCWD, "r2", 2) == 0 && strcmp(get("r1"), "one") == 0);
    FAILS(EINVAL, syscall(SYS_renameat2, AT_FDCWD, "r1", AT_FDCWD, "r2", 3));

    /* An unlinked file lives while it is open. */
    int fd = open("ghost", O_RDWR | O_CREAT, 0600);
    CHECK(fd >= 0 && unlink("ghost") == 0 && write(fd, "boo", 3) == 3 && lseek(fd, 0, SEEK_SET) == 0);
    CHECK(read(fd, target, 3) == 3 && fstat(fd, &st) == 0 && st.st_nlink == 0);
    char path[64], name[PATH_MAX];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(path, name, sizeof name - 1);
    name[n < 0 ? 0 : n] = 0;
    CHECK(n > 10 && strcmp(name + n - 10, " (deleted)") == 0);
    close(fd);

    /* Offsets, holes, append, positional and vectored transfers. */
    fd = open("io", O_RDWR | O_CREAT | O_TRUNC, 0644);
    CHECK(lseek(fd, 10000, SEEK_SET) == 10000 && write(fd, "end", 3) == 3);
    CHECK(fstat(fd, &st) == 0 && st.st_size == 10003 && pread(fd, target, 4, 5000) == 4 && target[0] == 0);
    CHECK(lseek(fd, 0, SEEK_HOLE) >= 0 && lseek(fd, 0, SEEK_DATA) >= 0);
    FAILS(ENXIO, lseek(fd, 20000, SEEK_DATA));
    FAILS(EINVAL, lseek(fd, -1, SEEK_SET));
    FAILS(EINVAL, lseek(fd, 0, 99));
    FAILS(EINVAL, pread(fd, target, 1, -1));
    struct iovec parts[2] = {{"ab", 2}, {"cde", 3}};
    CHECK(pwritev(fd, parts, 2, 0) == 5 && pread(fd, target, 5, 0) == 5 && memcmp(target, "abcde", 5) == 0);
    volatile int negative = -1;
    FAILS(EINVAL, syscall(SYS_readv, fd, parts, negative));
    int append = open("io", O_WRONLY | O_APPEND);
    CHECK(write(append, "+", 1) == 1 && fstat(fd, &st) == 0 && st.st_size == 10004);
    CHECK(pwrite(append, "!", 1, 0) == 1 && fstat(fd, &st) == 0 && st.st_size == 10005);
    FAILS(EBADF, read(append, target, 1));
    CHECK(ftruncate(fd, 3) == 0 && pread(fd, target, 9, 0) == 3 && ftruncate(fd, 6) == 0 && pread(fd, target, 9, 0) == 6 && target[4] == 0);
    FAILS(EINVAL, ftruncate(fd, -1));
    FAILS(EINVAL, truncate("io", -1));
    FAILS(EISDIR, truncate("full", 0));
    CHECK(fallocate(fd, 0, 0, 8192) == 0 && fstat(fd, &st) == 0 && st.st_size == 8192);
    int pipes[2];
    CHECK(pipe(pipes) == 0);
    FAILS(ESPIPE, lseek(pipes[0], 0, SEEK_CUR));
    FAILS(ESPIPE, pread(pipes[0], target, 1, 0));

    /* Descriptors. */
    int copy = dup(fd);
    CHECK(copy >= 0 && lseek(fd, 77, SEEK_SET) == 77 && lseek(copy, 0, SEEK_CUR) == 77);
    FAILS(EINVAL, syscall(SYS_dup3, fd, fd, 0));
    CHECK(dup2(fd, fd) == fd && dup2(fd, 200) == 200);
    FAILS(EBADF, dup2(999, 5));
    FAILS(EBADF, dup2(fd, -1));
    CHECK(fcntl(fd, F_DUPFD, 100) == 100 && fcntl(fd, F_GETFD) == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_GETFD) == 1);
    CHECK((fcntl(append, F_GETFL) & (O_ACCMODE | O_APPEND)) == (O_WRONLY | O_APPEND));
    FAILS(EINVAL, fcntl(fd, 9999));
    FAILS(EBADF, close(998));

    /* Locks. */
    int second = open("io", O_RDWR);
    CHECK(flock(fd, LOCK_EX) == 0);
    FAILS(EWOULDBLOCK, flock(second, LOCK_EX | LOCK_NB));
    CHECK(flock(fd, LOCK_UN) == 0 && flock(second, LOCK_SH | LOCK_NB) == 0);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 10};
    CHECK(fcntl(fd, F_SETLK, &lock) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct flock probe = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 15, .l_len = 1};
        CHECK(fcntl(fd, F_GETLK, &probe) == 0 && probe.l_type == F_WRLCK && probe.l_start == 10 && probe.l_pid == getppid());
        probe = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 19, .l_len = 5};
        FAILS(EAGAIN, fcntl(fd, F_SETLK, &probe));
        _exit(failures);
    }
    int status;
    waitpid(pid, &status, 0);
    CHECK(status == 0);

    /* Modes, owners, times. */
    put("mode", "");
    CHECK(chmod("mode", 04751) == 0 && stat("mode", &st) == 0 && (st.st_mode & 07777) == 04751);
    CHECK(chown("mode", 12, 34) == 0 && stat("mode", &st) == 0 && st.st_uid == 12 && st.st_gid == 34 && (st.st_mode & 07777) == 0751);
    struct timespec times[2] = {{.tv_sec = 1000000000, .tv_nsec = 123456789}, {.tv_nsec = UTIME_OMIT}};
    CHECK(utimensat(AT_FDCWD, "mode", times, 0) == 0 && stat("mode", &st) == 0 && st.st_atim.tv_sec == 1000000000 && st.st_atim.tv_nsec == 123456789);
    times[0].tv_nsec = 2000000000;
    FAILS(EINVAL, utimensat(AT_FDCWD, "mode", times, 0));
    struct statx sx;
    CHECK(statx(AT_FDCWD, "mode", 0, STATX_BASIC_STATS, &sx) == 0 && sx.stx_mode == st.st_mode && sx.stx_uid == 12);
    FAILS(EINVAL, statx(AT_FDCWD, "mode", 0x10000000, STATX_BASIC_STATS, &sx));
    pid = fork();
    if (pid == 0) {
        CHECK(setgid(1000) == 0 && setuid(1000) == 0);
        FAILS(EPERM, chmod(root, 0777));
        FAILS(EPERM, chown("mode", 1000, 1000));
        FAILS(EACCES, open("mode", O_WRONLY));
        _exit(failures);
    }
    waitpid(pid, &status, 0);
    CHECK(status == 0);

    /* Sticky directories protect the files of others. */
    CHECK(chmod(root, 01777) == 0);
    pid = fork();
    if (pid == 0) {
        setgid(1000);
        setuid(1000);
        FAILS(EPERM, unlink("io"));
        FAILS(EPERM, rename("io", "oi"));
        CHECK(open("mine", O_CREAT | O_WRONLY, 0600) >= 0 && unlink("mine") == 0);
        _exit(failures);
    }
    waitpid(pid, &status, 0);
    CHECK(status == 0);

    /* Extended attributes. */
    char value[16];
    if (setxattr("io", "user.k", "value", 5, XATTR_CREATE) == 0) {
        CHECK(getxattr("io", "user.k", value, 16) == 5);
        FAILS(ERANGE, getxattr("io", "user.k", value, 2));
        FAILS(EEXIST, setxattr("io", "user.k", "v", 1, XATTR_CREATE));
        CHECK(removexattr("io", "user.k") == 0);
        FAILS(ENODATA, getxattr("io", "user.k", value, 16));
    }
    /* A device takes what is appended, whole. */
    struct iovec pieces[2] = {{"ab", 2}, {"c", 1}};
    CHECK((fd = open("/dev/null", O_RDWR | O_APPEND)) >= 0 && write(fd, "abc", 3) == 3 && pwrite(fd, "ab", 2, 5) == 2);
    CHECK(writev(fd, pieces, 2) == 3 && close(fd) == 0);

    /* FIFOs and the directory a process stands in. */
    CHECK(mkfifo("fifo", 0600) == 0);
    FAILS(ENXIO, open("fifo", O_WRONLY | O_NONBLOCK));
    CHECK((fd = open("fifo", O_RDONLY | O_NONBLOCK)) >= 0 && read(fd, target, 1) == 0);
    CHECK(mkdir("cwd", 0755) == 0 && chdir("cwd") == 0 && rmdir("../cwd") == 0);
    FAILS(ENOENT, open("x", O_CREAT | O_WRONLY, 0600));
    FAILS(ENOENT, syscall(SYS_getcwd, name, sizeof name));
    CHECK(chdir(root) == 0);
    FAILS(ERANGE, syscall(SYS_getcwd, name, 2));
    return finish();
}
