/* mount(2), umount2(2), pivot_root(2), chroot(2) in a mount namespace of its own. */
#include "check.h"
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static void put(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}
static int has(const char *path) { return access(path, F_OK) == 0; }

/* The line of mountinfo whose mount point ends so, or NULL. */
static const char *mountinfo(const char *end) {
    static char line[1000];
    FILE *file = fopen("/proc/self/mountinfo", "r");
    if (file == NULL) return NULL;
    while (fgets(line, sizeof line, file)) {
        char point[500];
        if (sscanf(line, "%*d %*d %*s %*s %499s", point) == 1 && strlen(point) >= strlen(end)
            && strcmp(point + strlen(point) - strlen(end), end) == 0) {
            fclose(file);
            return line;
        }
    }
    fclose(file);
    return NULL;
}

int main(void) {
    char root[] = "/tmp/caisson-mounts-XXXXXX";
    struct statfs fs;
    struct stat st, other;
    CHECK(mkdtemp(root) != NULL && chdir(root) == 0);
    CHECK(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
    CHECK(mkdir("m", 0755) == 0 && mkdir("b", 0755) == 0 && mkdir("c", 0755) == 0);
    put("m/under", "");

    FAILS(ENODEV, mount("none", "m", "nosuchfs", 0, NULL));
    FAILS(ENOENT, mount("none", "missing", "tmpfs", 0, NULL));
    FAILS(EINVAL, mount("none", "m", "tmpfs", 0, "nonsense=1"));
    FAILS(EINVAL, mount("none", "m", NULL, 0, NULL));
    FAILS(EINVAL, umount2("m", 0));
    FAILS(EINVAL, umount2("m", 0x100));
    FAILS(EINVAL, mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL));
    put("file", "");
    FAILS(ENOTDIR, mount("none", "file", "tmpfs", 0, NULL));

    CHECK(mount("mytmp", "m", "tmpfs", MS_NOSUID | MS_NODEV, "size=64k,mode=0750") == 0);
    CHECK(!has("m/under") && stat("m", &st) == 0 && (st.st_mode & 07777) == 0750 && stat(".", &other) == 0 && st.st_dev != other.st_dev);
    CHECK(statfs("m", &fs) == 0 && fs.f_type == 0x01021994 && fs.f_blocks * fs.f_bsize == 65536);
    CHECK((fs.f_flags & (ST_NOSUID | ST_NODEV | ST_NOEXEC | ST_RDONLY)) == (ST_NOSUID | ST_NODEV));
    const char *line = mountinfo("/m");
    CHECK(line != NULL && strstr(line, "nosuid,nodev") && strstr(line, " - tmpfs mytmp rw"));
    put("m/f", "inside");
    FAILS(EXDEV, rename("m/f", "f"));
    FAILS(EXDEV, link("m/f", "f"));
    FAILS(EBUSY, rmdir("m"));
    FAILS(EBUSY, rename("m", "n"));

    /* Room runs out. */
    static char block[100000];
    int fd = open("m/big", O_CREAT | O_WRONLY, 0600);
    ssize_t written = write(fd, block, sizeof block);
    CHECK(written > 0 && written <= 65536);
    FAILS(ENOSPC, write(fd, block, sizeof block));
    close(fd);
    CHECK(unlink("m/big") == 0);

    /* Devices are off limits with nodev. */
    CHECK(mknod("m/null", S_IFCHR | 0666, 0x103) == 0);
    FAILS(EACCES, open("m/null", O_RDONLY));

    /* Read-only. */
    CHECK(mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOEXEC, NULL) == 0);
    FAILS(EROFS, open("m/f", O_WRONLY));
    FAILS(EROFS, open("m/g", O_WRONLY | O_CREAT, 0600));
    FAILS(EROFS, unlink("m/f"));
    FAILS(EROFS, chmod("m/f", 0));
    FAILS(EROFS, mkdir("m/d", 0700));
    FAILS(EEXIST, mkdir("m/f", 0700));
    FAILS(EROFS, access("m/f", W_OK));
    FAILS(EACCES, access("m/f", X_OK));
    CHECK(mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND, NULL) == 0);
    put("m/g", "again");

    /* Bind, busy, detach. */
    CHECK(mount("m", "b", NULL, MS_BIND, NULL) == 0 && has("b/f") && stat("b/f", &st) == 0 && stat("m/f", &other) == 0);
    CHECK(st.st_ino == other.st_ino && st.st_dev == other.st_dev);
    FAILS(EXDEV, rename("b/f", "m/h"));
    fd = open("b/f", O_RDONLY);
    FAILS(EBUSY, umount2("b", 0));
    CHECK(umount2("b", MNT_DETACH) == 0 && !has("b/f"));
    char text[10];
    CHECK(read(fd, text, 6) == 6 && memcmp(text, "inside", 6) == 0);
    close(fd);
    put("plain", "one");
    CHECK(mount("m/f", "plain", NULL, MS_BIND, NULL) == 0 && stat("plain", &st) == 0 && st.st_size == 6);
    FAILS(EBUSY, unlink("plain"));
    CHECK(umount2("plain", 0) == 0 && stat("plain", &st) == 0 && st.st_size == 3);

    /* Move, and the recursive bind. */
    CHECK(mkdir("m/in", 0755) == 0 && mount("inner", "m/in", "tmpfs", 0, NULL) == 0);
    put("m/in/deep", "");
    CHECK(mount("m", "b", NULL, MS_BIND | MS_REC, NULL) == 0 && has("b/in/deep"));
    CHECK(umount2("b/in", 0) == 0 && has("m/in/deep") && umount2("b", 0) == 0);
    CHECK(mount("m", "c", NULL, MS_MOVE, NULL) == 0 && has("c/in/deep") && has("m/under") && !has("c/under"));
    FAILS(ELOOP, mount("c", "c/in", NULL, MS_MOVE, NULL));
    FAILS(EBUSY, umount2("c", 0));

    /* Shared mounts tell each other. */
    CHECK(mount(NULL, "c", NULL, MS_SHARED, NULL) == 0 && mount("c", "b", NULL, MS_BIND, NULL) == 0);
    CHECK(mkdir("c/event", 0755) == 0 && mount("none", "c/event", "tmpfs", 0, NULL) == 0);
    put("c/event/told", "");
    CHECK(has("b/event/told"));
    line = mountinfo("/c");
    CHECK(line != NULL && strstr(line, " shared:"));
    CHECK(umount2("c/event", 0) == 0 && !has("b/event/told"));
    CHECK(umount2("b", MNT_DETACH) == 0);

    /* Another namespace does not see what we do. */
    int pipes[2], back[2];
    char c;
    CHECK(pipe(pipes) == 0 && pipe(back) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        CHECK(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
        CHECK(mount("theirs", "b", "tmpfs", 0, NULL) == 0);
        put("b/theirs", "");
        CHECK(write(pipes[1], "x", 1) == 1 && read(back[0], &c, 1) == 1);
        CHECK(has("b/theirs"));
        /* chroot */
        CHECK(mkdir("b/jail", 0755) == 0 && symlink("/", "b/jail/top") == 0 && chroot("b/jail") == 0 && chdir("/") == 0);
        CHECK(stat("/..", &st) == 0 && stat("/", &other) == 0 && st.st_ino == other.st_ino && has("/top/top"));
        CHECK(!has("/proc/self"));
        _exit(failures);
    }
    CHECK(read(pipes[0], &c, 1) == 1 && !has("b/theirs") && write(back[1], "x", 1) == 1);
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);

    /* pivot_root */
    pid = fork();
    if (pid == 0) {
        CHECK(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
        CHECK(mount("newroot", "b", "tmpfs", 0, NULL) == 0 && mkdir("b/old", 0755) == 0);
        put("b/marker", "");
        FAILS(EBUSY, syscall(SYS_pivot_root, "m", "m"));
        FAILS(EBUSY, syscall(SYS_pivot_root, ".", "."));
        CHECK(chdir("b") == 0 && syscall(SYS_pivot_root, ".", "old") == 0 && chdir("/") == 0);
        CHECK(has("/marker") && has("/old/proc") && !has("/proc"));
        CHECK(umount2("/old", MNT_DETACH) == 0 && !has("/old/proc") && rmdir("/old") == 0);
        char cwd[100];
        CHECK(getcwd(cwd, sizeof cwd) != NULL && strcmp(cwd, "/") == 0);
        _exit(failures);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);

    /* Only with CAP_SYS_ADMIN. */
    pid = fork();
    if (pid == 0) {
        CHECK(setgid(1000) == 0 && setuid(1000) == 0 && chdir("/") == 0);
        FAILS(EPERM, mount("none", "/tmp", "tmpfs", 0, NULL));
        FAILS(EPERM, umount2("/tmp", 0));
        FAILS(EPERM, chroot("/tmp"));
        FAILS(EPERM, syscall(SYS_pivot_root, "/", "/"));
        _exit(failures);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    return finish();
}
