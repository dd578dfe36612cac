/* ptrace(2): events, attached and seized programs, group stops, threads, programs that are executed, and how tracing ends. */
#include "check.h"
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>

#define RAW(request, pid, address, data) syscall(SYS_ptrace, (long)(request), (long)(pid), (long)(address), (long)(data))
#define STOPPED(signal) ((signal) << 8 | 0x7f)
#define EVENT(event) (STOPPED(SIGTRAP) | (event) << 16)

static volatile int caught;
static volatile int *shared;

static void count(int signal) { caught++, (void)signal; }

/* Starts a child that runs a function; with options, it is a stopped tracee. */
static pid_t start(void (*body)(void), int traced, long options) {
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        failures = 0;
        if (traced) {
            if (RAW(PTRACE_TRACEME, 0, 0, 0)) _exit(99);
            raise(SIGSTOP);
        }
        body();
        _exit(failures ? 98 : 0);
    }
    if (traced) {
        int status = 0;
        CHECK(waitpid(pid, &status, 0) == pid && status == STOPPED(SIGSTOP));
        CHECK(RAW(PTRACE_SETOPTIONS, pid, 0, options) == 0);
    }
    return pid;
}

static int wait_for(pid_t pid) {
    int status = -1;
    CHECK(waitpid(pid, &status, __WALL) == pid);
    return status;
}

static int next(pid_t pid, int request, int signal) {
    CHECK(RAW(request, pid, 0, signal) == 0);
    return wait_for(pid);
}

static long message(pid_t pid) {
    long value = -1;
    CHECK(RAW(PTRACE_GETEVENTMSG, pid, 0, &value) == 0);
    return value;
}

static int stop_code(pid_t pid) {
    siginfo_t info;
    CHECK(RAW(PTRACE_GETSIGINFO, pid, 0, &info) == 0);
    return info.si_code;
}

static char state_of(pid_t pid, int *tracer) {
    char path[64], line[200], state = '?';
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file)) {
        sscanf(line, "State: %c", &state);
        if (tracer) sscanf(line, "TracerPid: %d", tracer);
    }
    if (file) fclose(file);
    return state;
}

static void nothing(void) {}

static void pause_forever(void) {
    for (;;) pause();
}

static void fork_once(void) {
    pid_t pid = fork();
    if (pid == 0) _exit(7);
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && status == 7 << 8);
}

static void vfork_once(void) {
    pid_t pid = vfork();
    if (pid == 0) _exit(6);
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && status == 6 << 8);
}

