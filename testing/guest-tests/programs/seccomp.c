/* seccomp(2): strict mode, filters and what they do, checks of programs, inheritance, synchronisation of threads. */
#include "check.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(value) BPF_STMT(BPF_RET | BPF_K, (value))
#define ON_CALL(number, action) LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), RETURN(action), RETURN(SECCOMP_RET_ALLOW)
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define INSTALL(flags, ...)                                                                                  \
    ({                                                                                                       \
        struct sock_filter code_[] = {__VA_ARGS__};                                                          \
        struct sock_fprog program_ = {LENGTH(code_), code_};                                                 \
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, (flags), &program_);                                   \
    })

static int in_child(void (*body)(void)) {
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        failures = 0;
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) _exit(90);
        body();
        _exit(failures ? 91 : 0);
    }
    int status = -1;
    CHECK(waitpid(pid, &status, 0) == pid);
    return status & ~0x80; /* whether there was a core dump does not matter */
}

static int status_field(const char *name) {
    char line[200];
    int value = -1;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ':') value = atoi(line + strlen(name) + 1);
    if (file) fclose(file);
    return value;
}

static void strict(void) {
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0);
    write(1, "strict\n", 7);
    syscall(SYS_exit, 5);
}

static void strict_violated(void) {
    CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL) == 0);
    syscall(SYS_getpid);
}

static void errors(void) {
    CHECK(prctl(PR_GET_SECCOMP) == 0);
    CHECK(status_field("Seccomp") == 0);
    CHECK(INSTALL(0, ON_CALL(SYS_getppid, SECCOMP_RET_ERRNO | 7)) == 0);
    FAILS(7, syscall(SYS_getppid));
    CHECK(INSTALL(0, ON_CALL(SYS_getuid, SECCOMP_RET_ERRNO | 0)) == 0);
    CHECK(syscall(SYS_getuid) == 0);
    CHECK(INSTALL(0, ON_CALL(SYS_getgid, SECCOMP_RET_ERRNO | 5000)) == 0);
    FAILS(4095, syscall(SYS_getgid));
    CHECK(INSTALL(0, ON_CALL(SYS_geteuid, SECCOMP_RET_TRACE | 3)) == 0);
    FAILS(ENOSYS, syscall(SYS_geteuid));
    CHECK(INSTALL(SECCOMP_FILTER_FLAG_LOG, ON_CALL(SYS_getegid, SECCOMP_RET_LOG)) == 0);
    CHECK(syscall(SYS_getegid) != -1);
    CHECK(INSTALL(0, ON_CALL(9999, SECCOMP_RET_ERRNO | 9)) == 0);
    FAILS(9, syscall(9999));
    FAILS(ENOSYS, syscall(9998));
    /* The severest answer counts, of the newest filter among equals. */
    CHECK(INSTALL(0, ON_CALL(SYS_getppid, SECCOMP_RET_ERRNO | 8)) == 0);
    FAILS(8, syscall(SYS_getppid));
    CHECK(INSTALL(0, ON_CALL(SYS_getppid, SECCOMP_RET_LOG)) == 0);
    FAILS(8, syscall(SYS_getppid));
    CHECK(prctl(PR_GET_SECCOMP) == 2);
    CHECK(status_field("Seccomp") == 2);
    CHECK(status_field("Seccomp_filters") == 8);
    CHECK(status_field("NoNewPrivs") == 1);
    FAILS(EINVAL, syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL));
}

