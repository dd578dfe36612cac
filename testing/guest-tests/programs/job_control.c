/* Stopping and continuing processes of several threads, and what the parent hears of it. */
#include "check.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

static void pause_ms(int ms) { struct timespec t = {0, ms * 1000000L}; while (nanosleep(&t, &t) != 0) {} }
static volatile int chld_code[16], chld_status[16], children;
static void on_child(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)context;
    chld_code[children % 16] = info->si_code;
    chld_status[children % 16] = info->si_status;
    children++;
}
static volatile long *beats;
static void *beat(void *which) { for (;;) { beats[(long)which]++; sched_yield(); } return NULL; }
static int still(void) {
    long before[3];
    for (int i = 0; i < 3; i++) before[i] = beats[i];
    pause_ms(50);
    for (int i = 0; i < 3; i++) if (beats[i] != before[i]) return 0;
    return 1;
}

int main(void) {
    int status;
    siginfo_t info;
    struct sigaction action = {.sa_sigaction = on_child, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGCHLD, &action, NULL);
    beats = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    pid_t pid = fork();
    if (pid == 0) {
        pthread_t threads[2];
        pthread_create(&threads[0], NULL, beat, (void *)1);
        pthread_create(&threads[1], NULL, beat, (void *)2);
        beat(0);
    }
    while (!beats[0] || !beats[1] || !beats[2]) sched_yield();
    CHECK(kill(pid, SIGSTOP) == 0);
    CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    CHECK(still());
    CHECK(waitpid(pid, &status, WUNTRACED | WNOHANG) == 0);
    CHECK(children == 1 && chld_code[0] == CLD_STOPPED && chld_status[0] == SIGSTOP);
    CHECK(kill(pid, SIGTERM) == 0); /* waits for SIGCONT */
    pause_ms(30);
    CHECK(waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0);
    CHECK(kill(pid, SIGCONT) == 0);
    CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);

    children = 0;
    pid = fork();
    if (pid == 0) { setpgid(0, 0); beat(0); }
    setpgid(pid, pid); /* a group whose parent is in another one: SIGTSTP stops it */
    for (int i = 0; i < 20; i++) {
        CHECK(kill(pid, i % 2 ? SIGSTOP : SIGTSTP) == 0);
        CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
        CHECK(kill(pid, SIGCONT) == 0);
        CHECK(waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status));
    }
    kill(pid, SIGSTOP);
    waitid(P_PID, pid, &info, WSTOPPED | WNOWAIT);
    CHECK(info.si_code == CLD_STOPPED && info.si_status == SIGSTOP && info.si_pid == pid);
    CHECK(waitid(P_PID, pid, &info, WSTOPPED) == 0 && info.si_code == CLD_STOPPED);
    CHECK(kill(pid, SIGKILL) == 0); /* also a stopped one dies */
    CHECK(waitpid(pid, &status, 0) == pid && WTERMSIG(status) == SIGKILL);

    /* SA_NOCLDSTOP silences stops, not ends. */
    action.sa_flags |= SA_NOCLDSTOP;
    sigaction(SIGCHLD, &action, NULL);
    children = 0;
    pid = fork();
    if (pid == 0) { raise(SIGSTOP); _exit(7); }
    CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
    CHECK(children == 0);
    kill(pid, SIGCONT);
    CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7);
    CHECK(children == 1 && chld_code[0] == CLD_EXITED && chld_status[0] == 7);

    /* A handler of SIGCONT runs after the continuation; stop signals with handlers do not stop. */
    pid = fork();
    if (pid == 0) {
        sigset_t wait;
        sigemptyset(&wait);
        sigaddset(&wait, SIGCONT);
        sigaddset(&wait, SIGTSTP);
        sigprocmask(SIG_BLOCK, &wait, NULL);
        raise(SIGTSTP);
        raise(SIGCONT); /* discards the SIGTSTP */
        int got = 0;
        sigwait(&wait, &got);
        sigset_t pending;
        sigpending(&pending);
        _exit(got == SIGCONT && !sigismember(&pending, SIGTSTP) ? 0 : 1);
    }
    CHECK(waitpid(pid, &status, WUNTRACED) == pid && status == 0);

    /* An orphaned process group is not stopped by the terminal's signals. */
    pid = fork();
    if (pid == 0) {
        setsid();
        kill(getpid(), SIGTSTP);
        kill(getpid(), SIGTTIN);
        _exit(3);
    }
    CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 3);

    /* A sleep goes on behind a stop. */
    pid = fork();
    if (pid == 0) {
        struct timespec start, end, t = {0, 150000000};
        clock_gettime(CLOCK_MONOTONIC, &start);
        int result = nanosleep(&t, NULL);
        clock_gettime(CLOCK_MONOTONIC, &end);
        long ms = (end.tv_sec - start.tv_sec) * 1000 + (end.tv_nsec - start.tv_nsec) / 1000000;
        _exit(result == 0 && ms >= 150 ? 0 : 1);
    }
    pause_ms(30);
    kill(pid, SIGSTOP);
    CHECK(waitpid(pid, &status, WUNTRACED) == pid);
    if (WIFSTOPPED(status)) { /* else it was done before */
        kill(pid, SIGCONT);
        CHECK(waitpid(pid, &status, 0) == pid);
    }
    CHECK(status == 0);
    return finish();
}
