/* ptrace(2): breakpoints in debug registers, for writes and for instructions. Not every machine lends its own, so this runs in a sandbox only. */
#include "../programs/check.h"
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#define RAW(request, pid, address, data) syscall(SYS_ptrace, (long)(request), (long)(pid), (long)(address), (long)(data))
#define STOPPED(signal) ((signal) << 8 | 0x7f)
#define DEBUG(pid, number, value) RAW(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[number]), value)
#define BREAKPOINT(number, type, length) (1UL << 2 * (number) | (unsigned long)((type) | (length) << 2) << (16 + 4 * (number)))
enum { EXECUTION = 0, WRITE = 1, PORT = 2, ACCESS = 3 };
enum { ONE = 0, TWO = 1, EIGHT = 2, FOUR = 3 };

static volatile struct {
    uint64_t wide;
    uint32_t beside;
    uint8_t single;
} data __attribute__((aligned(16)));

static unsigned long debug(pid_t pid, int number) {
    unsigned long word = -1;
    CHECK(RAW(PTRACE_PEEKUSER, pid, offsetof(struct user, u_debugreg[number]), &word) == 0);
    return word;
}

static pid_t start(void (*body)(void)) {
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        failures = 0;
        if (RAW(PTRACE_TRACEME, 0, 0, 0)) _exit(99);
        raise(SIGSTOP);
        body();
        _exit(failures ? 98 : 0);
    }
    int status = 0;
    CHECK(waitpid(pid, &status, 0) == pid && status == STOPPED(SIGSTOP));
    return pid;
}

static int next(pid_t pid, int request, int signal) {
    int status = -1;
    CHECK(RAW(request, pid, 0, signal) == 0);
    CHECK(waitpid(pid, &status, __WALL) == pid);
    return status;
}

static int code(pid_t pid) {
    siginfo_t info;
    CHECK(RAW(PTRACE_GETSIGINFO, pid, 0, &info) == 0);
    return info.si_code;
}

static unsigned long instruction(pid_t pid) {
    struct user_regs_struct registers;
    CHECK(RAW(PTRACE_GETREGS, pid, 0, &registers) == 0);
    CHECK(!(registers.eflags & 0x100)); /* how it is done is nobody's business */
    return registers.rip;
}

__attribute__((noinline)) static int called(int value) {
    asm volatile("");
    return value + 1;
}

static uint64_t flags_now(void) {
    uint64_t flags;
    asm volatile("pushfq\n\tpopq %0" : "=r"(flags));
    return flags;
}

static void write_things(void) {
    data.wide = 1;
    data.beside = 2;
    data.single = 3;
    CHECK(!(flags_now() & 0x100));
    int ends[2];
    CHECK(pipe(ends) == 0 && write(ends[1], "12345678", 8) == 8);
    CHECK(read(ends[0], (void *)&data.wide, 8) == 8); /* the kernel's writes do not count */
    uint64_t flags = 0;
    asm volatile("movl %2, %%eax\n\tsyscall\n\tmovq %%r11, %0" : "=r"(flags), "=m"(data) : "i"(SYS_getppid) : "rax", "rcx", "r11", "memory");
    CHECK(!(flags & 0x100));
    data.wide = 4;
}