/* Arguments are seen wholly; the arithmetic of the machine is unsigned, of 32 bits. */
static void arguments(void) {
    uint32_t low = offsetof(struct seccomp_data, args[1]), high = low + 4;
    CHECK(INSTALL(0, LOAD(arch), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0), RETURN(SECCOMP_RET_KILL_PROCESS),
                  LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_lseek, 1, 0), RETURN(SECCOMP_RET_ALLOW),
                  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, high), BPF_STMT(BPF_ST, 3),
                  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, low), BPF_STMT(BPF_MISC | BPF_TAX, 0),
                  BPF_STMT(BPF_LD | BPF_MEM, 3),
                  BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 0x7fffffff, 0, 1), RETURN(SECCOMP_RET_ERRNO | 20),
                  BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff),
                  BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO), BPF_STMT(BPF_RET | BPF_A, 0)) == 0);
    FAILS(20, syscall(SYS_lseek, 0, -1L, 0));
    FAILS(0x12 ^ 0x34, syscall(SYS_lseek, 0, 0x1200000034L, 0));
    CHECK(INSTALL(0, LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getsid, 1, 0), RETURN(SECCOMP_RET_ALLOW),
                  BPF_STMT(BPF_LD | BPF_IMM, 7), BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 6), BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, 2),
                  BPF_STMT(BPF_LDX | BPF_IMM, 4), BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0), BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 2),
                  BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 1), BPF_STMT(BPF_ALU | BPF_NEG, 0), BPF_STMT(BPF_ALU | BPF_NEG, 0),
                  BPF_STMT(BPF_LDX | BPF_W | BPF_LEN, 0), BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
                  BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO), BPF_STMT(BPF_RET | BPF_A, 0)) == 0);
    FAILS(20 + 64, syscall(SYS_getsid, 0));
    /* A division by zero ends the program with 0: kill. */
    CHECK(INSTALL(0, LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpgrp, 1, 0), RETURN(SECCOMP_RET_ALLOW),
                  BPF_STMT(BPF_LDX | BPF_IMM, 0), BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0), RETURN(SECCOMP_RET_ALLOW)) == 0);
    if (failures) _exit(92);
    syscall(SYS_getpgrp);
}

static volatile int trapped;
static void *volatile trap_address;

static void on_trap(int number, siginfo_t *info, void *context) {
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    CHECK(number == SIGSYS && info->si_code == 1 && info->si_errno == 0x123);
    CHECK(info->si_syscall == SYS_getppid && info->si_arch == AUDIT_ARCH_X86_64);
    CHECK(registers[REG_RAX] == SYS_getppid);
    CHECK((greg_t)info->si_call_addr == registers[REG_RIP]);
    trap_address = info->si_call_addr;
    registers[REG_RAX] = 4711;
    trapped++;
}

static void traps(void) {
    struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
    CHECK(sigaction(SIGSYS, &action, NULL) == 0);
    CHECK(INSTALL(0, ON_CALL(SYS_getppid, SECCOMP_RET_TRAP | 0x123)) == 0);
    CHECK(syscall(SYS_getppid) == 4711 && trapped == 1 && trap_address);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGSYS);
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    if (failures) _exit(92);
    syscall(SYS_getppid); /* blocked: it kills */
}

static void kills(void) {
    struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
    sigaction(SIGSYS, &action, NULL);
    CHECK(INSTALL(0, ON_CALL(SYS_getppid, SECCOMP_RET_KILL_PROCESS)) == 0);
    if (failures) _exit(92);
    syscall(SYS_getppid);
}

static void kills_only_thread(void) {
    CHECK(INSTALL(0, ON_CALL(SYS_getppid, SECCOMP_RET_KILL_THREAD)) == 0);
    if (failures) _exit(92);
    syscall(SYS_getppid);
}

static void unknown_action(void) {
    CHECK(INSTALL(0, ON_CALL(SYS_getppid, 0x12340000)) == 0);
    if (failures) _exit(92);
    syscall(SYS_getppid);
}

static volatile int tid;

static void *calls_getppid(void *arg) {
    tid = syscall(SYS_gettid);
    syscall(SYS_getppid);
    trapped = 99;
    return arg;
}

