/* How mounts and unmounts travel between mount namespaces: shared, slave, private. */
#include "check.h"
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <fcntl.h>

static int there[2], back[2];

static void tell(int *pipe) { CHECK(write(pipe[1], "x", 1) == 1); }

static void await(int *pipe) {
    char byte;
    CHECK(read(pipe[0], &byte, 1) == 1);
}

static void mark(const char *directory) {
    char path[100];
    CHECK(mount("x", directory, "tmpfs", 0, NULL) == 0);
    sprintf(path, "%s/mark", directory);
    close(open(path, O_CREAT | O_RDWR, 0600));
}

/* The child has a copy of the namespace, in which the mount is made of another kind if asked for. */
static void events(const char *name, unsigned long own, unsigned long childs, int down, int up) {
    int status;
    CHECK(pipe(there) == 0 && pipe(back) == 0);
    CHECK(mount("x", "m", "tmpfs", 0, NULL) == 0 && mount(NULL, "m", NULL, own, NULL) == 0);
    CHECK(mkdir("m/parent", 0755) == 0 && mkdir("m/child", 0755) == 0);
    pid_t child = fork();
    if (child == 0) {
        failures = 0;
        CHECK(unshare(CLONE_NEWNS) == 0);
        if (childs) CHECK(mount(NULL, "m", NULL, childs, NULL) == 0);
        tell(back);
        await(there);
        CHECK((access("m/parent/mark", F_OK) == 0) == down);
        mark("m/child");
        tell(back);
        await(there);
        CHECK(access("m/parent/mark", F_OK) != 0);
        CHECK(umount("m/child") == 0);
        tell(back);
        _exit(failures);
    }
    await(back);
    mark("m/parent");
    tell(there);
    await(back);
    CHECK((access("m/child/mark", F_OK) == 0) == up);
    CHECK(umount("m/parent") == 0);
    tell(there);
    await(back);
    CHECK(access("m/child/mark", F_OK) != 0);
    CHECK(wait(&status) == child && status == 0);
    CHECK(umount("m") == 0);
    for (int i = 0; i < 2; i++) close(there[i]), close(back[i]);
    printf("%s\n", name);
}

int main(void) {
    char root[] = "/tmp/caisson-mountevents-XXXXXX";
    CHECK(mkdtemp(root) != NULL && chdir(root) == 0 && mkdir("m", 0755) == 0);
    CHECK(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
    events("shared", MS_SHARED, 0, 1, 1);
    events("private", MS_PRIVATE, 0, 0, 0);
    events("slave", MS_SHARED, MS_SLAVE, 1, 0);
    events("made private", MS_SHARED, MS_PRIVATE, 0, 0);
    events("unbindable", MS_UNBINDABLE, 0, 0, 0);
    CHECK(rmdir("m") == 0 && chdir("/") == 0 && rmdir(root) == 0);
    return finish();
}
