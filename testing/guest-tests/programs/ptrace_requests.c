/* ptrace(2): what a tracer sees of a stopped program and changes there: memory, registers, signals, steps, system calls. */
#include "check.h"
#include <asm/prctl.h>
#include <elf.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#define RAW(request, pid, address, data) syscall(SYS_ptrace, (long)(request), (long)(pid), (long)(address), (long)(data))
#define STOPPED(signal) ((signal) << 8 | 0x7f)

static long secret = 0x1122334455667788;
static volatile int counter;

/* Starts a tracee that stops itself before it does what it shall. */
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

static void nothing(void) {}

static void write_and_leave(void) {
    write(1, "written by the tracee\n", 22);
    _exit((int)(secret & 0x7f));
}

__attribute__((noinline)) static int code(int value) { return value + 1; }

static void call_code(void) { _exit(code(41)); }

static void memory(void) {
    pid_t pid = start(write_and_leave);
    long word = 0;
    CHECK(RAW(PTRACE_PEEKDATA, pid, &secret, &word) == 0 && word == secret);
    CHECK(RAW(PTRACE_PEEKTEXT, pid, &secret, &word) == 0 && word == secret);
    CHECK(RAW(PTRACE_PEEKDATA, pid, (char *)&secret + 1, &word) == 0 && (word & 0xff) == 0x77);
    FAILS(EIO, RAW(PTRACE_PEEKDATA, pid, 0, &word));
    FAILS(EIO, RAW(PTRACE_PEEKDATA, pid, -8, &word));
    FAILS(EFAULT, RAW(PTRACE_PEEKDATA, pid, &secret, 8));
    FAILS(EIO, RAW(PTRACE_POKEDATA, pid, 8, 1));
    CHECK(RAW(PTRACE_POKEDATA, pid, &secret, 42) == 0);
    CHECK(secret == 0x1122334455667788);
    CHECK(next(pid, PTRACE_CONT, 0) == 42 << 8);

    pid = start(call_code); /* code cannot be written, but by debuggers: the program's copy of the page changes */
    CHECK(RAW(PTRACE_PEEKTEXT, pid, code, &word) == 0);
    CHECK(RAW(PTRACE_POKETEXT, pid, code, (word & ~0xffL) | 0xcc) == 0);
    CHECK(next(pid, PTRACE_CONT, 0) == STOPPED(SIGTRAP));
    siginfo_t info;
    CHECK(RAW(PTRACE_GETSIGINFO, pid, 0, &info) == 0 && info.si_signo == SIGTRAP && info.si_code == SI_KERNEL);
    struct user_regs_struct registers;
    CHECK(RAW(PTRACE_GETREGS, pid, 0, &registers) == 0);
    CHECK(registers.rip == (uintptr_t)code + 1 && registers.rdi == 41 && registers.orig_rax == (unsigned long)-1);
    CHECK(RAW(PTRACE_POKETEXT, pid, code, word) == 0);
    registers.rip--;
    registers.rdi = 10;
    CHECK(RAW(PTRACE_SETREGS, pid, 0, &registers) == 0);
    CHECK(next(pid, PTRACE_CONT, 0) == 11 << 8);
    CHECK(code(1) == 2);
}

static void shared(void) {
    long *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    long *none = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *page = 5;
    *none = 6;
    mprotect(page, 4096, PROT_READ);
    mprotect(none, 4096, PROT_NONE);
    pid_t pid = start(nothing);
    long word = 0;
    CHECK(RAW(PTRACE_PEEKDATA, pid, page, &word) == 0 && word == 5);
    FAILS(EIO, RAW(PTRACE_POKEDATA, pid, page, 7));
    CHECK(RAW(PTRACE_PEEKDATA, pid, none, &word) == 0 && word == 6);
    CHECK(RAW(PTRACE_POKEDATA, pid, none, 7) == 0);
    CHECK(RAW(PTRACE_PEEKDATA, pid, none, &word) == 0 && word == 7);
    mprotect(none, 4096, PROT_READ);
    CHECK(*none == 6);
    CHECK(next(pid, PTRACE_CONT, 0) == 0);
}