/* Of several threads only the one that called goes. */
static void kills_thread(void) {
    pthread_t thread;
    CHECK(INSTALL(0, ON_CALL(SYS_getppid, SECCOMP_RET_KILL_THREAD)) == 0);
    CHECK(pthread_create(&thread, NULL, calls_getppid, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(tid != 0 && trapped == 0);
}

static int pipe_ends[2];

static void *waits_then_calls(void *arg) {
    tid = syscall(SYS_gettid);
    write(pipe_ends[1], "r", 1);
    while (trapped == 0) usleep(1000);
    errno = 0;
    long result = syscall(SYS_getppid);
    return (void *)(result == -1 ? (long)errno : 0L);
}

static void *filters_itself(void *arg) {
    CHECK(INSTALL(0, ON_CALL(SYS_getsid, SECCOMP_RET_ERRNO | 3)) == 0);
    return waits_then_calls(arg);
}

static void all_threads(void) {
    pthread_t thread;
    void *result;
    char c;
    CHECK(pipe(pipe_ends) == 0);
    CHECK(pthread_create(&thread, NULL, waits_then_calls, NULL) == 0);
    CHECK(read(pipe_ends[0], &c, 1) == 1);
    CHECK(INSTALL(SECCOMP_FILTER_FLAG_TSYNC, ON_CALL(SYS_getppid, SECCOMP_RET_ERRNO | 6)) == 0);
    trapped = 1;
    CHECK(pthread_join(thread, &result) == 0 && (long)result == 6);
    trapped = 0;
    CHECK(pthread_create(&thread, NULL, filters_itself, NULL) == 0);
    CHECK(read(pipe_ends[0], &c, 1) == 1);
    CHECK(INSTALL(SECCOMP_FILTER_FLAG_TSYNC, ON_CALL(SYS_getppid, SECCOMP_RET_ERRNO | 5)) == tid);
    FAILS(ESRCH, INSTALL(SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH, ON_CALL(SYS_getppid, SECCOMP_RET_ERRNO | 5)));
    trapped = 1;
    CHECK(pthread_join(thread, &result) == 0 && (long)result == 6);
}

static void inherited(void) {
    CHECK(INSTALL(0, ON_CALL(SYS_getppid, SECCOMP_RET_ERRNO | 6)) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        char *argv[] = {"seccomp", "after-exec", NULL};
        execv("/proc/self/exe", argv);
        _exit(80);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static int after_exec(void) {
    FAILS(6, syscall(SYS_getppid));
    CHECK(status_field("Seccomp_filters") == 1);
    return failures != 0;
}

static void bad_programs(void) {
    struct sock_filter code[] = {RETURN(SECCOMP_RET_ALLOW)};
    struct sock_fprog program = {1, code};
    FAILS(EINVAL, syscall(SYS_seccomp, 77, 0, NULL));
    FAILS(EINVAL, syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 1, NULL));
    FAILS(EINVAL, syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, &program));
    FAILS(EINVAL, syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0x1000, &program));
    FAILS(EFAULT, syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL));
    FAILS(EFAULT, syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, 8L));
    FAILS(EFAULT, prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, 8L));
    FAILS(EINVAL, prctl(PR_SET_SECCOMP, 5, 0));
    program.len = 0;
    FAILS(EINVAL, syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
    program.len = 4097;
    FAILS(EINVAL, syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
    program.len = 1;
    program.filter = NULL;
    FAILS(EINVAL, syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
    program.filter = (void *)8;
    FAILS(EFAULT, syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
    FAILS(EINVAL, INSTALL(0, LOAD(nr)));                                                    /* falls off the end */
    FAILS(EINVAL, INSTALL(0, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), RETURN(0)));           /* beyond the data */
    FAILS(EINVAL, INSTALL(0, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), RETURN(0)));            /* unaligned */
    FAILS(EINVAL, INSTALL(0, BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 4), RETURN(0)));            /* not a word */
    FAILS(EINVAL, INSTALL(0, BPF_STMT(BPF_LD | BPF_W | BPF_IND, 4), RETURN(0)));
    FAILS(EINVAL, INSTALL(0, BPF_STMT(BPF_LD | BPF_MEM, 1), RETURN(0)));                    /* never written */
    FAILS(EINVAL, INSTALL(0, BPF_STMT(BPF_ST, 16), RETURN(0)));
    FAILS(EINVAL, INSTALL(0, BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), RETURN(0)));
    FAILS(EINVAL, INSTALL(0, BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 3), RETURN(0)));
    FAILS(EINVAL, INSTALL(0, BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 32), RETURN(0)));
    FAILS(EINVAL, INSTALL(0, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0), RETURN(0)));     /* jumps out */
    FAILS(EINVAL, INSTALL(0, BPF_STMT(BPF_JMP | BPF_JA, 1), RETURN(0)));
    FAILS(EINVAL, INSTALL(0, BPF_STMT(BPF_RET | BPF_X, 0)));
    FAILS(EINVAL, INSTALL(0, {0xffff, 0, 0, 0}, RETURN(0)));
    /* Written on one way only. */
    FAILS(EINVAL, INSTALL(0, LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1), BPF_STMT(BPF_ST, 0), BPF_STMT(BPF_LD | BPF_MEM, 0),
                          RETURN(0)));
    CHECK(prctl(PR_GET_SECCOMP) == 0);
    uint32_t action = SECCOMP_RET_KILL_PROCESS;
    CHECK(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0);
    FAILS(EINVAL, syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 1, &action));
    FAILS(EFAULT, syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, NULL));
    action = 0x12340000;
    FAILS(EOPNOTSUPP, syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action));
    struct seccomp_notif_sizes sizes;
    CHECK(syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) == 0);
    CHECK(sizes.seccomp_notif == 80 && sizes.seccomp_notif_resp == 24 && sizes.seccomp_data == 64);
}

