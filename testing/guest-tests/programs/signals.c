/* sigaction(2), masks, altstack, restart, frames, order of delivery, queueing. */
#include "check.h"
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <fcntl.h>

static volatile sig_atomic_t count, last, order[64];
static siginfo_t seen;
static void *stack_seen;

static void counting(int signal) { order[count % 64] = signal; count++; last = signal; }
static int alarm_pipe[2];
static void counting_aloud(int signal) {
    counting(signal);
    write(alarm_pipe[1], "a", 1);
}
static void detailed(int signal, siginfo_t *info, void *context) {
    int local;
    stack_seen = &local;
    seen = *info;
    last = signal;
    count++;
    (void)context;
}
static void skips(int signal, siginfo_t *info, void *context) {
    ucontext_t *uc = context;
    seen = *info;
    last = signal;
    uc->uc_mcontext.gregs[REG_RIP] += 2; /* over ud2 */
}
static sigjmp_buf jump;
static void jumps(int signal, siginfo_t *info, void *context) {
    seen = *info;
    (void)context;
    siglongjmp(jump, signal);
}
static void set(int signal, void (*handler)(int), int flags) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    CHECK(sigaction(signal, &action, NULL) == 0);
}
static void set_info(int signal, void (*handler)(int, siginfo_t *, void *), int flags) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = flags | SA_SIGINFO};
    CHECK(sigaction(signal, &action, NULL) == 0);
}