static void errors(void) {
    long word;
    FAILS(ESRCH, RAW(PTRACE_CONT, getpid(), 0, 0));
    FAILS(ESRCH, RAW(PTRACE_CONT, 999999, 0, 0));
    FAILS(ESRCH, RAW(PTRACE_ATTACH, 999999, 0, 0));
    FAILS(EPERM, RAW(PTRACE_ATTACH, getpid(), 0, 0));
    FAILS(EIO, RAW(PTRACE_SEIZE, 1, 1, 0));
    FAILS(EIO, RAW(PTRACE_SEIZE, 1, 0, 1 << 9));
    FAILS(ESRCH, RAW(12345, 999999, 0, 0));
    pid_t pid = start(nothing);
    FAILS(EPERM, RAW(PTRACE_ATTACH, pid, 0, 0));
    FAILS(EPERM, RAW(PTRACE_SEIZE, pid, 0, 0));
    FAILS(EIO, RAW(12345, pid, 0, 0));
    FAILS(EIO, RAW(PTRACE_CONT, pid, 0, 65));
    FAILS(EIO, RAW(PTRACE_CONT, pid, 0, -1));
    FAILS(EIO, RAW(PTRACE_DETACH, pid, 0, 65));
    FAILS(EIO, RAW(PTRACE_INTERRUPT, pid, 0, 0));
    FAILS(EIO, RAW(PTRACE_LISTEN, pid, 0, 0));
    FAILS(EINVAL, RAW(PTRACE_SETOPTIONS, pid, 0, 1 << 9));
    FAILS(EIO, RAW(PTRACE_PEEKUSER, pid, 1, &word));
    FAILS(EIO, RAW(PTRACE_PEEKUSER, pid, 4096, &word));
    CHECK(RAW(PTRACE_PEEKUSER, pid, sizeof(struct user), &word) == 0 && word == 0); /* the kernel's is larger */
    FAILS(EIO, RAW(PTRACE_POKEUSER, pid, -8, 0));
    FAILS(EINVAL, RAW(PTRACE_GETSIGMASK, pid, 4, &word));
    FAILS(EFAULT, RAW(PTRACE_GETREGS, pid, 0, 16));
    FAILS(EFAULT, RAW(PTRACE_SETREGS, pid, 0, 16));
    FAILS(EFAULT, RAW(PTRACE_GETEVENTMSG, pid, 0, 16));
    struct iovec vector = {&word, 7};
    FAILS(EINVAL, RAW(PTRACE_GETREGSET, pid, NT_PRSTATUS, &vector));
    vector.iov_len = 8;
    FAILS(EINVAL, RAW(PTRACE_GETREGSET, pid, 77, &vector));
    FAILS(EFAULT, RAW(PTRACE_GETREGSET, pid, NT_PRSTATUS, 16));
    CHECK(RAW(PTRACE_CONT, pid, 0, 0) == 0);
    FAILS(ESRCH, RAW(PTRACE_GETEVENTMSG, pid, 0, &word));
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    FAILS(ECHILD, waitpid(pid, &status, 0));
}

static void twice(void) {
    FAILS(EPERM, RAW(PTRACE_TRACEME, 0, 0, 0));
}