static void events(void) {
    pid_t pid = start(fork_once, 1, PTRACE_O_TRACEFORK | PTRACE_O_TRACEEXIT);
    CHECK(next(pid, PTRACE_CONT, 0) == EVENT(PTRACE_EVENT_FORK));
    CHECK(stop_code(pid) == (SIGTRAP | PTRACE_EVENT_FORK << 8));
    pid_t child = message(pid);
    CHECK(wait_for(child) == STOPPED(SIGSTOP)); /* attached by itself, with the same options */
    CHECK(next(child, PTRACE_CONT, 0) == EVENT(PTRACE_EVENT_EXIT));
    CHECK(message(child) == 7 << 8);
    CHECK(RAW(PTRACE_CONT, pid, 0, 0) == 0);
    CHECK(RAW(PTRACE_CONT, child, 0, 0) == 0);
    CHECK(wait_for(child) == 7 << 8); /* the tracer first, then the parent, which gets SIGCHLD then */
    CHECK(wait_for(pid) == STOPPED(SIGCHLD));
    CHECK(next(pid, PTRACE_CONT, SIGCHLD) == EVENT(PTRACE_EVENT_EXIT));
    CHECK(next(pid, PTRACE_CONT, 0) == 0);

    pid = start(vfork_once, 1, PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE);
    CHECK(next(pid, PTRACE_CONT, 0) == EVENT(PTRACE_EVENT_VFORK));
    child = message(pid);
    CHECK(wait_for(child) == STOPPED(SIGSTOP));
    CHECK(RAW(PTRACE_CONT, pid, 0, 0) == 0);
    CHECK(next(child, PTRACE_CONT, 0) == 6 << 8);
    CHECK(wait_for(pid) == EVENT(PTRACE_EVENT_VFORK_DONE));
    CHECK(message(pid) == child);
    CHECK(next(pid, PTRACE_CONT, 0) == STOPPED(SIGCHLD));
    CHECK(next(pid, PTRACE_CONT, SIGCHLD) == 0);

    pid = start(fork_once, 1, 0); /* not asked for */
    CHECK(next(pid, PTRACE_CONT, 0) == STOPPED(SIGCHLD));
    CHECK(next(pid, PTRACE_CONT, 0) == 0);

    pid = start(fork_once, 1, PTRACE_O_TRACEFORK | PTRACE_O_EXITKILL);
    struct user_regs_struct registers;
    int status, calls = 0;
    while ((status = next(pid, PTRACE_SYSCALL, 0)) == STOPPED(SIGTRAP) && calls++ < 100) /* calls and events: entry, event, exit */
        CHECK(RAW(PTRACE_GETREGS, pid, 0, &registers) == 0);
    CHECK(registers.orig_rax == SYS_clone && status == EVENT(PTRACE_EVENT_FORK));
    child = message(pid);
    CHECK(next(pid, PTRACE_SYSCALL, 0) == STOPPED(SIGTRAP));
    CHECK(RAW(PTRACE_GETREGS, pid, 0, &registers) == 0);
    CHECK(registers.orig_rax == SYS_clone && registers.rax == (unsigned long)child);
    CHECK(wait_for(child) == STOPPED(SIGSTOP));
    CHECK(RAW(PTRACE_GETREGS, child, 0, &registers) == 0 && registers.rax == 0);
    CHECK(RAW(PTRACE_DETACH, child, 0, 0) == 0);
    CHECK(RAW(PTRACE_DETACH, pid, 0, 0) == 0);
    CHECK(wait_for(pid) == 0);
}

static void run_true(void) {
    execl("/bin/true", "true", (char *)NULL);
    _exit(97);
}

static void run_nothing(void) {
    execl("/nowhere", "nowhere", (char *)NULL);
    _exit(96);
}

static void executed(void) {
    pid_t pid = start(run_true, 1, 0);
    CHECK(next(pid, PTRACE_CONT, 0) == STOPPED(SIGTRAP)); /* a plain signal */
    CHECK(stop_code(pid) == SI_USER);
    struct user_regs_struct registers;
    CHECK(RAW(PTRACE_GETREGS, pid, 0, &registers) == 0 && registers.rax == 0 && registers.orig_rax == SYS_execve);
    CHECK(next(pid, PTRACE_CONT, 0) == 0);

    pid = start(run_true, 1, PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD);
    int status;
    do status = next(pid, PTRACE_SYSCALL, 0);
    while (status == STOPPED(SIGTRAP | 0x80));
    CHECK(status == EVENT(PTRACE_EVENT_EXEC));
    CHECK(message(pid) == pid);
    long word = 0;
    CHECK(RAW(PTRACE_GETREGS, pid, 0, &registers) == 0);
    CHECK(RAW(PTRACE_PEEKDATA, pid, registers.rsp, &word) == 0 && word == 1); /* argc */
    CHECK(next(pid, PTRACE_SYSCALL, 0) == STOPPED(SIGTRAP | 0x80)); /* the exit of execve */
    CHECK(RAW(PTRACE_GETREGS, pid, 0, &registers) == 0 && registers.orig_rax == SYS_execve && registers.rax == 0);
    CHECK(next(pid, PTRACE_CONT, 0) == 0);

    pid = start(run_nothing, 1, PTRACE_O_TRACEEXEC);
    CHECK(next(pid, PTRACE_CONT, 0) == 96 << 8);

    pid = start(run_true, 1, 0); /* a step over execve */
    CHECK(next(pid, PTRACE_SYSCALL, 0) == STOPPED(SIGTRAP));
    do {
        CHECK(RAW(PTRACE_GETREGS, pid, 0, &registers) == 0);
        if (registers.orig_rax == SYS_execve) break;
    } while (next(pid, PTRACE_SYSCALL, 0) == STOPPED(SIGTRAP));
    CHECK(next(pid, PTRACE_SINGLESTEP, 0) == STOPPED(SIGTRAP));
    CHECK(RAW(PTRACE_KILL, pid, 0, 0) == 0);
    CHECK(wait_for(pid) == SIGKILL);
}