int main(void) {
    struct sigaction action;
    sigset_t mask, old, pending;

    FAILS(EINVAL, sigaction(SIGKILL, &(struct sigaction){.sa_handler = SIG_IGN}, NULL));
    FAILS(EINVAL, sigaction(SIGSTOP, &(struct sigaction){.sa_handler = counting}, NULL));
    FAILS(EINVAL, sigaction(65, NULL, &action));
    FAILS(EINVAL, kill(getpid(), 65));
    FAILS(ESRCH, kill(0x7ffffff0, 0));

    set(SIGUSR1, counting, 0);
    CHECK(raise(SIGUSR1) == 0 && count == 1 && last == SIGUSR1);
    set(SIGUSR1, counting, SA_RESETHAND);
    raise(SIGUSR1);
    sigaction(SIGUSR1, NULL, &action);
    CHECK(action.sa_handler == SIG_DFL && count == 2);

    /* Blocked: stays pending, once; real-time ones queue in order with their values. */
    count = 0;
    set(SIGUSR1, counting, 0);
    sigfillset(&mask);
    CHECK(sigprocmask(SIG_BLOCK, &mask, &old) == 0);
    raise(SIGUSR1);
    raise(SIGUSR1);
    set_info(SIGRTMIN + 1, detailed, 0);
    for (int i = 0; i < 3; i++) CHECK(sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = i + 10}) == 0);
    CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1) && sigismember(&pending, SIGRTMIN + 1));
    siginfo_t info;
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, SIGRTMIN + 1);
    CHECK(sigtimedwait(&one, &info, &(struct timespec){0}) == SIGRTMIN + 1 && info.si_value.sival_int == 10);
    CHECK(info.si_code == SI_QUEUE && info.si_pid == getpid());
    CHECK(sigprocmask(SIG_SETMASK, &old, NULL) == 0);
    CHECK(count == 3 && seen.si_value.sival_int == 12);
    FAILS(EAGAIN, sigtimedwait(&one, &info, &(struct timespec){.tv_nsec = 1000000}));

    /* Several pending: the last frame built runs first, so handlers run from high to low... each sees its own mask. */
    count = 0;
    set(SIGUSR2, counting, 0);
    set(SIGUSR1, counting, 0);
    sigprocmask(SIG_BLOCK, &mask, &old);
    raise(SIGUSR2);
    raise(SIGUSR1);
    sigprocmask(SIG_SETMASK, &old, NULL);
    printf("order %d %d of %d\n", order[0], order[1], count);

    /* Faults carry code and address. */
    set_info(SIGSEGV, jumps, SA_NODEFER);
    char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (sigsetjmp(jump, 1) == 0) { *(volatile char *)page = 1; CHECK(0); }
    CHECK(seen.si_code == SEGV_ACCERR && seen.si_addr == page);
    munmap(page, 4096);
    if (sigsetjmp(jump, 1) == 0) { (void)*(volatile char *)page; CHECK(0); }
    CHECK(seen.si_code == SEGV_MAPERR && seen.si_addr == page);
    if (sigsetjmp(jump, 1) == 0) { (void)*(volatile char *)0xdead000000000000; CHECK(0); }
    CHECK(seen.si_code == SI_KERNEL && seen.si_addr == NULL);
    set_info(SIGFPE, jumps, SA_NODEFER);
    static volatile int zero;
    if (sigsetjmp(jump, 1) == 0) { __asm__ volatile("xor %%ecx, %%ecx\n\tcltd\n\tidivl %%ecx" : : "a"(1) : "rcx", "rdx"); CHECK(0); }
    CHECK(seen.si_code == FPE_INTDIV && zero == 0);
    set_info(SIGILL, skips, 0);
    __asm__ volatile("ud2");
    CHECK(last == SIGILL && seen.si_code == ILL_ILLOPN);
    set_info(SIGTRAP, detailed, 0);
    __asm__ volatile("int3");
    CHECK(last == SIGTRAP && seen.si_code == SI_KERNEL);
    char path[] = "/tmp/caisson-sigbus-XXXXXX";
    int fd = mkstemp(path);
    unlink(path);
    CHECK(ftruncate(fd, 100) == 0);
    set_info(SIGBUS, jumps, SA_NODEFER);
    page = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0);
    CHECK(page[50] == 0 && page[200] == 0);
    if (sigsetjmp(jump, 1) == 0) { (void)*(volatile char *)(page + 4096); CHECK(0); }
    CHECK(seen.si_code == BUS_ADRERR && seen.si_addr == page + 4096);

    /* Alternate stack. */
    stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536}, now;
    CHECK(sigaltstack(&stack, NULL) == 0);
    set_info(SIGUSR1, detailed, SA_ONSTACK);
    raise(SIGUSR1);
    CHECK((char *)stack_seen > (char *)stack.ss_sp && (char *)stack_seen < (char *)stack.ss_sp + 65536);
    CHECK(sigaltstack(NULL, &now) == 0 && now.ss_sp == stack.ss_sp && now.ss_flags == 0);
    FAILS(ENOMEM, sigaltstack(&(stack_t){.ss_sp = stack.ss_sp, .ss_size = 100}, NULL));
    FAILS(EINVAL, sigaltstack(&(stack_t){.ss_sp = stack.ss_sp, .ss_size = 65536, .ss_flags = 77}, NULL));

    /* Interrupted calls: EINTR without SA_RESTART, invisible with it. */
    int link[2];
    CHECK(pipe(link) == 0);
    set(SIGALRM, counting, 0);
    /* The timer comes again and again: once alone may be before the wait begins. */
    struct itimerval often = {.it_value = {.tv_usec = 50000}, .it_interval = {.tv_usec = 50000}}, never = {.it_value = {.tv_usec = 0}};
    char byte;
    setitimer(ITIMER_REAL, &often, NULL);
    FAILS(EINTR, read(link[0], &byte, 1));
    set(SIGALRM, counting_aloud, SA_RESTART);
    CHECK(pipe(alarm_pipe) == 0);
    count = 0;
    pid_t pid = fork();
    if (pid == 0) { /* answers when the parent has had a signal, most probably in its read() */
        close(alarm_pipe[1]);
        read(alarm_pipe[0], &byte, 1);
        write(link[1], "x", 1);
        _exit(0);
    }
    CHECK(read(link[0], &byte, 1) == 1 && byte == 'x' && count >= 1);
    waitpid(pid, NULL, 0);
    struct timespec wanted = {.tv_sec = 500}, rest;
    set(SIGALRM, counting, 0);
    FAILS(EINTR, nanosleep(&wanted, &rest));
    CHECK(rest.tv_sec < 500 && rest.tv_sec > 300);
    sigemptyset(&mask);
    FAILS(EINTR, sigsuspend(&mask));
    setitimer(ITIMER_REAL, &never, NULL);

    /* Floating point state survives a handler. */
    double x = 1.5, y;
    __asm__ volatile("movsd %1, %%xmm7\n\tmov $39, %%eax\n\tsyscall\n\tmovsd %%xmm7, %0" : "=m"(y) : "m"(x) : "rax", "rcx", "r11", "xmm7");
    CHECK(x == y);

    /* A signal that kills. */
    pid = fork();
    int status;
    if (pid == 0) { signal(SIGSEGV, SIG_DFL); sigfillset(&mask); sigprocmask(SIG_BLOCK, &mask, NULL); *(volatile int *)8 = 1; _exit(0); }
    CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    return finish();
}