static void user_area(void) {
    pid_t pid = start(nothing);
    struct user_regs_struct registers;
    unsigned long word;
    CHECK(RAW(PTRACE_GETREGS, pid, 0, &registers) == 0);
    CHECK(registers.cs == 0x33 && registers.ss == 0x2b && registers.fs_base != 0 && (registers.eflags & 0x300) == 0x200);
    CHECK(RAW(PTRACE_PEEKUSER, pid, offsetof(struct user, regs.rsp), &word) == 0 && word == registers.rsp);
    CHECK(RAW(PTRACE_PEEKUSER, pid, offsetof(struct user, regs.rip), &word) == 0 && word == registers.rip);
    CHECK(RAW(PTRACE_PEEKUSER, pid, offsetof(struct user, u_tsize), &word) == 0 && word == 0);
    FAILS(EIO, RAW(PTRACE_POKEUSER, pid, offsetof(struct user, u_tsize), 0));
    FAILS(EIO, RAW(PTRACE_POKEUSER, pid, offsetof(struct user, regs.cs), 0));
    FAILS(EIO, RAW(PTRACE_POKEUSER, pid, offsetof(struct user, regs.cs), 0x10));
    FAILS(EIO, RAW(PTRACE_POKEUSER, pid, offsetof(struct user, regs.fs_base), -1));
    CHECK(RAW(PTRACE_POKEUSER, pid, offsetof(struct user, regs.r12), 12) == 0);
    CHECK(RAW(PTRACE_PEEKUSER, pid, offsetof(struct user, regs.r12), &word) == 0 && word == 12);
    CHECK(RAW(PTRACE_POKEUSER, pid, offsetof(struct user, regs.r12), registers.r12) == 0);
    CHECK(RAW(PTRACE_POKEUSER, pid, offsetof(struct user, regs.eflags), registers.eflags | 0x4000 | 0x1) == 0);
    CHECK(RAW(PTRACE_PEEKUSER, pid, offsetof(struct user, regs.eflags), &word) == 0 && word == (registers.eflags | 0x4001));
    CHECK(RAW(PTRACE_POKEUSER, pid, offsetof(struct user, regs.eflags), registers.eflags) == 0);

    /* Debug registers without an enabled breakpoint. */
    CHECK(RAW(PTRACE_PEEKUSER, pid, offsetof(struct user, u_debugreg[6]), &word) == 0 && word == 0xffff0ff0);
    CHECK(RAW(PTRACE_PEEKUSER, pid, offsetof(struct user, u_debugreg[7]), &word) == 0 && word == 0);
    CHECK(RAW(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[0]), &secret) == 0);
    CHECK(RAW(PTRACE_PEEKUSER, pid, offsetof(struct user, u_debugreg[0]), &word) == 0 && word == (unsigned long)&secret);
    CHECK(RAW(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[7]), 0) == 0);
    FAILS(EINVAL, RAW(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[1]), -4096));
    FAILS(EIO, RAW(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[4]), 0));

    struct user_regs_struct set[2];
    struct iovec vector = {set, sizeof set};
    CHECK(RAW(PTRACE_GETREGSET, pid, NT_PRSTATUS, &vector) == 0 && vector.iov_len == sizeof registers);
    CHECK(!memcmp(set, &registers, sizeof registers));
    vector.iov_len = 16;
    set[0].r15 = 15;
    set[0].r14 = 14;
    set[0].r13 = 13;
    CHECK(RAW(PTRACE_SETREGSET, pid, NT_PRSTATUS, &vector) == 0 && vector.iov_len == 16);
    CHECK(RAW(PTRACE_GETREGS, pid, 0, &set[1]) == 0);
    CHECK(set[1].r15 == 15 && set[1].r14 == 14 && set[1].r13 == registers.r13);
    CHECK(RAW(PTRACE_SETREGS, pid, 0, &registers) == 0);
    CHECK(next(pid, PTRACE_CONT, 0) == 0);
}

static void floating(void) {
    double value = 1.5;
    asm volatile("movsd %0, %%xmm7\n\tint3\n\tmovsd %%xmm7, %0" : "+m"(value) : : "xmm7");
    _exit((int)(value * 4));
}