static void *execute(void *unused) {
    execl("/bin/true", "true", (char *)NULL);
    return unused;
}

static void execute_in_thread(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, execute, NULL);
    for (;;) pause();
}

static void executed_by_thread(void) {
    pid_t pid = start(execute_in_thread, 1, PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT);
    CHECK(next(pid, PTRACE_CONT, 0) == EVENT(PTRACE_EVENT_CLONE));
    pid_t thread = message(pid);
    CHECK(wait_for(thread) == STOPPED(SIGSTOP));
    CHECK(RAW(PTRACE_CONT, pid, 0, 0) == 0);
    CHECK(RAW(PTRACE_CONT, thread, 0, 0) == 0);
    CHECK(wait_for(pid) == EVENT(PTRACE_EVENT_EXIT)); /* the first thread ends, and nobody hears of its death */
    CHECK(next(pid, PTRACE_CONT, 0) == EVENT(PTRACE_EVENT_EXEC)); /* the other one has its number now */
    CHECK(message(pid) == thread);
    FAILS(ESRCH, RAW(PTRACE_CONT, thread, 0, 0));
    CHECK(next(pid, PTRACE_CONT, 0) == EVENT(PTRACE_EVENT_EXIT));
    CHECK(next(pid, PTRACE_CONT, 0) == 0);
}

static void *end_thread(void *unused) { return unused; }

static void with_thread(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, end_thread, NULL);
    pthread_join(thread, NULL);
    _exit(9);
}

static void leave_first(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, end_thread, NULL);
    syscall(SYS_exit, 1);
}

static void threads(void) {
    pid_t pid = start(with_thread, 1, PTRACE_O_TRACECLONE);
    CHECK(next(pid, PTRACE_CONT, 0) == EVENT(PTRACE_EVENT_CLONE));
    pid_t thread = message(pid);
    CHECK(wait_for(thread) == STOPPED(SIGSTOP));
    int tracer = 0;
    CHECK(state_of(thread, &tracer) == 't' && tracer == getpid());
    CHECK(RAW(PTRACE_CONT, thread, 0, 0) == 0);
    CHECK(wait_for(thread) == 0); /* threads are waited for */
    FAILS(ECHILD, waitpid(thread, NULL, __WALL));
    CHECK(next(pid, PTRACE_CONT, 0) == 9 << 8);

    pid = start(leave_first, 1, PTRACE_O_TRACECLONE);
    CHECK(next(pid, PTRACE_CONT, 0) == EVENT(PTRACE_EVENT_CLONE));
    thread = message(pid);
    CHECK(wait_for(thread) == STOPPED(SIGSTOP));
    CHECK(RAW(PTRACE_CONT, pid, 0, 0) == 0);
    CHECK(next(thread, PTRACE_CONT, 0) == 0); /* the first thread's end is told when it is alone */
    int status = wait_for(pid);
    CHECK(status == 1 << 8 || status == 0);
}

