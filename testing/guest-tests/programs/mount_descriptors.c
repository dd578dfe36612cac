/* fsopen(2), fsconfig(2), fsmount(2), move_mount(2), open_tree(2), mount_setattr(2), fspick(2), statmount(2), listmount(2), MNT_EXPIRE. */
#include "check.h"
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

int mount(const char *, const char *, const char *, unsigned long, const void *);
int umount2(const char *, int);
int umount(const char *);
enum { REC = 0x4000, PRIVATE = 1 << 18, SHARED = 1 << 20, REMOUNT = 32, BIND = 4096, RDONLY = 1, MOVE = 8192, EXPIRE = 4, DETACH = 2 };

#define fs_open(...) ((int)syscall(SYS_fsopen, __VA_ARGS__))
#define fs_config(...) syscall(SYS_fsconfig, __VA_ARGS__)
#define fs_mount(...) ((int)syscall(SYS_fsmount, __VA_ARGS__))
#define fs_pick(...) ((int)syscall(SYS_fspick, __VA_ARGS__))
#define tree_open(...) ((int)syscall(SYS_open_tree, __VA_ARGS__))
#define mount_move(...) syscall(SYS_move_mount, __VA_ARGS__)
#define set_attributes(...) syscall(SYS_mount_setattr, __VA_ARGS__)

static void put(const char *path) {
    int fd = open(path, O_WRONLY | O_CREAT, 0644);
    CHECK(fd >= 0);
    close(fd);
}

/* The per-mount options in the line of mountinfo whose mount point ends so. */
static const char *options(const char *end) {
    static char line[1000], found[300];
    FILE *file = fopen("/proc/self/mountinfo", "r");
    found[0] = 0;
    while (file && fgets(line, sizeof line, file)) {
        char point[500], text[300];
        if (sscanf(line, "%*d %*d %*s %*s %499s %299s", point, text) == 2 && strlen(point) >= strlen(end)
            && strcmp(point + strlen(point) - strlen(end), end) == 0)
            strcpy(found, text);
    }
    if (file) fclose(file);
    return found;
}

static void contexts(void) {
    struct stat st;
    FAILS(EFAULT, fs_open(NULL, 0));
    FAILS(ENODEV, fs_open("nosuchfs", 0));
    FAILS(EINVAL, fs_open("tmpfs", 99));
    int fs = fs_open("tmpfs", 1);
    CHECK(fs >= 0 && fcntl(fs, F_GETFD) == FD_CLOEXEC);
    CHECK(fs_config(fs, 1, "size", "1m", 0) == 0 && fs_config(fs, 1, "mode", "711", 0) == 0 && fs_config(fs, 1, "source", "src", 0) == 0);
    FAILS(EINVAL, fs_config(fs, 1, "bogus", "1m", 0));
    FAILS(EINVAL, fs_config(fs, 0, NULL, NULL, 0));
    FAILS(EINVAL, fs_config(fs, 1, "size", NULL, 0));
    FAILS(EINVAL, fs_config(fs, 1, "size", "1m", 1));
    FAILS(EOPNOTSUPP, fs_config(fs, 99, NULL, NULL, 0));
    FAILS(EINVAL, fs_config(-1, 0, "ro", NULL, 0));
    FAILS(EINVAL, fs_mount(fs, 0, 0)); /* nothing made yet */
    CHECK(fs_config(fs, 6, NULL, NULL, 0) == 0);
    FAILS(EBUSY, fs_config(fs, 6, NULL, NULL, 0));
    FAILS(EINVAL, fs_mount(fs, 99, 0));
    int mnt = fs_mount(fs, 1, 2 /* MOUNT_ATTR_NOSUID */);
    CHECK(mnt >= 0 && fcntl(mnt, F_GETFD) == FD_CLOEXEC);
    FAILS(EBUSY, fs_mount(fs, 0, 0));
    CHECK(fstat(mnt, &st) == 0 && (st.st_mode & 07777) == 0711);
    int file = openat(mnt, "inside", O_CREAT | O_RDWR, 0600); /* it is nowhere, and works */
    CHECK(file >= 0);
    close(file);
    FAILS(ENOENT, mount_move(mnt, "", AT_FDCWD, "d", 0));
    CHECK(mount_move(mnt, "", AT_FDCWD, "d", 4) == 0 && access("d/inside", F_OK) == 0);
    CHECK(strcmp(options("/d"), "rw,nosuid,relatime") == 0);
    CHECK(mount_move(AT_FDCWD, "d", AT_FDCWD, "e", 0) == 0 && access("e/inside", F_OK) == 0 && access("d/inside", F_OK) != 0);
    FAILS(EINVAL, mount_move(AT_FDCWD, "e", AT_FDCWD, "d", 0x1000));
    FAILS(EINVAL, mount_move(AT_FDCWD, "f", AT_FDCWD, "d", 0));
    FAILS(EINVAL, mount_move(AT_FDCWD, "e", AT_FDCWD, "f", 0));
    close(fs);
    close(mnt);

    fs = fs_open("tmpfs", 0); /* thrown away unmounted */
    CHECK(fs_config(fs, 6, NULL, NULL, 0) == 0 && (mnt = fs_mount(fs, 0, 0)) >= 0);
    close(mnt);
    close(fs);
}

