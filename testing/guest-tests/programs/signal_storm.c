/* Signals under load: nothing queued is lost, registers survive, frames can be edited, signalfd and sigwait share the work. */
#include "check.h"
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>

static _Atomic int received, sum;
static void collects(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)context;
    atomic_fetch_add(&received, 1);
    atomic_fetch_add(&sum, info->si_value.sival_int);
}
static void on(int signal, void (*handler)(int, siginfo_t *, void *), int flags) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = flags | SA_SIGINFO};
    CHECK(sigaction(signal, &action, NULL) == 0);
}
static void *sends(void *count) {
    for (int i = 1; i <= (long)count; i++)
        while (sigqueue(getpid(), SIGRTMIN + i % 3, (union sigval){.sival_int = i}) != 0) sched_yield();
    return NULL;
}
static void nothing_is_lost(void) {
    enum { SENDERS = 4, EACH = 300 };
    pthread_t threads[SENDERS];
    for (int i = 0; i < 3; i++) on(SIGRTMIN + i, collects, SA_RESTART);
    for (int i = 0; i < SENDERS; i++) pthread_create(&threads[i], NULL, sends, (void *)EACH);
    for (int i = 0; i < SENDERS; i++) pthread_join(threads[i], NULL);
    while (received < SENDERS * EACH) sched_yield();
    CHECK(received == SENDERS * EACH && sum == SENDERS * EACH * (EACH + 1) / 2);
}

/* Registers, flags and vector state survive signals at any instruction. */
static volatile int ticks;
static void spoils(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)info, (void)context;
    if (++ticks >= 200) setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL); /* a slow machine may never leave the handler otherwise */
    __asm__ volatile("vpcmpeqd %%ymm0, %%ymm0, %%ymm0\n\tvmovdqa %%ymm0, %%ymm7\n\tvmovdqa %%ymm0, %%ymm15\n\tstd\n\tcld" ::: "xmm0", "xmm7", "xmm15");
}
static void registers_survive(void) {
    if (!__builtin_cpu_supports("avx2")) return;
    on(SIGALRM, spoils, SA_RESTART);
    struct itimerval often = {.it_value = {0, 500}, .it_interval = {0, 500}};
    setitimer(ITIMER_REAL, &often, NULL);
    long bad = 0;
    for (long round = 1; ticks < 200; round++) {
        uint64_t in[4] = {round, ~round, round * 3, round << 20}, out[4];
        long r12 = round, carry;
        __asm__ volatile(
            "vmovdqu (%[in]), %%ymm7\n\tvmovdqu (%[in]), %%ymm15\n\tstc\n\tmov $2000, %%ecx\n"
            "1:\n\tlea -1(%%rcx), %%rcx\n\tjrcxz 2f\n\tjmp 1b\n2:\n\tsbb %[carry], %[carry]\n\t"
            "vpaddq %%ymm7, %%ymm15, %%ymm7\n\tvmovdqu %%ymm7, (%[out])\n\tvzeroupper"
            : [carry] "=&r"(carry), "+r"(r12) : [in] "r"(in), [out] "r"(out) : "rcx", "cc", "memory", "xmm7", "xmm15");
        for (int i = 0; i < 4; i++) bad += out[i] != 2 * in[i];
        bad += carry != -1 || r12 != round;
    }
    setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
    CHECK(bad == 0);
}