static void attached(void) {
    pid_t pid = start(pause_forever, 0, 0);
    int tracer = -1, status;
    CHECK(state_of(pid, &tracer) != 't' && tracer == 0);
    CHECK(RAW(PTRACE_ATTACH, pid, 0, 0) == 0);
    siginfo_t info;
    memset(&info, 0, sizeof info);
    CHECK(waitid(P_PID, pid, &info, WSTOPPED | WNOWAIT) == 0);
    CHECK(info.si_code == CLD_TRAPPED && info.si_status == SIGSTOP && info.si_pid == pid && info.si_signo == SIGCHLD);
    CHECK(wait_for(pid) == STOPPED(SIGSTOP));
    CHECK(waitpid(pid, &status, WNOHANG) == 0); /* told once */
    CHECK(state_of(pid, &tracer) == 't' && tracer == getpid());
    CHECK(RAW(PTRACE_CONT, pid, 0, 0) == 0);
    kill(pid, SIGUSR1);
    CHECK(wait_for(pid) == STOPPED(SIGUSR1));
    CHECK(RAW(PTRACE_DETACH, pid, 0, 0) == 0); /* without the signal */
    FAILS(ESRCH, RAW(PTRACE_CONT, pid, 0, 0));
    CHECK(waitpid(pid, &status, WNOHANG) == 0);
    CHECK(RAW(PTRACE_ATTACH, pid, 0, 0) == 0);
    CHECK(wait_for(pid) == STOPPED(SIGSTOP));
    CHECK(RAW(PTRACE_DETACH, pid, 0, SIGTERM) == 0);
    CHECK(wait_for(pid) == SIGTERM);
}

static void group_stop(void) {
    pid_t pid = start(pause_forever, 0, 0);
    CHECK(RAW(PTRACE_ATTACH, pid, 0, 0) == 0);
    CHECK(wait_for(pid) == STOPPED(SIGSTOP));
    siginfo_t info;
    CHECK(RAW(PTRACE_GETSIGINFO, pid, 0, &info) == 0); /* the signal */
    CHECK(next(pid, PTRACE_CONT, SIGSTOP) == STOPPED(SIGSTOP));
    FAILS(EINVAL, RAW(PTRACE_GETSIGINFO, pid, 0, &info)); /* the stop of the group */
    CHECK(RAW(PTRACE_CONT, pid, 0, 0) == 0); /* an attached program runs on */
    kill(pid, SIGUSR1);
    CHECK(wait_for(pid) == STOPPED(SIGUSR1));
    CHECK(RAW(PTRACE_CONT, pid, 0, 0) == 0);
    kill(pid, SIGTSTP);
    CHECK(wait_for(pid) == STOPPED(SIGTSTP));
    CHECK(RAW(PTRACE_CONT, pid, 0, 0) == 0);
    kill(pid, SIGCONT);
    CHECK(wait_for(pid) == STOPPED(SIGCONT));
    CHECK(next(pid, PTRACE_CONT, SIGSTOP) == STOPPED(SIGSTOP));
    CHECK(RAW(PTRACE_DETACH, pid, 0, 0) == 0); /* stays stopped, as its group is */
    int status;
    CHECK(waitpid(pid, &status, WUNTRACED) == pid && status == STOPPED(SIGSTOP));
    kill(pid, SIGCONT);
    CHECK(waitpid(pid, &status, WCONTINUED) == pid && status == 0xffff);
    kill(pid, SIGKILL);
    CHECK(wait_for(pid) == SIGKILL);
}

