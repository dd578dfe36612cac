/* fork(2), wait(2), waitid(2), exit statuses, reparenting, process groups. */
#include "check.h"
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

static pid_t child(int status) {
    pid_t pid = fork();
    if (pid == 0) _exit(status);
    return pid;
}

int main(void) {
    int status;
    FAILS(ECHILD, wait(&status));
    FAILS(ECHILD, waitpid(-1, &status, WNOHANG));
    FAILS(EINVAL, waitpid(-1, &status, 0x1000));
    FAILS(EINVAL, waitid(P_ALL, 0, NULL, 0));

    pid_t pid = child(42);
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 42);
    FAILS(ECHILD, waitpid(pid, &status, 0));

    pid = fork();
    if (pid == 0) { raise(SIGKILL); _exit(0); }
    CHECK(wait(&status) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    pid = fork();
    if (pid == 0) abort();
    CHECK(wait(&status) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);

    /* WNOWAIT leaves the zombie. */
    pid = child(7);
    siginfo_t info;
    memset(&info, 0, sizeof info);
    CHECK(waitid(P_PID, pid, &info, WEXITED | WNOWAIT) == 0);
    CHECK(info.si_pid == pid && info.si_code == CLD_EXITED && info.si_status == 7 && info.si_signo == SIGCHLD);
    memset(&info, 0, sizeof info);
    CHECK(waitid(P_PID, pid, &info, WEXITED) == 0 && info.si_status == 7);
    FAILS(ECHILD, waitid(P_PID, pid, &info, WEXITED));

    /* Stop and continue are reported; the child stays until the latter is, for waitpid prefers a dead child's exit. */
    int leave[2];
    char byte = 0;
    CHECK(pipe(leave) == 0);
    pid = fork();
    if (pid == 0) { raise(SIGSTOP); CHECK(read(leave[0], &byte, 1) == 1); _exit(3); }
    CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    CHECK(waitpid(pid, &status, WNOHANG | WUNTRACED) == 0);
    CHECK(kill(pid, SIGCONT) == 0);
    CHECK(waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status));
    CHECK(write(leave[1], &byte, 1) == 1);
    CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 3);
    close(leave[0]);
    close(leave[1]);

    /* A subreaper inherits grandchildren. */
    CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
    int link[2];
    CHECK(pipe(link) == 0);
    pid = fork();
    if (pid == 0) {
        pid_t grandchild = fork();
        if (grandchild == 0) {
            char byte;
            close(link[1]);
            if (read(link[0], &byte, 1) == 0) _exit(9);
            _exit(8);
        }
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    close(link[1]);
    CHECK((pid = wait(&status)) > 0 && WEXITSTATUS(status) == 9);

    /* Process groups. */
    pid = fork();
    if (pid == 0) { setpgid(0, 0); pause(); _exit(0); }
    setpgid(pid, pid);
    CHECK(getpgid(pid) == pid);
    CHECK(kill(-pid, SIGTERM) == 0);
    CHECK(waitpid(-pid, &status, 0) == pid && WTERMSIG(status) == SIGTERM);
    FAILS(ESRCH, kill(-pid, 0));
    FAILS(ESRCH, setpgid(pid, 0));
    FAILS(EINVAL, setpgid(0, -1));

    /* SIGCHLD ignored: children leave no zombie. */
    signal(SIGCHLD, SIG_IGN);
    pid = child(1);
    FAILS(ECHILD, waitpid(pid, &status, 0));
    signal(SIGCHLD, SIG_DFL);

    /* vfork: the parent sees what the child wrote. */
    volatile int shared = 1;
    pid = vfork();
    if (pid == 0) { shared = 2; _exit(5); }
    CHECK(shared == 2 && waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 5);

    /* Copy on write both ways. */
    static int cell = 1;
    int back[2];
    CHECK(pipe(back) == 0);
    pid = fork();
    if (pid == 0) {
        cell = 2;
        write(back[1], &cell, sizeof cell);
        _exit(cell);
    }
    int seen;
    CHECK(read(back[0], &seen, sizeof seen) == sizeof seen && seen == 2 && cell == 1);
    CHECK(wait(&status) == pid && WEXITSTATUS(status) == 2);
    struct rusage usage;
    CHECK(getrusage(RUSAGE_CHILDREN, &usage) == 0);
    return finish();
}