static void trees(void) {
    int tree = tree_open(AT_FDCWD, "e", 0);
    CHECK(tree >= 0 && (fcntl(tree, F_GETFL) & O_PATH));
    close(tree);
    FAILS(EINVAL, tree_open(AT_FDCWD, "e", 0x10));
    FAILS(EINVAL, tree_open(AT_FDCWD, "e", 0x8000)); /* AT_RECURSIVE is for copies */
    FAILS(ENOENT, tree_open(AT_FDCWD, "missing", 0));
    tree = tree_open(AT_FDCWD, "e", 1 | O_CLOEXEC);
    CHECK(tree >= 0 && mount_move(tree, "", AT_FDCWD, "d", 4) == 0 && access("d/inside", F_OK) == 0);
    close(tree);
    tree = tree_open(AT_FDCWD, "e", 1 | 0x8000);
    CHECK(tree >= 0);
    close(tree);
    CHECK(umount("d") == 0);
}

static void attributes(void) {
    struct { uint64_t set, clear, propagation, userns; } a = {1, 0, 0, 0};
    CHECK(set_attributes(AT_FDCWD, "e", 0, &a, sizeof a) == 0 && strcmp(options("/e"), "ro,nosuid,relatime") == 0);
    FAILS(EROFS, open("e/x", O_CREAT | O_RDWR, 0600));
    a.set = 4, a.clear = 1;
    CHECK(set_attributes(AT_FDCWD, "e", 0, &a, sizeof a) == 0 && strcmp(options("/e"), "rw,nosuid,nodev,relatime") == 0);
    FAILS(EINVAL, set_attributes(AT_FDCWD, "e", 0, &a, 16));
    FAILS(E2BIG, set_attributes(AT_FDCWD, "e", 0, &a, 5000));
    FAILS(EINVAL, set_attributes(AT_FDCWD, "e", 1, &a, sizeof a));
    a.set = 0x10, a.clear = 0;
    FAILS(EINVAL, set_attributes(AT_FDCWD, "e", 0, &a, sizeof a)); /* access times change as a whole */
    a.clear = 0x70;
    CHECK(set_attributes(AT_FDCWD, "e", 0, &a, sizeof a) == 0 && strcmp(options("/e"), "rw,nosuid,nodev,noatime") == 0);
    a.set = 1ULL << 40, a.clear = 0;
    FAILS(EINVAL, set_attributes(AT_FDCWD, "e", 0, &a, sizeof a));
    a.set = 1;
    FAILS(EINVAL, set_attributes(AT_FDCWD, "f", 0, &a, sizeof a)); /* no mount point */
    int writer = open("e/inside", O_RDWR);
    FAILS(EBUSY, set_attributes(AT_FDCWD, "e", 0, &a, sizeof a));
    FAILS(EBUSY, mount(NULL, "e", NULL, REMOUNT | RDONLY, NULL));
    close(writer);
    a.set = 0, a.propagation = SHARED;
    CHECK(set_attributes(AT_FDCWD, "e", 0, &a, sizeof a) == 0);
    a.propagation = SHARED | PRIVATE;
    FAILS(EINVAL, set_attributes(AT_FDCWD, "e", 0, &a, sizeof a));
    a.propagation = PRIVATE;
    CHECK(set_attributes(AT_FDCWD, "e", 0x8000, &a, sizeof a) == 0);

    int picked = fs_pick(AT_FDCWD, "e", 0);
    CHECK(picked >= 0);
    FAILS(EBUSY, fs_config(picked, 6, NULL, NULL, 0));
    FAILS(EBUSY, fs_mount(picked, 0, 0));
    close(picked);
    FAILS(EINVAL, fs_pick(AT_FDCWD, "f", 0));
    FAILS(EINVAL, fs_pick(AT_FDCWD, "e", 0x100));
}

