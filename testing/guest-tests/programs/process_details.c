/* exec from threads, vfork, clone flags, pidfds, process groups and sessions, credentials, limits, prctl. */
#include "check.h"
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <sys/wait.h>

static char *self;

static int wait_for(pid_t pid) {
    int status = -1;
    CHECK(waitpid(pid, &status, 0) == pid);
    return status;
}

static void *execs(void *arg) {
    char *argv[] = {self, arg, NULL};
    execv("/proc/self/exe", argv);
    _exit(99);
}

static void *sleeps(void *arg) {
    for (;;) pause();
    return arg;
}

static void *exits_thread(void *arg) {
    syscall(SYS_exit, 17);
    return arg;
}

static volatile int leader_lives;
static void *exits_late(void *arg) {
    while (leader_lives) usleep(1000); /* the kernel clears it when the leader is gone */
    return exits_thread(arg);
}

/* A thread that is not the leader executes: pid stays, the others are gone. */
static void exec_from_thread(void) {
    pid_t pid = fork();
    if (pid == 0) {
        char text[32];
        pthread_t t;
        snprintf(text, sizeof text, "pid=%d", getpid());
        for (int i = 0; i < 5; i++) pthread_create(&t, NULL, sleeps, NULL);
        pthread_create(&t, NULL, execs, text);
        for (;;) pause();
    }
    CHECK(wait_for(pid) == 7 << 8);
}

static void thread_exits(void) {
    /* The leader leaves first: the process lives on, its status is that of the last thread. */
    pid_t pid = fork();
    if (pid == 0) {
        pthread_t t;
        pthread_create(&t, NULL, exits_thread, NULL);
        usleep(20000);
        leader_lives = 1;
        pthread_create(&t, NULL, exits_late, NULL);
        syscall(SYS_set_tid_address, &leader_lives);
        syscall(SYS_exit, 3);
    }
    CHECK(wait_for(pid) == 17 << 8);
    /* A signal kills all threads. */
    pid = fork();
    if (pid == 0) {
        pthread_t t;
        for (int i = 0; i < 8; i++) pthread_create(&t, NULL, sleeps, NULL);
        raise(SIGTERM);
        _exit(1);
    }
    CHECK(wait_for(pid) == SIGTERM);
}

static void vforks(void) {
    volatile int seen = 0;
    pid_t pid = vfork();
    if (pid == 0) {
        seen = 1;
        _exit(5);
    }
    CHECK(seen == 1 && wait_for(pid) == 5 << 8);
    pid = vfork();
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", "exit 6", (char *) NULL);
        _exit(1);
    }
    CHECK(wait_for(pid) == 6 << 8);
    pid = vfork();
    if (pid == 0) {
        execl("/nonexistent", "x", (char *) NULL);
        _exit(errno == ENOENT ? 8 : 9);
    }
    CHECK(wait_for(pid) == 8 << 8);
}

