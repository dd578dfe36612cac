/* What calls about processes say to wrong arguments: clone3, execve, execveat, wait, pidfds, signals, scheduling, credentials. */
#include "result.h"
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>

static struct clone_args request;

static long clone3(size_t size) {
    long pid = syscall(SYS_clone3, &request, size);
    if (pid == 0) _exit(0);
    if (pid > 0) {
        waitpid(pid, NULL, __WALL);
        return 1;
    }
    return pid;
}

#define CLONE3(...) (request = (struct clone_args) {.exit_signal = SIGCHLD, __VA_ARGS__}, clone3(sizeof request))

static void clones(void) {
    int pidfd;
    pid_t tids[40] = {1};
    static char stack[65536];
    RESULT(syscall(SYS_clone3, NULL, sizeof request));
    RESULT(clone3(63));
    RESULT(clone3(4097));
    RESULT(CLONE3(.flags = CLONE_PIDFD, .pidfd = 1));
    RESULT(CLONE3(.flags = CLONE_PIDFD | CLONE_PARENT_SETTID, .pidfd = (uintptr_t) &pidfd, .parent_tid = (uintptr_t) &pidfd));
    RESULT(CLONE3(.flags = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM));
    RESULT(CLONE3(.flags = CLONE_INTO_CGROUP, .cgroup = -1));
    RESULT(CLONE3(.flags = CLONE_INTO_CGROUP, .cgroup = 0));
    RESULT(CLONE3(.flags = 1L << 40));
    RESULT(CLONE3(.stack = (uintptr_t) stack));
    RESULT(CLONE3(.stack_size = 4096));
    RESULT(CLONE3(.stack = -8L, .stack_size = 4096));
    RESULT(CLONE3(.stack = (uintptr_t) stack, .stack_size = sizeof stack));
    RESULT(CLONE3(.flags = CLONE_SETTLS, .tls = -1L));
    RESULT(CLONE3(.flags = CLONE_SETTLS, .tls = 1UL << 63));
    RESULT(CLONE3(.set_tid = (uintptr_t) tids));
    RESULT(CLONE3(.set_tid_size = 1));
    RESULT(CLONE3(.set_tid = (uintptr_t) tids, .set_tid_size = 33));
    RESULT(CLONE3(.set_tid = (uintptr_t) tids, .set_tid_size = 1));
    tids[0] = -1;
    RESULT(CLONE3(.set_tid = (uintptr_t) tids, .set_tid_size = 1));
    tids[0] = 31234;
    IN_CHILD(if (setuid(99) == 0) RESULT(CLONE3(.set_tid = (uintptr_t) tids, .set_tid_size = 1)));
}

static void executes(void) {
    char *none[] = {NULL}, *one[] = {"x", NULL};
    char directory[] = "/tmp/caisson.errors.XXXXXX", path[80];
    int program = open("/bin/true", O_PATH | O_CLOEXEC);
    if (mkdtemp(directory) == NULL || chdir(directory) != 0) exit(1);
    RESULT(execve("", one, none));
    RESULT(execve(BAD, one, none));
    RESULT(execve("/etc/passwd/x", one, none));
    RESULT(execve("/bin/true", BAD, none));
    static const char *const texts[] = {"", "#!", "#!\n", "#!/nonexistent\n", "#!/tmp\n", "#!/etc/passwd\n", "\177ELF", "text"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int file = open("program", O_CREAT | O_WRONLY | O_TRUNC, 0777);
        if (write(file, texts[i], strlen(texts[i])) < 0) exit(1);
        fchmod(file, 0777);
        close(file);
        RESULT(execve("program", one, none));
    }
    RESULT(syscall(SYS_execveat, program, "", one, none, 0));
    RESULT(syscall(SYS_execveat, program, "", one, none, 1));
    RESULT(syscall(SYS_execveat, program, "x", one, none, 0));
    RESULT(syscall(SYS_execveat, AT_FDCWD, "program", one, none, 0x40000));
    RESULT(syscall(SYS_execveat, -1, "", one, none, AT_EMPTY_PATH));
    snprintf(path, sizeof path, "%s/program", directory);
    unlink(path);
    if (chdir("/") == 0) rmdir(directory);
}

