/*
 * What the host takes for the ways by which a platform can hear of a system call: the limits of our own figures. Runs natively.
 * Prints "name<TAB>microseconds per round trip", the median of 20 batches.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define BATCHES 20
#define TRAPPED 0x7fff /* no system call has this number */

static _Atomic int turn;
static int other_processor;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static void pin(int processor) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    if (sched_setaffinity(0, sizeof set, &set)) die("sched_setaffinity");
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *) a, y = *(const double *) b;
    return (x > y) - (x < y);
}

static void measure(const char *name, void (*run)(long), long count) {
    double samples[BATCHES];
    run(count);
    for (int i = 0; i < BATCHES; i++) {
        double start = now();
        run(count);
        samples[i] = (now() - start) / count;
    }
    qsort(samples, BATCHES, sizeof *samples, ascending);
    printf("%s\t%.3f\n", name, samples[BATCHES / 2]);
    fflush(stdout);
}

static void system_call(long n) {
    while (n--) syscall(SYS_getppid);
}

/* A signal of seccomp, whose handler returns at once. */
static void on_trap(int signal, siginfo_t *info, void *context) {
    (void) signal, (void) info;
    ((ucontext_t *) context)->uc_mcontext.gregs[REG_RAX] = 0;
}

static void trap(long n) {
    while (n--) syscall(TRAPPED);
}

static void install_filter(void) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TRAPPED, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
    if (sigaction(SIGSYS, &action, NULL)) die("sigaction");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) die("seccomp");
}

/* One word that goes to another processor and back, both sides spinning. */
static void *answer(void *arg) {
    pin(other_processor);
    for (;;) {
        int seen = atomic_load_explicit(&turn, memory_order_acquire);
        if (seen < 0) return arg;
        if (seen & 1) atomic_store_explicit(&turn, seen + 1, memory_order_release);
    }
}

static void hand_over(long n) {
    while (n--) {
        int mine = atomic_load(&turn) + 1;
        atomic_store_explicit(&turn, mine, memory_order_release);
        while (atomic_load_explicit(&turn, memory_order_acquire) == mine)
            __builtin_ia32_pause();
    }
}

/* Two threads of one processor that wake each other. */
static void futex(int operation, int value) {
    syscall(SYS_futex, &turn, operation, value, NULL, NULL, 0);
}

static void *sleeper(void *arg) {
    for (;;) {
        int seen;
        while (!((seen = turn) & 1)) futex(FUTEX_WAIT_PRIVATE, seen);
        if (seen < 0) return arg;
        turn = seen + 1;
        futex(FUTEX_WAKE_PRIVATE, 1);
    }
}

static void wake_up(long n) {
    while (n--) {
        int mine = turn + 1;
        turn = mine;
        futex(FUTEX_WAKE_PRIVATE, 1);
        while (turn == mine) futex(FUTEX_WAIT_PRIVATE, mine);
    }
}

static pid_t tracee;

static void emulate(long n) {
    struct user_regs_struct registers;
    int status;
    while (n--) {
        if (ptrace(PTRACE_SYSEMU, tracee, 0, 0) || waitpid(tracee, &status, 0) != tracee || !WIFSTOPPED(status)) die("PTRACE_SYSEMU");
        if (ptrace(PTRACE_GETREGS, tracee, 0, &registers) || ptrace(PTRACE_SETREGS, tracee, 0, &registers)) die("PTRACE_GETREGS");
    }
}

static void with_tracee(void) {
    int status;
    tracee = fork();
    if (tracee == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        for (;;) syscall(SYS_getppid);
    }
    if (tracee < 0 || waitpid(tracee, &status, 0) != tracee || !WIFSTOPPED(status)) die("fork");
    measure("ptrace_sysemu", emulate, 2000);
    kill(tracee, SIGKILL);
    waitpid(tracee, &status, 0);
}

int main(void) {
    pthread_t partner;
    cpu_set_t set;
    int processors[2], found = 0;
    if (sched_getaffinity(0, sizeof set, &set)) die("sched_getaffinity");
    for (int i = 0; i < CPU_SETSIZE && found < 2; i++)
        if (CPU_ISSET(i, &set)) processors[found++] = i;
    pin(processors[0]);
    measure("system_call", system_call, 20000);
    with_tracee();

    if ((errno = pthread_create(&partner, NULL, sleeper, NULL))) die("pthread_create");
    measure("wake_up", wake_up, 5000);
    turn = -1; /* odd: the sleeper looks, and goes */
    futex(FUTEX_WAKE_PRIVATE, 1);
    pthread_join(partner, NULL);

    if (found == 2) {
        turn = 0;
        other_processor = processors[1];
        if ((errno = pthread_create(&partner, NULL, answer, NULL))) die("pthread_create");
        measure("hand_over", hand_over, 20000);
        turn = -2;
        pthread_join(partner, NULL);
    }
    install_filter();
    measure("seccomp_trap", trap, 10000);
    return 0;
}