static void floating_point(void) {
    pid_t pid = start(floating);
    CHECK(next(pid, PTRACE_CONT, 0) == STOPPED(SIGTRAP));
    struct user_fpregs_struct fpu;
    CHECK(RAW(PTRACE_GETFPREGS, pid, 0, &fpu) == 0);
    double seen;
    memcpy(&seen, (char *)fpu.xmm_space + 7 * 16, 8);
    CHECK(seen == 1.5);
    CHECK(fpu.mxcsr == 0x1f80 && fpu.cwd == 0x37f);
    double other = 3.25;
    memcpy((char *)fpu.xmm_space + 7 * 16, &other, 8);
    CHECK(RAW(PTRACE_SETFPREGS, pid, 0, &fpu) == 0);
    char image[16384];
    struct iovec vector = {image, sizeof image};
    CHECK(RAW(PTRACE_GETREGSET, pid, NT_X86_XSTATE, &vector) == 0);
    CHECK(vector.iov_len >= 576 && vector.iov_len < sizeof image);
    memcpy(&seen, image + 160 + 7 * 16, 8);
    CHECK(seen == 3.25);
    unsigned long states;
    memcpy(&states, image + 464, 8);
    CHECK((states & 3) == 3);
    other = 7.5;
    memcpy(image + 160 + 7 * 16, &other, 8);
    CHECK(RAW(PTRACE_SETREGSET, pid, NT_X86_XSTATE, &vector) == 0);
    vector.iov_len = 64;
    FAILS(EFAULT, RAW(PTRACE_SETREGSET, pid, NT_X86_XSTATE, &vector));
    FAILS(EINVAL, RAW(PTRACE_SETREGSET, pid, NT_PRFPREG, &vector));
    fpu.mxcsr = 0xffffffff;
    FAILS(EINVAL, RAW(PTRACE_SETFPREGS, pid, 0, &fpu));
    CHECK(next(pid, PTRACE_CONT, 0) == 30 << 8);
}

/* Four instructions and a system call between two labels, for steps. */
extern char step_1[], step_2[], step_3[], step_4[], step_5[], step_6[];
__attribute__((noinline, noclone)) static void steps(void) {
    long flags = 0, result;
    asm volatile(".globl step_1, step_2, step_3, step_4, step_5, step_6\n"
                 "int3\nstep_1: mov $39, %%eax\nstep_2: nop\nstep_3: syscall\nstep_4: mov %%rax, %%rdx\n"
                 "step_5: pushfq\nstep_6: pop %0"
                 : "=r"(flags), "=&a"(result)
                 :
                 : "rcx", "r11", "rdx", "memory");
    _exit(result == getpid() ? 5 : 6);
}

static unsigned long where(pid_t pid) {
    struct user_regs_struct registers;
    CHECK(RAW(PTRACE_GETREGS, pid, 0, &registers) == 0);
    CHECK((registers.eflags & 0x100) == 0);
    return registers.rip;
}

static void step(pid_t pid, char *to, int code) {
    siginfo_t info;
    CHECK(next(pid, PTRACE_SINGLESTEP, 0) == STOPPED(SIGTRAP));
    CHECK(where(pid) == (unsigned long)to);
    CHECK(RAW(PTRACE_GETSIGINFO, pid, 0, &info) == 0 && info.si_signo == SIGTRAP && info.si_addr == to);
    if (info.si_code != code) printf("step to %ld: si_code %d\n", (long)(to - step_1), info.si_code), failures++;
}

static void stepping(void) {
    pid_t pid = start(steps);
    CHECK(next(pid, PTRACE_CONT, 0) == STOPPED(SIGTRAP));
    CHECK(where(pid) == (unsigned long)step_1);
    step(pid, step_2, TRAP_TRACE);
    step(pid, step_3, TRAP_TRACE);
    step(pid, step_4, TRAP_BRKPT);
    step(pid, step_5, TRAP_TRACE);
    step(pid, step_6, TRAP_TRACE);
    CHECK(next(pid, PTRACE_CONT, 0) == 5 << 8);

    pid = start(steps); /* many steps: through the C library, calls and faults */
    int count = 0, status;
    do {
        status = next(pid, PTRACE_SINGLESTEP, 0);
        count++;
    } while (status == STOPPED(SIGTRAP) && count < 3000);
    CHECK(status == 5 << 8 && count > 20);
}