static void seized(void) {
    pid_t pid = start(pause_forever, 0, 0);
    int status;
    siginfo_t info;
    FAILS(EIO, RAW(PTRACE_SEIZE, pid, 4096, 0));
    CHECK(RAW(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD) == 0);
    CHECK(waitpid(pid, &status, WNOHANG) == 0);
    FAILS(ESRCH, RAW(PTRACE_CONT, pid, 0, 0));
    CHECK(RAW(PTRACE_INTERRUPT, pid, 0, 0) == 0);
    CHECK(wait_for(pid) == EVENT(PTRACE_EVENT_STOP));
    CHECK(RAW(PTRACE_GETSIGINFO, pid, 0, &info) == 0);
    CHECK(info.si_signo == SIGTRAP && info.si_code == (SIGTRAP | PTRACE_EVENT_STOP << 8) && info.si_pid == pid);
    CHECK(RAW(PTRACE_INTERRUPT, pid, 0, 0) == 0); /* once more when it goes on */
    CHECK(next(pid, PTRACE_CONT, 0) == EVENT(PTRACE_EVENT_STOP));
    CHECK(RAW(PTRACE_CONT, pid, 0, 0) == 0);

    kill(pid, SIGSTOP);
    CHECK(wait_for(pid) == STOPPED(SIGSTOP));
    CHECK(next(pid, PTRACE_CONT, SIGSTOP) == (STOPPED(SIGSTOP) | PTRACE_EVENT_STOP << 16));
    CHECK(RAW(PTRACE_LISTEN, pid, 0, 0) == 0);
    CHECK(waitpid(pid, &status, WNOHANG) == 0);
    FAILS(ESRCH, RAW(PTRACE_CONT, pid, 0, 0));
    kill(pid, SIGCONT);
    CHECK(wait_for(pid) == EVENT(PTRACE_EVENT_STOP));
    CHECK(next(pid, PTRACE_CONT, 0) == STOPPED(SIGCONT));
    CHECK(RAW(PTRACE_CONT, pid, 0, 0) == 0);

    kill(pid, SIGSTOP);
    CHECK(wait_for(pid) == STOPPED(SIGSTOP));
    FAILS(EIO, RAW(PTRACE_LISTEN, pid, 0, 0)); /* not in that stop */
    CHECK(next(pid, PTRACE_CONT, SIGSTOP) == (STOPPED(SIGSTOP) | PTRACE_EVENT_STOP << 16));
    CHECK(RAW(PTRACE_LISTEN, pid, 0, 0) == 0);
    CHECK(RAW(PTRACE_INTERRUPT, pid, 0, 0) == 0); /* ends the listening, not the stop */
    CHECK(wait_for(pid) == (STOPPED(SIGSTOP) | PTRACE_EVENT_STOP << 16));
    kill(pid, SIGKILL);
    CHECK(wait_for(pid) == SIGKILL);

    pid = start(fork_once, 0, 0); /* children of the seized are seized */
    (void)pid;
    wait_for(pid);
    int gate[2];
    CHECK(pipe(gate) == 0);
    pid = fork();
    if (pid == 0) {
        char byte;
        read(gate[0], &byte, 1);
        fork_once();
        _exit(0);
    }
    CHECK(RAW(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACEFORK) == 0);
    write(gate[1], "x", 1);
    CHECK(wait_for(pid) == EVENT(PTRACE_EVENT_FORK));
    pid_t child = message(pid);
    CHECK(wait_for(child) == EVENT(PTRACE_EVENT_STOP));
    CHECK(next(child, PTRACE_CONT, 0) == 7 << 8);
    CHECK(next(pid, PTRACE_CONT, 0) == STOPPED(SIGCHLD));
    CHECK(next(pid, PTRACE_CONT, 0) == 0);
    close(gate[0]), close(gate[1]);
}

static void interrupted_calls(void) {
    int gate[2];
    CHECK(pipe(gate) == 0);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        char byte;
        _exit(read(gate[0], &byte, 1) == 1 ? byte : 95);
    }
    while (state_of(pid, NULL) != 'S') usleep(1000);
    CHECK(RAW(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD) == 0);
    CHECK(RAW(PTRACE_INTERRUPT, pid, 0, 0) == 0);
    CHECK(wait_for(pid) == EVENT(PTRACE_EVENT_STOP));
    struct user_regs_struct registers;
    CHECK(RAW(PTRACE_GETREGS, pid, 0, &registers) == 0);
    CHECK(registers.orig_rax == SYS_read && registers.rax == (unsigned long)-512);
    CHECK(next(pid, PTRACE_SYSCALL, 0) == STOPPED(SIGTRAP | 0x80)); /* it is made again */
    CHECK(RAW(PTRACE_GETREGS, pid, 0, &registers) == 0 && registers.orig_rax == SYS_read && registers.rax == (unsigned long)-ENOSYS);
    write(gate[1], "\x21", 1);
    CHECK(next(pid, PTRACE_SYSCALL, 0) == STOPPED(SIGTRAP | 0x80));
    CHECK(RAW(PTRACE_GETREGS, pid, 0, &registers) == 0 && registers.rax == 1);
    CHECK(next(pid, PTRACE_CONT, 0) == 0x21 << 8);
    close(gate[0]), close(gate[1]);
}