static void waits(void) {
    siginfo_t info;
    RESULT(waitpid(-1, NULL, 0));
    RESULT(waitpid(-1, NULL, 0x10));
    RESULT(waitpid(INT_MIN, NULL, 0));
    RESULT(waitid(P_ALL, 0, &info, 0));
    RESULT(waitid(P_PGID, -1, &info, WEXITED));
    RESULT(waitid(9, 0, &info, WEXITED));
    RESULT(waitid(P_PIDFD, -1, &info, WEXITED));
    RESULT(waitid(P_PIDFD, 0, &info, WEXITED));
    RESULT(syscall(SYS_pidfd_open, 0, 0));
    RESULT(syscall(SYS_pidfd_open, 99999999, 0));
    RESULT(syscall(SYS_pidfd_open, getpid(), -1));
    RESULT(syscall(SYS_restart_syscall));
    RESULT(kill(99999999, 0));
    RESULT(kill(INT_MIN, 0));
    RESULT(syscall(SYS_tkill, 0, 0));
    RESULT(syscall(SYS_tgkill, getpid(), 99999999, 0));
    RESULT(getsid(-1));
    RESULT(setpgid(0, 99999999));
}

struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

#define SET(...) syscall(SYS_sched_setattr, 0, &(struct attributes) {sizeof(struct attributes), __VA_ARGS__}, 0)

static void schedules(void) {
    struct attributes now;
    cpu_set_t one;
    IN_CHILD({
        RESULT(SET(0, 0, 5));
        RESULT(getpriority(PRIO_PROCESS, 0));
        RESULT(SET(0, 8));
        RESULT(SET(99));
        RESULT(SET(0, 0x100));
        RESULT(SET(0, 0x10, 9));
        RESULT(getpriority(PRIO_PROCESS, 0));
        RESULT(SET(6, 0, 0, 0, 1000, 1000, 10));
        RESULT(SET(6, 0, 0, 5, 10000, 100000, 1000000));
        RESULT(SET(6));
        RESULT(sched_setscheduler(0, 6, &(struct sched_param) {0}));
        memset(&now, 0xee, sizeof now);
        RESULT(syscall(SYS_sched_getattr, 0, &now, sizeof now, 0));
        SHOW("%u %u %lx %d %u", now.size, now.policy, (long) now.flags, now.nice, now.priority);
    });
    IN_CHILD({
        for (int cpu = 0; cpu < 2; cpu++) {
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            if (sched_setaffinity(0, sizeof one, &one) == 0) {
                unsigned here = -1;
                RESULT(syscall(SYS_getcpu, &here, NULL, NULL));
                SHOW("on %d: %d", cpu, here == (unsigned) cpu);
            }
        }
    });
}

static void attributes(void) {
    struct utsname names;
    IN_CHILD({
        RESULT(prctl(PR_MCE_KILL, PR_MCE_KILL_CLEAR, 1, 0, 0));
        RESULT(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0));
        RESULT(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
        RESULT(prctl(PR_MCE_KILL, PR_MCE_KILL_CLEAR, 0, 0, 0));
        RESULT(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
    });
    IN_CHILD({
        personality(PER_LINUX32 | UNAME26);
        uname(&names);
        SHOW("%s %.4s", names.machine, names.release);
    });
    IN_CHILD({
        struct timeval left = {0, 20000};
        struct timespec rest = {0, 10000000};
        personality(STICKY_TIMEOUTS);
        RESULT(select(0, NULL, NULL, NULL, &left));
        SHOW("%ld", (long) left.tv_usec);
        RESULT(syscall(SYS_ppoll, NULL, 0, &rest, NULL, 8));
        SHOW("%ld", rest.tv_nsec);
    });
    IN_CHILD({
        if (setgroups(0, NULL) != 0 || setuid(99) != 0) _exit(0);
        RESULT(open("/proc/1/maps", O_RDONLY));
        RESULT(open("/proc/1/environ", O_RDONLY));
        RESULT(syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, 1, 0), 0, 0));
    });
}

int main(void) {
    clones();
    executes();
    waits();
    schedules();
    attributes();
}