/* A handler may change what it returns to: registers, mask, vector state. */
static void edits(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)info;
    ucontext_t *uc = context;
    uc->uc_mcontext.gregs[REG_RBX] = 0x1234;
    uc->uc_mcontext.fpregs->_xmm[3].element[0] = 0xabcd;
    sigaddset(&uc->uc_sigmask, SIGUSR2);
}
static void frames_can_be_edited(void) {
    on(SIGUSR1, edits, 0);
    long rbx, pid = getpid(), tid = syscall(SYS_gettid);
    uint32_t low;
    __asm__ volatile("xor %%ebx, %%ebx\n\tpxor %%xmm3, %%xmm3\n\tsyscall\n\tmov %%rbx, %0\n\tmovd %%xmm3, %1"
                     : "=r"(rbx), "=r"(low) : "a"(SYS_tgkill), "D"(pid), "S"(tid), "d"(SIGUSR1) : "rbx", "rcx", "r11", "xmm3", "memory");
    CHECK(rbx == 0x1234 && low == 0xabcd);
    sigset_t now;
    sigprocmask(SIG_BLOCK, NULL, &now);
    CHECK(sigismember(&now, SIGUSR2) == 1);
    sigdelset(&now, SIGUSR2);
    sigprocmask(SIG_SETMASK, &now, NULL);
    /* Broken frames kill with SIGSEGV. */
    for (int way = 0; way < 3; way++) {
        pid_t child = fork();
        int status;
        if (child == 0) {
            struct sigaction action = {.sa_handler = SIG_DFL};
            sigaction(SIGSEGV, &action, NULL);
            if (way == 0) { __asm__ volatile("mov $0x1000, %%rsp\n\tmov $15, %%eax\n\tsyscall" ::: "memory"); }
            if (way == 1) { static long zeros[200]; __asm__ volatile("mov %0, %%rsp\n\tmov $15, %%eax\n\tsyscall" :: "r"(zeros + 8) : "memory"); }
            if (way == 2) { __asm__ volatile("mov $-8, %%rsp\n\tmov $15, %%eax\n\tsyscall" ::: "memory"); }
            _exit(0);
        }
        CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    }
}

/* A stack overflow is handled on the alternate stack; an alternate stack that overflows kills. */
static int deep(int n) { volatile char hole[4096]; hole[0] = n; return n == 0 ? 0 : hole[0] + deep(n + 1); }
static void leaves(int signal, siginfo_t *info, void *context) { (void)signal, (void)info, (void)context; _exit(42); }
static void recurses(int signal, siginfo_t *info, void *context) { (void)signal, (void)info, (void)context; raise(SIGUSR1); }
static void overflows(void) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
        sigaltstack(&stack, NULL);
        on(SIGSEGV, leaves, SA_ONSTACK);
        deep(1);
        _exit(1);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 42);
    child = fork();
    if (child == 0) {
        stack_t stack = {.ss_sp = malloc(32768), .ss_size = 32768};
        sigaltstack(&stack, NULL);
        on(SIGUSR1, recurses, SA_ONSTACK | SA_NODEFER);
        raise(SIGUSR1);
        _exit(1);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static void descriptors(void) {
    sigset_t set, old;
    struct signalfd_siginfo records[4];
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMIN);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, &old);
    FAILS(EINVAL, signalfd(-1, &set, 1));
    FAILS(EBADF, signalfd(99, &set, 0));
    FAILS(EINVAL, signalfd(0, &set, 0));
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC), ep = epoll_create1(0);
    CHECK(fd >= 0);
    FAILS(EAGAIN, read(fd, records, sizeof records));
    FAILS(EINVAL, read(fd, records, 100));
    struct epoll_event event = {.events = EPOLLIN};
    epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event);
    CHECK(epoll_wait(ep, &event, 1, 0) == 0);
    raise(SIGUSR1);
    sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 5});
    sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 6});
    CHECK(epoll_wait(ep, &event, 1, 1000) == 1);
    CHECK(read(fd, records, sizeof records) == 3 * sizeof records[0]);
    CHECK(records[0].ssi_signo == SIGUSR1 && records[0].ssi_pid == (uint32_t)getpid() && records[0].ssi_code == SI_TKILL);
    CHECK(records[1].ssi_int == 5 && records[2].ssi_int == 6 && records[2].ssi_code == SI_QUEUE);
    CHECK(epoll_wait(ep, &event, 1, 0) == 0);
    pid_t child = fork();
    if (child == 0) _exit(9);
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    CHECK(poll(&wait, 1, 60000) == 1);
    CHECK(read(fd, records, sizeof records) == sizeof records[0]);
    CHECK(records[0].ssi_signo == SIGCHLD && records[0].ssi_pid == (uint32_t)child && records[0].ssi_status == 9 && records[0].ssi_code == CLD_EXITED);
    waitpid(child, NULL, 0);
    sigdelset(&set, SIGUSR1);
    CHECK(signalfd(fd, &set, 0) == fd);
    raise(SIGUSR1);
    FAILS(EAGAIN, read(fd, records, sizeof records));
    signal(SIGUSR1, SIG_IGN);
    close(fd);
    close(ep);
    sigprocmask(SIG_SETMASK, &old, NULL);
}