/* Without no_new_privs only CAP_SYS_ADMIN may. */
static void unprivileged(void) {
    pid_t pid = fork();
    if (pid == 0) {
        failures = 0;
        if (setresuid(65534, 65534, 65534) == 0) FAILS(EACCES, INSTALL(0, RETURN(SECCOMP_RET_ALLOW)));
        _exit(failures);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static volatile char selector;
static volatile int dispatched;

static void on_dispatch(int number, siginfo_t *info, void *context) {
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    selector = 0;
    CHECK(number == SIGSYS && info->si_code == 2 && info->si_errno == 0);
    CHECK(info->si_syscall == SYS_getppid && info->si_arch == AUDIT_ARCH_X86_64);
    CHECK((greg_t)info->si_call_addr == registers[REG_RIP] && registers[REG_RAX] == SYS_getppid);
    registers[REG_RAX] = 4712;
    dispatched++;
}

/* PR_SET_SYSCALL_USER_DISPATCH. */
static void dispatches(void) {
    struct sigaction action = {.sa_sigaction = on_dispatch, .sa_flags = SA_SIGINFO};
    sigaction(SIGSYS, &action, NULL);
    FAILS(EINVAL, prctl(PR_SET_SYSCALL_USER_DISPATCH, 7, 0, 0, 0));
    FAILS(EINVAL, prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_OFF, 1, 0, 0));
    FAILS(EINVAL, prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 5, -2L, 0));
    FAILS(EFAULT, prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0, -1L));
    CHECK(prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0, &selector) == 0);
    CHECK(syscall(SYS_getppid) != 4712);
    selector = 1;
    long answer = syscall(SYS_getppid);
    CHECK(selector == 0 && answer == 4712 && dispatched == 1);
    pid_t pid = fork();
    if (pid == 0) {
        selector = 1;
        _exit(syscall(SYS_getppid) == 4712);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK(prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_OFF, 0, 0, 0) == 0);
    selector = 1;
    CHECK(syscall(SYS_getppid) != 4712 && dispatched == 1);
    CHECK(prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 1, -2L, &selector) == 0);
    CHECK(syscall(SYS_getppid) != 4712 && dispatched == 1);
    selector = 9;
    CHECK(prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0, &selector) == 0);
    syscall(SYS_getppid);
}

/* A chain has a limit. */
static void long_chain(void) {
    static struct sock_filter code[4096];
    for (int i = 0; i < 4096; i++) code[i] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
    struct sock_fprog program = {4096, code};
    int count = 0;
    while (count < 100 && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0) count++;
    CHECK(count > 1 && count < 100 && errno == ENOMEM);
}

int main(int argc, char **argv) {
    if (argc > 1 && !strcmp(argv[1], "after-exec")) return after_exec();
    CHECK(in_child(strict) == 5 << 8);
    CHECK(in_child(strict_violated) == SIGKILL);
    CHECK(in_child(errors) == 0);
    CHECK(in_child(arguments) == SIGSYS);
    CHECK(in_child(traps) == SIGSYS);
    CHECK(in_child(kills) == SIGSYS);
    CHECK(in_child(kills_only_thread) == SIGSYS);
    CHECK(in_child(unknown_action) == SIGSYS);
    CHECK(in_child(kills_thread) == 0);
    CHECK(in_child(all_threads) == 0);
    CHECK(in_child(inherited) == 0);
    CHECK(in_child(bad_programs) == 0);
    CHECK(in_child(long_chain) == 0);
    CHECK(in_child(dispatches) == SIGSYS);
    unprivileged();
    return finish();
}