static void tables(void) {
    struct { uint32_t size, spare; uint64_t id, parameter; } request = {24, 0, 1, 0};
    uint64_t ids[200];
    static char answer[4096];
    if (syscall(457, &request, answer, sizeof answer, 0) == -1 && errno == ENOSYS) return;
    FAILS(EINVAL, syscall(457, &request, answer, sizeof answer, 0));
    struct statx stx;
    CHECK(statx(AT_FDCWD, "e", 0, 0x4000, &stx) == 0 && (stx.stx_mask & 0x4000));
    uint64_t *word = (uint64_t *)((char *)&stx + 144);
    request.id = *word;
    request.parameter = 2 | 0x10 | 0x20;
    CHECK(syscall(457, &request, answer, sizeof answer, 0) == 0);
    CHECK(*(uint64_t *)(answer + 40) == request.id && strcmp(answer + 512 + *(uint32_t *)(answer + 36), "tmpfs") == 0);
    const char *point = answer + 512 + *(uint32_t *)(answer + 108);
    CHECK(strlen(point) > 2 && strcmp(point + strlen(point) - 2, "/e") == 0);
    FAILS(EOVERFLOW, syscall(457, &request, answer, 512, 0));
    FAILS(EINVAL, syscall(457, &request, answer, sizeof answer, 1));
    request.parameter = 0;
    CHECK(syscall(458, &request, ids, 200, 0) == 0); /* nothing below */
    request.id = -1;
    long all = syscall(458, &request, ids, 200, 0);
    CHECK(all > 2 && syscall(458, &request, ids, 1, 0) == 1);
    request.parameter = ids[0];
    CHECK(syscall(458, &request, ids, 200, 0) == all - 1); /* what comes behind */
}

int main(void) {
    char root[] = "/tmp/caisson-mountfds-XXXXXX";
    CHECK(mkdtemp(root) != NULL && chdir(root) == 0);
    CHECK(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, REC | PRIVATE, NULL) == 0);
    CHECK(mkdir("d", 0755) == 0 && mkdir("e", 0755) == 0);
    put("f");
    contexts();
    trees();
    attributes();
    tables();

    /* A mount expires when nobody was there between two calls. */
    FAILS(EAGAIN, umount2("e", EXPIRE));
    CHECK(access("e/inside", F_OK) == 0);
    FAILS(EAGAIN, umount2("e", EXPIRE));
    CHECK(umount2("e", EXPIRE) == 0 && access("e/inside", F_OK) != 0);
    CHECK(mount("x", "d", "tmpfs", 0, NULL) == 0);
    FAILS(EINVAL, mount("d", "f", NULL, MOVE, NULL));
    CHECK(mount(NULL, "d", NULL, REMOUNT | BIND | 256, NULL) == 0 && strcmp(options("/d"), "rw,nosymfollow,relatime") != 0
          && strstr(options("/d"), "nosymfollow") != NULL);
    CHECK(mount(NULL, "d", NULL, REMOUNT | BIND | (1 << 24) | 1024, NULL) == 0 && strcmp(options("/d"), "rw") == 0); /* strictatime */
    CHECK(umount("d") == 0);
    unlink("f");
    rmdir("d");
    rmdir("e");
    CHECK(chdir("/") == 0 && rmdir(root) == 0);
    return finish();
}