static void clone_flags(void) {
    long stack = 0;
    FAILS(EINVAL, syscall(SYS_clone, CLONE_THREAD | SIGCHLD, stack, 0, 0, 0));
    FAILS(EINVAL, syscall(SYS_clone, CLONE_SIGHAND | SIGCHLD, stack, 0, 0, 0));
    FAILS(EINVAL, syscall(SYS_clone, CLONE_NEWNS | CLONE_FS | SIGCHLD, stack, 0, 0, 0));
    struct clone_args args = {0};
    FAILS(EINVAL, syscall(SYS_clone3, &args, 8));
    FAILS(E2BIG, syscall(SYS_clone3, &args, 8192));
    args.exit_signal = 65;
    FAILS(EINVAL, syscall(SYS_clone3, &args, sizeof args));
    args.exit_signal = SIGCHLD;
    args.stack = 4096;
    FAILS(EINVAL, syscall(SYS_clone3, &args, sizeof args));
    args.stack = 0;
    args.flags = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM;
    FAILS(EINVAL, syscall(SYS_clone3, &args, sizeof args));
    FAILS(EFAULT, syscall(SYS_clone3, (void *) 8, sizeof args));

    /* The tid is stored for parent and child, and cleared at exit. */
    int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int parent_tid = 0;
    pid_t pid = syscall(SYS_clone, CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD, 0, &parent_tid, shared, 0);
    if (pid == 0) _exit(shared[0] == getpid() ? 0 : 1);
    CHECK(parent_tid == pid && wait_for(pid) == 0 && shared[0] == pid);

    /* A child without exit signal is waited for with __WCLONE or __WALL only. */
    int status;
    pid = syscall(SYS_clone, 0, 0, 0, 0, 0);
    if (pid == 0) _exit(4);
    usleep(10000);
    FAILS(ECHILD, waitpid(pid, &status, WNOHANG));
    CHECK(waitpid(pid, &status, __WCLONE) == pid && WEXITSTATUS(status) == 4);
    signal(SIGUSR2, SIG_IGN);
    pid = syscall(SYS_clone, SIGUSR2, 0, 0, 0, 0);
    if (pid == 0) _exit(4);
    CHECK(waitpid(pid, &status, __WALL) == pid);
    munmap(shared, 4096);
}

static void pidfds(void) {
    int fd;
    pid_t pid = syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, &fd, 0, 0);
    if (pid == 0) { pause(); _exit(0); }
    CHECK(pid > 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    CHECK(poll(&p, 1, 0) == 0);
    CHECK(syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) == 0);
    CHECK(poll(&p, 1, 60000) == 1 && p.revents == POLLIN);
    siginfo_t info;
    CHECK(waitid((idtype_t) 3, fd, &info, WEXITED) == 0 && info.si_status == SIGKILL && info.si_code == CLD_KILLED);
    FAILS(ESRCH, syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
    close(fd);
    FAILS(EINVAL, syscall(SYS_pidfd_open, -1, 0));
    FAILS(EINVAL, syscall(SYS_pidfd_open, getpid(), 1));
    FAILS(EBADF, waitid((idtype_t) 3, 1000, &info, WEXITED));
    fd = syscall(SYS_pidfd_open, getpid(), 0);
    int copy = syscall(SYS_pidfd_getfd, fd, 1, 0);
    CHECK(copy > fd && fcntl(copy, F_GETFD) == FD_CLOEXEC);
    FAILS(EBADF, syscall(SYS_pidfd_getfd, fd, 1000, 0));
    close(copy);
    close(fd);
}

static volatile sig_atomic_t hups;
static void on_hup(int n) { hups += n; }

static void groups(void) {
    int go[2];
    char c;
    FAILS(ESRCH, setpgid(999999, 0));
    FAILS(EINVAL, setpgid(0, -1));
    FAILS(EPERM, setpgid(0, 999999));
    FAILS(ESRCH, getpgid(999999));
    pid_t pid = fork();
    if (pid == 0) {
        if (setpgid(0, 0) || getpgrp() != getpid()) _exit(1);
        if (setsid() != -1 || errno != EPERM) _exit(2);
        pid_t inner = fork();
        if (inner == 0) {
            if (setsid() != getpid() || getsid(0) != getpid() || getpgrp() != getpid()) _exit(3);
            if (setpgid(0, 0) != -1 || errno != EPERM) _exit(4);
            _exit(0);
        }
        int status;
        waitpid(inner, &status, 0);
        _exit(status >> 8);
    }
    CHECK(wait_for(pid) == 0);
    /* EACCES once the child has executed. */
    CHECK(pipe2(go, O_CLOEXEC) == 0);
    pid = fork();
    if (pid == 0) {
        execl("/bin/sleep", "sleep", "10", (char *) NULL);
        _exit(1);
    }
    close(go[1]);
    CHECK(read(go[0], &c, 1) == 0);
    close(go[0]);
    FAILS(EACCES, setpgid(pid, pid));
    kill(pid, SIGKILL);
    CHECK(wait_for(pid) == SIGKILL);

    /* An orphaned group with a stopped member gets SIGHUP and SIGCONT. */
    CHECK(pipe(go) == 0);
    pid = fork();
    if (pid == 0) {
        pid_t inner = fork();
        if (inner == 0) {
            setpgid(0, 0);
            signal(SIGHUP, on_hup);
            kill(getpid(), SIGSTOP);
            c = hups;
            if (write(go[1], &c, 1) != 1) _exit(1);
            _exit(0);
        }
        int status;
        waitpid(inner, &status, WUNTRACED);
        _exit(0);
    }
    CHECK(wait_for(pid) == 0);
    CHECK(read(go[0], &c, 1) == 1 && c == SIGHUP);
    close(go[0]);
    close(go[1]);
}