static void writes(void) {
    pid_t pid = start(write_things);
    CHECK(DEBUG(pid, 0, &data.wide) == 0);
    CHECK(DEBUG(pid, 2, &data.single) == 0);
    unsigned long control = BREAKPOINT(0, WRITE, EIGHT) | BREAKPOINT(2, WRITE, ONE);
    CHECK(DEBUG(pid, 7, control) == 0 && debug(pid, 7) == control);

    CHECK(next(pid, PTRACE_CONT, 0) == STOPPED(SIGTRAP));
    CHECK(RAW(PTRACE_PEEKDATA, pid, &data.wide, &data.wide) == 0 && data.wide == 1);
    CHECK(code(pid) == 4 /* TRAP_HWBKPT */ && debug(pid, 6) == (0xffff0ff0 ^ 1));
    instruction(pid);
    CHECK(DEBUG(pid, 6, 0) == 0);
    CHECK(next(pid, PTRACE_CONT, 0) == STOPPED(SIGTRAP)); /* what lies beside is not watched */
    CHECK(code(pid) == 4 && debug(pid, 6) == (0xffff0ff0 ^ 4));
    CHECK(next(pid, PTRACE_SYSCALL, 0) == STOPPED(SIGTRAP)); /* pipe */
    CHECK(next(pid, PTRACE_CONT, 0) == STOPPED(SIGTRAP));
    CHECK(code(pid) == 4 && debug(pid, 6) == (0xffff0ff0 ^ 1));
    CHECK(RAW(PTRACE_PEEKDATA, pid, &data.wide, &data.wide) == 0 && data.wide == 4);
    CHECK(DEBUG(pid, 7, 0) == 0);
    CHECK(next(pid, PTRACE_CONT, 0) == 0);
}

static void call_it(void) { _exit(called(called(5))); }

static void instructions(void) {
    pid_t pid = start(call_it);
    CHECK(DEBUG(pid, 1, called) == 0);
    CHECK(DEBUG(pid, 7, BREAKPOINT(1, EXECUTION, ONE)) == 0);
    for (int i = 0; i < 2; i++) {
        CHECK(next(pid, PTRACE_CONT, 0) == STOPPED(SIGTRAP));
        CHECK(code(pid) == 4 && debug(pid, 6) == (0xffff0ff0 ^ 2) && instruction(pid) == (unsigned long)called);
        CHECK(next(pid, PTRACE_SINGLESTEP, 0) == STOPPED(SIGTRAP)); /* it does not trap again where it stands */
        CHECK(code(pid) == 2 /* TRAP_TRACE */ && (debug(pid, 6) ^ 0xffff0ff0) == 0x4000 && instruction(pid) != (unsigned long)called);
    }
    CHECK(next(pid, PTRACE_CONT, 0) == 7 << 8);
}

static void refusals(void) {
    pid_t pid = start(call_it);
    CHECK(DEBUG(pid, 0, (char *)&data.wide + 1) == 0);
    FAILS(EINVAL, DEBUG(pid, 7, BREAKPOINT(0, WRITE, TWO)));
    FAILS(EINVAL, DEBUG(pid, 7, BREAKPOINT(0, WRITE, EIGHT)));
    FAILS(EINVAL, DEBUG(pid, 7, BREAKPOINT(0, PORT, ONE)));
    FAILS(EINVAL, DEBUG(pid, 7, BREAKPOINT(0, EXECUTION, FOUR)));
    CHECK(debug(pid, 7) == 0);
    CHECK(DEBUG(pid, 7, BREAKPOINT(0, WRITE, ONE)) == 0 && DEBUG(pid, 7, 0) == 0);
    CHECK(next(pid, PTRACE_CONT, 0) == 7 << 8);
}

static volatile sig_atomic_t handled;

static void handle(int signal) {
    (void)signal;
    data.wide = 9;
    handled++;
}

static void write_in_handler(void) {
    signal(SIGUSR1, handle);
    raise(SIGUSR1);
    CHECK(handled == 1);
}

static void handlers(void) {
    data.wide = 0;
    pid_t pid = start(write_in_handler);
    CHECK(DEBUG(pid, 3, &data.wide) == 0);
    CHECK(DEBUG(pid, 7, BREAKPOINT(3, WRITE, FOUR)) == 0);
    CHECK(next(pid, PTRACE_CONT, 0) == STOPPED(SIGUSR1));
    CHECK(next(pid, PTRACE_CONT, SIGUSR1) == STOPPED(SIGTRAP));
    CHECK(code(pid) == 4 && debug(pid, 6) == (0xffff0ff0 ^ 8));
    CHECK(next(pid, PTRACE_CONT, 0) == 0);
}

int main(void) {
    writes();
    instructions();
    refusals();
    handlers();
    return finish();
}
