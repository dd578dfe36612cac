/* Links of /proc/PID/ns, setns(2) with them and with pidfds; seeking in files that have no positions. */
#include "check.h"
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/utsname.h>
#include <sys/wait.h>

static int open_namespace(pid_t pid, const char *kind) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/%s", pid, kind);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static void links(void) {
    const char *kinds[] = {"cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "user", "uts"};
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char path[64], text[64] = "", expected[64];
        struct stat status;
        snprintf(path, sizeof path, "/proc/self/ns/%s", kinds[i]);
        CHECK(readlink(path, text, sizeof text - 1) > 0);
        int fd = open(path, O_RDONLY);
        CHECK(fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & 0777) == 0444);
        snprintf(expected, sizeof expected, "%.*s:[%lu]", (int)strcspn(kinds[i], "_"), kinds[i], (unsigned long)status.st_ino);
        CHECK(!strcmp(text, expected));
        struct stat again;
        CHECK(stat(path, &again) == 0 && again.st_ino == status.st_ino && again.st_dev == status.st_dev);
        FAILS(EINVAL, read(fd, text, 1));
        close(fd);
    }
    int fd = open_namespace(getpid(), "uts");
    CHECK(ioctl(fd, 0xb703) == CLONE_NEWUTS);
    FAILS(ENOTTY, ioctl(fd, 0xb7ff));
    close(fd);
}

static void set_errors(void) {
    int uts = open_namespace(getpid(), "uts"), user = open_namespace(getpid(), "user"), file = open("/dev/null", O_RDONLY);
    FAILS(EBADF, setns(-1, 0));
    FAILS(EINVAL, setns(file, 0));
    FAILS(EINVAL, setns(uts, CLONE_NEWIPC));
    FAILS(EINVAL, setns(user, 0));
    int pidfd = syscall(SYS_pidfd_open, getpid(), 0);
    FAILS(EINVAL, setns(pidfd, 0));
    FAILS(EINVAL, setns(pidfd, CLONE_FILES));
    close(pidfd);
    close(uts);
    close(user);
    close(file);
}

/* A child in namespaces of its own, which says that it is ready and waits. */
static pid_t stranger(int *ready) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        char c = unshare(CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNS) == 0 ? 'y' : 'n';
        if (c == 'y') {
            if (sethostname("stranger", 8) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)
                || mount("none", "/tmp", "tmpfs", 0, NULL) || mkdir("/tmp/of-stranger", 0700) || shmget(4711, 4096, IPC_CREAT | 0600) < 0)
                c = 'f';
        }
        write(ends[1], &c, 1);
        for (;;) pause();
    }
    char c = 0;
    CHECK(read(ends[0], &c, 1) == 1 && c != 'f');
    *ready = c == 'y';
    close(ends[0]);
    close(ends[1]);
    return pid;
}

static void visit(pid_t pid, int through_pidfd) {
    struct utsname name;
    struct stat status;
    fflush(stdout);
    pid_t visitor = fork();
    if (visitor == 0) {
        failures = 0;
        int home = open_namespace(getpid(), "uts");
        if (through_pidfd) {
            int pidfd = syscall(SYS_pidfd_open, pid, 0);
            CHECK(setns(pidfd, CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNS) == 0);
        } else {
            int uts = open_namespace(pid, "uts"), ipc = open_namespace(pid, "ipc"), mounts = open_namespace(pid, "mnt");
            CHECK(setns(uts, CLONE_NEWUTS) == 0 && setns(ipc, 0) == 0 && setns(mounts, CLONE_NEWNS) == 0);
        }
        CHECK(uname(&name) == 0 && !strcmp(name.nodename, "stranger"));
        CHECK(stat("/tmp/of-stranger", &status) == 0);
        CHECK(shmget(4711, 4096, 0) >= 0);
        CHECK(setns(home, 0) == 0);
        CHECK(uname(&name) == 0 && strcmp(name.nodename, "stranger"));
        _exit(failures);
    }
    int result;
    CHECK(waitpid(visitor, &result, 0) == visitor && result == 0);
    CHECK(uname(&name) == 0 && strcmp(name.nodename, "stranger"));
    FAILS(ENOENT, stat("/tmp/of-stranger", &status));
    FAILS(ENOENT, shmget(4711, 4096, 0));
}

static void seeks(void) {
    sigset_t set;
    sigemptyset(&set);
    int files[] = {eventfd(0, 0), epoll_create1(0), inotify_init1(0), signalfd(-1, &set, 0), timerfd_create(CLOCK_MONOTONIC, 0)};
    for (unsigned i = 0; i < sizeof files / sizeof *files; i++) {
        char byte;
        CHECK(lseek(files[i], 17, SEEK_SET) == 0);
        CHECK(lseek(files[i], -1, SEEK_END) == 0);
        FAILS(EINVAL, lseek(files[i], 0, 9));
        FAILS(ESPIPE, pread(files[i], &byte, 1, 0));
        close(files[i]);
    }
    int pidfd = syscall(SYS_pidfd_open, getpid(), 0);
    FAILS(ESPIPE, lseek(pidfd, 0, SEEK_SET));
    close(pidfd);
}

int main(void) {
    int ready = 0;
    links();
    set_errors();
    seeks();
    pid_t pid = stranger(&ready);
    if (ready) {
        visit(pid, 0);
        visit(pid, 1);
    }
    kill(pid, SIGKILL);
    CHECK(waitpid(pid, NULL, 0) == pid);
    return finish();
}