static void exits(void) {
    pid_t pid = start(nothing, 1, PTRACE_O_TRACEEXIT);
    CHECK(next(pid, PTRACE_CONT, 0) == EVENT(PTRACE_EVENT_EXIT));
    CHECK(message(pid) == 0);
    kill(pid, SIGKILL); /* too late */
    CHECK(next(pid, PTRACE_CONT, 0) == 0);

    pid = start(pause_forever, 1, PTRACE_O_TRACEEXIT);
    CHECK(RAW(PTRACE_CONT, pid, 0, 0) == 0);
    kill(pid, SIGKILL);
    CHECK(wait_for(pid) == EVENT(PTRACE_EVENT_EXIT));
    CHECK(message(pid) == SIGKILL);
    CHECK(next(pid, PTRACE_CONT, 0) == SIGKILL);

    pid = start(pause_forever, 1, 0);
    CHECK(next(pid, PTRACE_SYSCALL, 0) == STOPPED(SIGTRAP));
    kill(pid, SIGKILL); /* out of any stop */
    CHECK(wait_for(pid) == SIGKILL);
}

/* A tracer that is not the parent, and dies. */
static void tracer_of(pid_t target, long options, int gate, int waits) {
    if (RAW(PTRACE_SEIZE, target, 0, options)) _exit(94);
    if (waits) {
        int status;
        RAW(PTRACE_INTERRUPT, target, 0, 0);
        waitpid(target, &status, __WALL);
    }
    write(gate, "x", 1);
    if (waits < 2) _exit(0);
    int status = 0;
    RAW(PTRACE_CONT, target, 0, 0);
    waitpid(target, &status, __WALL);
    usleep(20000); /* the parent must not see the end before */
    *shared = status;
    _exit(0);
}

static pid_t other_tracer(pid_t target, long options, int waits) {
    int gate[2];
    char byte;
    CHECK(pipe(gate) == 0);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) tracer_of(target, options, gate[1], waits);
    CHECK(read(gate[0], &byte, 1) == 1);
    close(gate[0]), close(gate[1]);
    return pid;
}

static void tracer_dies(void) {
    int status;
    pid_t pid = start(pause_forever, 0, 0);
    CHECK(wait_for(other_tracer(pid, 0, 1)) == 0);
    CHECK(waitpid(pid, &status, WNOHANG) == 0); /* goes on */
    CHECK(RAW(PTRACE_SEIZE, pid, 0, 0) == 0);
    CHECK(RAW(PTRACE_DETACH, pid, 0, 0) == -1 && errno == ESRCH);
    kill(pid, SIGTERM);
    CHECK(wait_for(pid) == STOPPED(SIGTERM));
    CHECK(next(pid, PTRACE_CONT, SIGTERM) == SIGTERM);

    pid = start(pause_forever, 0, 0);
    CHECK(wait_for(other_tracer(pid, PTRACE_O_EXITKILL, 1)) == 0);
    CHECK(wait_for(pid) == SIGKILL);

    pid = start(pause_forever, 0, 0);
    pid_t tracer = other_tracer(pid, 0, 2);
    kill(pid, SIGKILL);
    CHECK(wait_for(pid) == SIGKILL); /* after the tracer has waited */
    CHECK(*shared == SIGKILL || *shared == 0); /* the tracer's death may hand it on, too */
    CHECK(wait_for(tracer) == 0);
    CHECK(*shared == SIGKILL);
}