static void handler(int signal) { counter += signal; }

static void signalled(void) {
    struct sigaction action = {.sa_handler = handler};
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGUSR2, &action, NULL);
    raise(SIGUSR1);
    _exit(counter);
}

static void step_into_handler(void) {
    pid_t pid = start(signalled);
    CHECK(next(pid, PTRACE_CONT, 0) == STOPPED(SIGUSR1));
    siginfo_t info;
    CHECK(next(pid, PTRACE_SINGLESTEP, SIGUSR1) == STOPPED(SIGTRAP));
    CHECK(where(pid) == (unsigned long)handler);
    CHECK(RAW(PTRACE_GETSIGINFO, pid, 0, &info) == 0 && info.si_signo == SIGTRAP && info.si_code == SIGTRAP);
    unsigned long flags;
    struct user_regs_struct registers;
    CHECK(RAW(PTRACE_GETREGS, pid, 0, &registers) == 0);
    /* struct rt_sigframe: pretcode, then uc_flags, uc_link, uc_stack, and eflags at 136 of the registers. */
    CHECK(RAW(PTRACE_PEEKDATA, pid, registers.rsp + 48 + 136, &flags) == 0 && (flags & 0x100) == 0);
    CHECK(next(pid, PTRACE_SINGLESTEP, 0) == STOPPED(SIGTRAP));
    CHECK(where(pid) != (unsigned long)handler);
    CHECK(next(pid, PTRACE_CONT, 0) == SIGUSR1 << 8);
}

static void signal_stops(void) {
    pid_t pid = start(signalled); /* suppressed */
    CHECK(next(pid, PTRACE_CONT, 0) == STOPPED(SIGUSR1));
    siginfo_t info;
    CHECK(RAW(PTRACE_GETSIGINFO, pid, 0, &info) == 0);
    CHECK(info.si_signo == SIGUSR1 && info.si_code == SI_TKILL && info.si_pid == pid && info.si_uid == getuid());
    CHECK(next(pid, PTRACE_CONT, 0) == 0);

    pid = start(signalled); /* replaced */
    CHECK(next(pid, PTRACE_CONT, 0) == STOPPED(SIGUSR1));
    CHECK(next(pid, PTRACE_CONT, SIGUSR2) == SIGUSR2 << 8);

    pid = start(signalled); /* another that kills */
    CHECK(next(pid, PTRACE_CONT, 0) == STOPPED(SIGUSR1));
    CHECK((next(pid, PTRACE_CONT, SIGTERM) & 0x7f) == SIGTERM);

    pid = start(signalled); /* described anew */
    CHECK(next(pid, PTRACE_CONT, 0) == STOPPED(SIGUSR1));
    info.si_value.sival_int = 7;
    CHECK(RAW(PTRACE_SETSIGINFO, pid, 0, &info) == 0);
    memset(&info, 0, sizeof info);
    CHECK(RAW(PTRACE_GETSIGINFO, pid, 0, &info) == 0 && info.si_value.sival_int == 7);
    unsigned long mask = 0, old = 0;
    CHECK(RAW(PTRACE_GETSIGMASK, pid, 8, &old) == 0);
    mask = 1UL << (SIGUSR1 - 1) | 1UL << (SIGKILL - 1);
    CHECK(RAW(PTRACE_SETSIGMASK, pid, 8, &mask) == 0);
    CHECK(RAW(PTRACE_GETSIGMASK, pid, 8, &mask) == 0 && mask == 1UL << (SIGUSR1 - 1));
    CHECK(next(pid, PTRACE_CONT, SIGUSR1) == 0); /* blocked now: put back */

    pid = start(signalled); /* ignored signals are seen, too */
    kill(pid, SIGWINCH);
    CHECK(next(pid, PTRACE_CONT, 0) == STOPPED(SIGWINCH));
    CHECK(next(pid, PTRACE_CONT, SIGWINCH) == STOPPED(SIGUSR1));
    kill(pid, SIGKILL);
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && status == SIGKILL);
    FAILS(ESRCH, RAW(PTRACE_CONT, pid, 0, 0));

    pid = start(signalled);
    CHECK(RAW(PTRACE_KILL, pid, 0, 0) == 0);
    CHECK(waitpid(pid, &status, 0) == pid && status == SIGKILL);
}