static void ignored_children(void) {
    int status;
    signal(SIGCHLD, SIG_IGN);
    pid_t pid = fork();
    if (pid == 0) _exit(0);
    FAILS(ECHILD, waitpid(pid, &status, 0));
    signal(SIGCHLD, SIG_DFL);
}

static void credentials(void) {
    pid_t pid = fork();
    if (pid == 0) {
        gid_t list[3] = {30, 10, 20};
        if (setgroups(3, list) || getgroups(0, NULL) != 3) _exit(1);
        if (setresgid(100, 101, 102) || setresuid(1000, 1001, 1002)) _exit(2);
        uid_t r, e, s;
        getresuid(&r, &e, &s);
        if (r != 1000 || e != 1001 || s != 1002) _exit(3);
        if (setuid(0) != -1 || errno != EPERM) _exit(4);
        if (setreuid(1001, 1002)) _exit(5);
        getresuid(&r, &e, &s);
        if (r != 1001 || e != 1002 || s != 1002) _exit(6);
        if (setgroups(0, NULL) != -1 || errno != EPERM) _exit(7);
        if (prctl(PR_CAPBSET_DROP, 0) != -1 || errno != EPERM) _exit(8);
        if (prctl(PR_GET_DUMPABLE) != 0) _exit(9);
        if (sethostname("x", 1) != -1 || errno != EPERM) _exit(10);
        if (setpriority(PRIO_PROCESS, 0, -5) != -1 || errno != EACCES) _exit(11);
        struct rlimit limit;
        getrlimit(RLIMIT_NOFILE, &limit);
        limit.rlim_cur = 50;
        limit.rlim_max = 60;
        if (setrlimit(RLIMIT_NOFILE, &limit)) _exit(12);
        limit.rlim_max = 61;
        if (setrlimit(RLIMIT_NOFILE, &limit) != -1 || errno != EPERM) _exit(13);
        limit.rlim_cur = 100;
        if (setrlimit(RLIMIT_NOFILE, &limit) != -1 || errno != EINVAL) _exit(14);
        if (dup2(0, 49) != 49 || dup2(0, 50) != -1 || errno != EBADF) _exit(15);
        _exit(0);
    }
    CHECK(wait_for(pid) == 0);
    pid = fork();
    if (pid == 0) {
        struct rlimit few = {1, 1};
        if (setuid(54321) || setrlimit(RLIMIT_NPROC, &few)) _exit(1);
        _exit(fork() == -1 && errno == EAGAIN ? 0 : 2);
    }
    CHECK(wait_for(pid) == 0);
}