static void install(unsigned int action) {
    struct sock_filter code[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1), BPF_STMT(BPF_RET | BPF_K, action),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog program = {sizeof code / sizeof code[0], code};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

static void filtered(void) {
    install(SECCOMP_RET_TRACE | 0x1234);
    long result = syscall(SYS_getppid);
    _exit(result == -1 && errno == ENOSYS ? 1 : result == getpid() ? 2 : result == 99 ? 3 : result == getppid() ? 4 : 5);
}

static void filtered_errno(void) {
    install(SECCOMP_RET_ERRNO | 17);
    long result = syscall(SYS_getppid);
    _exit(result == -1 && errno == 17 ? 1 : 2);
}

static void seccomp(void) {
    pid_t pid = start(filtered, 1, 0); /* a tracer that did not ask: ENOSYS, at every call */
    CHECK(next(pid, PTRACE_CONT, 0) == 1 << 8);

    pid = start(filtered, 1, PTRACE_O_TRACESECCOMP | PTRACE_O_TRACESYSGOOD);
    CHECK(next(pid, PTRACE_CONT, 0) == EVENT(PTRACE_EVENT_SECCOMP));
    CHECK(message(pid) == 0x1234);
    struct __ptrace_syscall_info call;
    CHECK(RAW(PTRACE_GET_SYSCALL_INFO, pid, sizeof call, &call) == 84);
    CHECK(call.op == PTRACE_SYSCALL_INFO_SECCOMP && call.seccomp.nr == SYS_getppid && call.seccomp.ret_data == 0x1234);
    struct user_regs_struct registers;
    CHECK(RAW(PTRACE_GETREGS, pid, 0, &registers) == 0);
    registers.orig_rax = SYS_getpid;
    CHECK(RAW(PTRACE_SETREGS, pid, 0, &registers) == 0);
    CHECK(next(pid, PTRACE_SYSCALL, 0) == STOPPED(SIGTRAP | 0x80)); /* the end of the call */
    CHECK(RAW(PTRACE_GETREGS, pid, 0, &registers) == 0 && registers.rax == (unsigned long)pid);
    CHECK(next(pid, PTRACE_CONT, 0) == 2 << 8);

    pid = start(filtered, 1, PTRACE_O_TRACESECCOMP);
    CHECK(next(pid, PTRACE_CONT, 0) == EVENT(PTRACE_EVENT_SECCOMP));
    CHECK(RAW(PTRACE_GETREGS, pid, 0, &registers) == 0);
    registers.orig_rax = -1;
    registers.rax = 99;
    CHECK(RAW(PTRACE_SETREGS, pid, 0, &registers) == 0);
    CHECK(next(pid, PTRACE_CONT, 0) == 3 << 8);

    pid = start(filtered_errno, 1, PTRACE_O_TRACESYSGOOD); /* a tracer comes first, and is told of refused calls */
    int status, last = 0;
    do {
        status = next(pid, PTRACE_SYSCALL, 0);
        if (status == STOPPED(SIGTRAP | 0x80)) {
            CHECK(RAW(PTRACE_GETREGS, pid, 0, &registers) == 0);
            if (registers.orig_rax == SYS_getppid) last = (int)registers.rax;
        }
    } while (status == STOPPED(SIGTRAP | 0x80));
    CHECK(status == 1 << 8 && last == -17);
}

static void filtered_twice(void) {
    install(SECCOMP_RET_ERRNO | 1);
    install(SECCOMP_RET_ERRNO | 2);
    raise(SIGUSR1);
}

static void dumped_filters(void) {
    struct sock_filter code[8];
    pid_t pid = start(filtered_twice, 1, 0);
    FAILS(geteuid() == 0 ? EINVAL : EACCES, RAW(PTRACE_SECCOMP_GET_FILTER, pid, 0, code));
    CHECK(next(pid, PTRACE_CONT, 0) == STOPPED(SIGUSR1));
    if (geteuid() == 0) {
        CHECK(RAW(PTRACE_SECCOMP_GET_FILTER, pid, 0, NULL) == 4);
        CHECK(RAW(PTRACE_SECCOMP_GET_FILTER, pid, 0, code) == 4 && code[2].k == (SECCOMP_RET_ERRNO | 1) && code[1].k == SYS_getppid);
        CHECK(RAW(PTRACE_SECCOMP_GET_FILTER, pid, 1, code) == 4 && code[2].k == (SECCOMP_RET_ERRNO | 2));
        FAILS(ENOENT, RAW(PTRACE_SECCOMP_GET_FILTER, pid, 2, code));
    }
    CHECK(next(pid, PTRACE_CONT, 0) == 0);
}

static void *trace_in_thread(void *argument) {
    pid_t pid = *(pid_t *)argument;
    CHECK(RAW(PTRACE_SEIZE, pid, 0, 0) == 0);
    CHECK(RAW(PTRACE_INTERRUPT, pid, 0, 0) == 0);
    int status;
    CHECK(waitpid(pid, &status, __WNOTHREAD | __WALL) == pid);
    return (void *)(long)status;
}

static void tracing_threads(void) {
    pid_t pid = start(pause_forever, 0, 0);
    pthread_t thread;
    void *status;
    pthread_create(&thread, NULL, trace_in_thread, &pid);
    pthread_join(thread, &status); /* the tracer is a thread, and its end lets go */
    CHECK((long)status == EVENT(PTRACE_EVENT_STOP));
    FAILS(ESRCH, RAW(PTRACE_CONT, pid, 0, 0));
    while (RAW(PTRACE_ATTACH, pid, 0, 0) == -1 && errno == EPERM) usleep(1000); /* pthread_join(3) returns before the very end */
    CHECK(wait_for(pid) == STOPPED(SIGSTOP));
    kill(pid, SIGKILL);
    CHECK(wait_for(pid) == SIGKILL);
}

static void told_by_signal(void) {
    struct sigaction action = {.sa_handler = count}, old;
    sigaction(SIGCHLD, &action, &old);
    pid_t pid = start(nothing, 1, 0);
    CHECK(caught >= 1);
    int before = caught;
    action.sa_flags = SA_NOCLDSTOP;
    sigaction(SIGCHLD, &action, NULL);
    CHECK(next(pid, PTRACE_SYSCALL, 0) == STOPPED(SIGTRAP));
    CHECK(caught == before);
    action.sa_handler = SIG_IGN; /* tracees are zombies nevertheless */
    sigaction(SIGCHLD, &action, NULL);
    CHECK(next(pid, PTRACE_CONT, 0) == 0);
    sigaction(SIGCHLD, &old, NULL);
}

static void raise_stop(void) { raise(SIGSTOP); }

static void unprivileged(void) {
    pid_t pid = start(pause_forever, 0, 0);
    pid_t other = fork();
    if (other == 0) {
        if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534)) _exit(getuid() ? 0 : 93);
        _exit(RAW(PTRACE_ATTACH, pid, 0, 0) == -1 && errno == EPERM ? 0 : 92);
    }
    CHECK(wait_for(other) == 0);
    kill(pid, SIGKILL);
    CHECK(wait_for(pid) == SIGKILL);
    pid = start(raise_stop, 0, 0); /* a program that job control has stopped already */
    int status;
    CHECK(waitpid(pid, &status, WUNTRACED) == pid && status == STOPPED(SIGSTOP));
    CHECK(RAW(PTRACE_SEIZE, pid, 0, 0) == 0);
    CHECK(wait_for(pid) == (STOPPED(SIGSTOP) | PTRACE_EVENT_STOP << 16));
    CHECK(RAW(PTRACE_LISTEN, pid, 0, 0) == 0);
    kill(pid, SIGCONT);
    CHECK(wait_for(pid) == EVENT(PTRACE_EVENT_STOP));
    CHECK(next(pid, PTRACE_CONT, 0) == STOPPED(SIGCONT));
    CHECK(next(pid, PTRACE_CONT, 0) == 0);
}

int main(void) {
    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    events();
    executed();
    executed_by_thread();
    threads();
    attached();
    group_stop();
    seized();
    interrupted_calls();
    exits();
    tracer_dies();
    seccomp();
    dumped_filters();
    tracing_threads();
    told_by_signal();
    unprivileged();
    return finish();
}