static void blocks(void) {
    sigset_t set;
    sigfillset(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    union sigval value = {.sival_int = 3};
    sigqueue(getpid(), SIGRTMIN, value);
    value.sival_int = 4;
    sigqueue(getpid(), SIGRTMIN, value);
    syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1);
    asm volatile("int3");
}

static void queued(void) {
    pid_t pid = start(blocks);
    CHECK((next(pid, PTRACE_CONT, 0)) == STOPPED(SIGTRAP));
    siginfo_t found[4];
    struct __ptrace_peeksiginfo_args args = {0, 1, 4};
    CHECK(RAW(PTRACE_PEEKSIGINFO, pid, &args, found) == 2);
    CHECK(found[0].si_signo == SIGRTMIN && found[0].si_value.sival_int == 3 && found[1].si_value.sival_int == 4);
    args.off = 1;
    CHECK(RAW(PTRACE_PEEKSIGINFO, pid, &args, found) == 1 && found[0].si_value.sival_int == 4);
    args.off = 0;
    args.flags = 0;
    CHECK(RAW(PTRACE_PEEKSIGINFO, pid, &args, found) == 1 && found[0].si_signo == SIGUSR1);
    args.flags = 2;
    FAILS(EINVAL, RAW(PTRACE_PEEKSIGINFO, pid, &args, found));
    args.flags = 0;
    args.nr = -1;
    FAILS(EINVAL, RAW(PTRACE_PEEKSIGINFO, pid, &args, found));
    CHECK(RAW(PTRACE_KILL, pid, 0, 0) == 0);
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
}

static void calls(void) {
    long first = syscall(SYS_getppid);
    long second = syscall(SYS_write, 1, "not this\n", 9);
    long third = syscall(12345);
    long fourth = syscall(SYS_close, 999) == -1 ? errno : 0;
    _exit(first == 77 && second == 55 && third == getpid() && fourth == EBADF ? 3 : 4);
}

static struct user_regs_struct at_call(pid_t pid, int entry) {
    struct user_regs_struct registers;
    CHECK(next(pid, PTRACE_SYSCALL, 0) == STOPPED(SIGTRAP | 0x80));
    CHECK(RAW(PTRACE_GETREGS, pid, 0, &registers) == 0);
    struct __ptrace_syscall_info info;
    memset(&info, 0x55, sizeof info);
    long size = RAW(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info);
    CHECK(info.arch == 0xc000003e && info.instruction_pointer == registers.rip && info.stack_pointer == registers.rsp);
    CHECK(RAW(PTRACE_GETEVENTMSG, pid, 0, &size) == 0 && size == (entry ? 1 : 2));
    if (entry) {
        CHECK(registers.rax == (unsigned long)-ENOSYS);
        CHECK(info.op == PTRACE_SYSCALL_INFO_ENTRY && info.entry.nr == registers.orig_rax);
        CHECK(info.entry.args[0] == registers.rdi && info.entry.args[2] == registers.rdx && info.entry.args[5] == registers.r9);
    } else {
        CHECK(info.op == PTRACE_SYSCALL_INFO_EXIT && info.exit.rval == (long)registers.rax);
        CHECK(info.exit.is_error == ((long)registers.rax < 0 && (long)registers.rax > -4096));
    }
    return registers;
}