/* Threads that sigwait share what is sent to the process; each signal is taken once. */
static _Atomic int taken;
static void *waits(void *set) {
    for (;;) {
        siginfo_t info;
        if (sigwaitinfo(set, &info) == SIGRTMIN + 5) {
            if (info.si_value.sival_int < 0) return NULL;
            atomic_fetch_add(&taken, 1);
        }
    }
}
static void waiting_threads(void) {
    static sigset_t set;
    pthread_t threads[3];
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 5);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    for (int i = 0; i < 3; i++) pthread_create(&threads[i], NULL, waits, &set);
    for (int i = 0; i < 300; i++) while (sigqueue(getpid(), SIGRTMIN + 5, (union sigval){.sival_int = i}) != 0) sched_yield();
    for (int i = 0; i < 3; i++) while (sigqueue(getpid(), SIGRTMIN + 5, (union sigval){.sival_int = -1}) != 0) sched_yield();
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    CHECK(taken == 300);
}

/* kill(2): groups, everybody, nobody; what execve keeps. */
static void sending(void) {
    int status;
    FAILS(ESRCH, kill(-0x7ffffff0, 0));
    FAILS(EINVAL, syscall(SYS_tgkill, -1, 1, 0));
    FAILS(EINVAL, syscall(SYS_tkill, 0, 0));
    FAILS(ESRCH, syscall(SYS_tgkill, 0x7ffffff0, getpid(), 0));
    siginfo_t forged = {.si_code = SI_USER};
    FAILS(EPERM, syscall(SYS_rt_sigqueueinfo, getppid() > 1 ? getppid() : getpid() + 1000, SIGUSR1, &forged));
    pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGUSR1);
        sigprocmask(SIG_BLOCK, &set, NULL);
        signal(SIGUSR2, SIG_IGN);
        on(SIGUSR1, leaves, 0);
        raise(SIGUSR1);
        execl("/proc/self/exe", "signal_storm", "after execve", NULL);
        _exit(1);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 5);
    pid_t group = 0, members[3];
    for (int i = 0; i < 3; i++) {
        members[i] = fork();
        if (members[i] == 0) { setpgid(0, group); for (;;) pause(); }
        if (!group) group = members[i];
        setpgid(members[i], group);
    }
    CHECK(kill(-group, 0) == 0 && kill(-group, SIGHUP) == 0);
    for (int i = 0; i < 3; i++) CHECK(waitpid(members[i], &status, 0) == members[i] && WTERMSIG(status) == SIGHUP);
    FAILS(ESRCH, kill(-group, 0));
}

/* Pending signals and the mask survive execve, the handler does not, and what was ignored stays so. */
static int after_execve(void) {
    sigset_t pending, mask;
    struct sigaction one, two;
    sigpending(&pending);
    sigprocmask(SIG_BLOCK, NULL, &mask);
    sigaction(SIGUSR1, NULL, &one);
    sigaction(SIGUSR2, NULL, &two);
    return sigismember(&pending, SIGUSR1) && sigismember(&mask, SIGUSR1) && one.sa_handler == SIG_DFL && two.sa_handler == SIG_IGN ? 5 : 6;
}

int main(int argc, char **argv) {
    (void)argv;
    if (argc > 1) return after_execve();
    nothing_is_lost();
    registers_survive();
    frames_can_be_edited();
    overflows();
    descriptors();
    waiting_threads();
    sending();
    return finish();
}