static void prctls(void) {
    char name[17] = {0};
    CHECK(prctl(PR_SET_NAME, "a name of more than fifteen bytes") == 0);
    CHECK(prctl(PR_GET_NAME, name) == 0 && !strcmp(name, "a name of more "));
    FAILS(EFAULT, prctl(PR_SET_NAME, (char *) 8));
    FAILS(EINVAL, prctl(PR_SET_DUMPABLE, 2));
    FAILS(EINVAL, prctl(PR_SET_PDEATHSIG, 65));
    FAILS(EINVAL, prctl(PR_SET_NO_NEW_PRIVS, 2, 0, 0, 0));
    FAILS(EINVAL, prctl(12345, 0, 0, 0, 0));
    FAILS(EINVAL, prctl(PR_CAPBSET_READ, 64));
    FAILS(EINVAL, prctl(PR_GET_NO_NEW_PRIVS, 1, 0, 0, 0));
    CHECK(prctl(PR_GET_KEEPCAPS) == 0 && prctl(PR_SET_KEEPCAPS, 1) == 0 && prctl(PR_GET_KEEPCAPS) == 1);
    CHECK(prctl(PR_SET_KEEPCAPS, 0) == 0);
    int signal_number = -1;
    pid_t pid = fork();
    if (pid == 0) {
        pid_t inner;
        prctl(PR_SET_PDEATHSIG, SIGUSR1);
        prctl(PR_GET_PDEATHSIG, &signal_number);
        inner = fork();
        if (inner == 0) {
            int none = -1;
            prctl(PR_GET_PDEATHSIG, &none);
            _exit(none);
        }
        int status;
        waitpid(inner, &status, 0);
        _exit(signal_number == SIGUSR1 && status == 0 ? 0 : 1);
    }
    CHECK(wait_for(pid) == 0);
}

static void machine(void) {
    struct utsname names;
    CHECK(uname(&names) == 0 && !strcmp(names.sysname, "Linux") && !strcmp(names.machine, "x86_64"));
    FAILS(EFAULT, uname((void *) 8));
    struct rusage usage;
    FAILS(EINVAL, getrusage(5, &usage));
    CHECK(getrusage(RUSAGE_SELF, &usage) == 0 && usage.ru_maxrss > 0);
    struct tms tms;
    CHECK(times(&tms) != (clock_t) -1);
    struct rlimit limit;
    FAILS(EINVAL, getrlimit(16, &limit));
    FAILS(EFAULT, getrlimit(RLIMIT_NOFILE, (void *) 8));
    FAILS(ESRCH, prlimit(999999, RLIMIT_NOFILE, NULL, &limit));
    FAILS(EINVAL, sched_get_priority_max(77));
    CHECK(sched_get_priority_max(SCHED_FIFO) == 99 && sched_getscheduler(0) == SCHED_OTHER);
    struct sched_param wrong = {5};
    FAILS(EINVAL, sched_setscheduler(0, SCHED_OTHER, &wrong));
    FAILS(ESRCH, sched_getscheduler(999999));
    FAILS(EINVAL, syscall(SYS_sched_getaffinity, 0, 3, &limit));
    errno = 0;
    CHECK(getpriority(PRIO_PROCESS, 0) == 0 && errno == 0);
    FAILS(EINVAL, getpriority(9, 0));
    FAILS(ESRCH, getpriority(PRIO_PROCESS, 999999));
    FAILS(EINVAL, syscall(SYS_getrandom, &limit, 4, 99));
    FAILS(EFAULT, syscall(SYS_getrandom, (void *) 8, 4, 0));
    FAILS(EINVAL, syscall(SYS_unshare, 1));
    FAILS(ENOSYS, syscall(999));
    FAILS(ENOSYS, syscall(-5));
    unsigned long base = 0;
    CHECK(syscall(SYS_arch_prctl, 0x1003, &base) == 0 && base != 0);
    FAILS(EPERM, syscall(SYS_arch_prctl, 0x1002, 1UL << 63));
    FAILS(EINVAL, syscall(SYS_arch_prctl, 0x7777, 0));
}

int main(int argc, char **argv) {
    self = argv[0];
    if (argc > 1) {
        char text[32];
        snprintf(text, sizeof text, "pid=%d", getpid());
        return !strcmp(argv[1], text) && syscall(SYS_gettid) == getpid() ? 7 : 8;
    }
    exec_from_thread();
    thread_exits();
    vforks();
    clone_flags();
    pidfds();
    groups();
    ignored_children();
    credentials();
    prctls();
    machine();
    return finish();
}