static void system_calls(void) {
    pid_t pid = start(calls);
    siginfo_t info;
    struct __ptrace_syscall_info call;
    CHECK(RAW(PTRACE_GET_SYSCALL_INFO, pid, sizeof call, &call) == 24 && call.op == PTRACE_SYSCALL_INFO_NONE);
    CHECK(RAW(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD) == 0);
    struct user_regs_struct registers;
    do registers = at_call(pid, 1);
    while (registers.orig_rax != SYS_getppid && at_call(pid, 0).rax != 12345678);
    CHECK(RAW(PTRACE_GETSIGINFO, pid, 0, &info) == 0 && info.si_code == (SIGTRAP | 0x80) && info.si_pid == pid);
    registers = at_call(pid, 0);
    CHECK(registers.rax == (unsigned long)getpid() && registers.orig_rax == SYS_getppid);
    registers.rax = 77;
    CHECK(RAW(PTRACE_SETREGS, pid, 0, &registers) == 0);
    registers = at_call(pid, 1); /* a call that is left out */
    CHECK(registers.orig_rax == SYS_write && registers.rdi == 1 && registers.rdx == 9);
    registers.orig_rax = -1;
    registers.rax = 55;
    CHECK(RAW(PTRACE_SETREGS, pid, 0, &registers) == 0);
    CHECK(at_call(pid, 0).rax == 55);
    registers = at_call(pid, 1); /* another one instead */
    CHECK(registers.orig_rax == 12345);
    CHECK(RAW(PTRACE_POKEUSER, pid, offsetof(struct user, regs.orig_rax), SYS_getpid) == 0);
    CHECK(at_call(pid, 0).rax == (unsigned long)pid);
    CHECK(at_call(pid, 1).orig_rax == SYS_close);
    CHECK(RAW(PTRACE_GET_SYSCALL_INFO, pid, 24, &call) == 80); /* as much as there is room for */
    CHECK(at_call(pid, 0).rax == (unsigned long)-EBADF);
    CHECK(RAW(PTRACE_GET_SYSCALL_INFO, pid, sizeof call, &call) == 33);
    CHECK(next(pid, PTRACE_CONT, 0) == 3 << 8);

    pid = start(calls); /* without PTRACE_O_TRACESYSGOOD; a signal given at the stop is sent */
    CHECK(next(pid, PTRACE_SYSCALL, 0) == STOPPED(SIGTRAP));
    CHECK(RAW(PTRACE_GETSIGINFO, pid, 0, &info) == 0 && info.si_code == SIGTRAP);
    CHECK(next(pid, PTRACE_CONT, SIGTERM) == STOPPED(SIGTERM));
    CHECK(RAW(PTRACE_GETSIGINFO, pid, 0, &info) == 0 && info.si_code == SI_KERNEL);
    CHECK((next(pid, PTRACE_CONT, SIGTERM) & 0x7f) == SIGTERM);
}

static void emulated(void) {
    long result = syscall(4711, 1, 2, 3);
    long flags = syscall(SYS_exit, 66);
    _exit(result == 123 && flags == 9 ? 8 : 9);
}

static void emulation(void) {
    pid_t pid = start(emulated);
    struct user_regs_struct registers;
    CHECK(RAW(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD) == 0);
    do { /* raise(3) ends with calls of its own */
        CHECK(next(pid, PTRACE_SYSEMU, 0) == STOPPED(SIGTRAP | 0x80));
        CHECK(RAW(PTRACE_GETREGS, pid, 0, &registers) == 0);
        CHECK(registers.rax == (unsigned long)-ENOSYS);
        if (registers.orig_rax != 4711) CHECK(RAW(PTRACE_POKEUSER, pid, offsetof(struct user, regs.rax), 0) == 0);
    } while (registers.orig_rax != 4711);
    CHECK(registers.rsi == 2);
    CHECK(RAW(PTRACE_POKEUSER, pid, offsetof(struct user, regs.rax), 123) == 0);
    CHECK(next(pid, PTRACE_SYSEMU_SINGLESTEP, 0) == STOPPED(SIGTRAP)); /* one instruction */
    CHECK(where(pid) != registers.rip);
    CHECK(next(pid, PTRACE_SYSEMU, 0) == STOPPED(SIGTRAP | 0x80));
    CHECK(RAW(PTRACE_GETREGS, pid, 0, &registers) == 0 && registers.orig_rax == SYS_exit && registers.rdi == 66);
    CHECK(RAW(PTRACE_POKEUSER, pid, offsetof(struct user, regs.rax), 9) == 0);
    CHECK(next(pid, PTRACE_CONT, 0) == 8 << 8);
}

/* A call at a place whose bytes are known; it is made often before anybody looks. */
extern char often_1[], often_2[];
__attribute__((noinline, noclone)) static long often(void) {
    long result;
    asm volatile(".globl often_1, often_2\noften_1: mov $39, %%eax\nsyscall\noften_2:" : "=a"(result) : : "rcx", "r11", "memory");
    return result;
}

static void code_is_as_written(void) {
    int gate[2];
    char byte;
    CHECK(pipe(gate) == 0);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        for (int i = 0; i < 100; i++) often();
        write(gate[1], "x", 1);
        for (;;) often();
    }
    CHECK(read(gate[0], &byte, 1) == 1);
    CHECK(RAW(PTRACE_ATTACH, pid, 0, 0) == 0);
    int status, steps = 0;
    CHECK(waitpid(pid, &status, 0) == pid && status == STOPPED(SIGSTOP));
    long word;
    CHECK(RAW(PTRACE_PEEKTEXT, pid, often_1, &word) == 0 && (word & 0xffffffffffffff) == 0x050f00000027b8);
    while (where(pid) != (unsigned long)often_1 && steps++ < 100) CHECK(next(pid, PTRACE_SINGLESTEP, 0) == STOPPED(SIGTRAP));
    CHECK(next(pid, PTRACE_SINGLESTEP, 0) == STOPPED(SIGTRAP) && where(pid) == (unsigned long)often_1 + 5);
    CHECK(next(pid, PTRACE_SINGLESTEP, 0) == STOPPED(SIGTRAP) && where(pid) == (unsigned long)often_2);
    CHECK(RAW(PTRACE_POKETEXT, pid, often_1, (word & ~0xffL) | 0xcc) == 0);
    CHECK(next(pid, PTRACE_CONT, 0) == STOPPED(SIGTRAP) && where(pid) == (unsigned long)often_1 + 1);
    CHECK(RAW(PTRACE_DETACH, pid, 0, SIGTERM) == 0);
    CHECK(waitpid(pid, &status, 0) == pid && status == SIGTERM);
    close(gate[0]), close(gate[1]);
}

static void bases(void) {
    pid_t pid = start(nothing);
    unsigned long word, base;
    CHECK(RAW(PTRACE_PEEKUSER, pid, offsetof(struct user, regs.fs_base), &base) == 0);
    CHECK(RAW(PTRACE_ARCH_PRCTL, pid, &word, ARCH_GET_FS) == 0 && word == base);
    CHECK(RAW(PTRACE_ARCH_PRCTL, pid, 0x12345000, ARCH_SET_GS) == 0);
    CHECK(RAW(PTRACE_ARCH_PRCTL, pid, &word, ARCH_GET_GS) == 0 && word == 0x12345000);
    FAILS(EPERM, RAW(PTRACE_ARCH_PRCTL, pid, -1, ARCH_SET_GS));
    FAILS(EINVAL, RAW(PTRACE_ARCH_PRCTL, pid, 0, 1));
    CHECK(next(pid, PTRACE_CONT, 0) == 0);
}

int main(void) {
    code_is_as_written();
    bases();
    memory();
    shared();
    errors();
    pid_t pid = start(twice);
    CHECK(next(pid, PTRACE_CONT, 0) == 0);
    user_area();
    floating_point();
    stepping();
    step_into_handler();
    signal_stops();
    queued();
    system_calls();
    emulation();
    return finish();
}
