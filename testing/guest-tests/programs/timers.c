/* timerfd, POSIX timers with overruns and threads, interval timers, limits. */
#include "check.h"
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>

#define MS 1000000L
static long long now_ns(clockid_t clock) { struct timespec t; clock_gettime(clock, &t); return t.tv_sec * 1000000000LL + t.tv_nsec; }
static volatile int fired, expirations, last_value, last_overrun, last_code;
static volatile pid_t last_thread;
static void fires(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)context;
    last_value = info->si_value.sival_int;
    last_overrun = info->si_overrun;
    expirations += 1 + info->si_overrun;
    last_code = info->si_code;
    last_thread = syscall(SYS_gettid);
    fired++;
}

static void timer_descriptors(void) {
    uint64_t count;
    FAILS(EINVAL, timerfd_create(CLOCK_THREAD_CPUTIME_ID, 0));
    FAILS(EINVAL, timerfd_create(CLOCK_MONOTONIC, 1));
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    CHECK(fd >= 0);
    FAILS(EAGAIN, read(fd, &count, 8));
    FAILS(EINVAL, read(fd, &count, 4));
    FAILS(EINVAL, write(fd, &count, 8));
    struct itimerspec set = {.it_value = {0, 20 * MS}, .it_interval = {0, 10 * MS}}, get;
    FAILS(EINVAL, timerfd_settime(fd, 4, &set, NULL));
    FAILS(EINVAL, timerfd_settime(fd, 0, &(struct itimerspec){.it_value = {0, 1000000000}}, NULL));
    FAILS(EBADF, timerfd_settime(-1, 0, &set, NULL));
    FAILS(EINVAL, timerfd_settime(0, 0, &set, NULL));
    long long start = now_ns(CLOCK_MONOTONIC);
    CHECK(timerfd_settime(fd, 0, &set, NULL) == 0);
    CHECK(timerfd_gettime(fd, &get) == 0 && get.it_interval.tv_nsec == 10 * MS && get.it_value.tv_nsec > 0 && get.it_value.tv_nsec <= 20 * MS);
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    CHECK(poll(&wait, 1, 0) == 0 || now_ns(CLOCK_MONOTONIC) - start >= 20 * MS);
    CHECK(poll(&wait, 1, 50000) == 1 && wait.revents == POLLIN && now_ns(CLOCK_MONOTONIC) - start >= 20 * MS);
    struct timespec t = {0, 55 * MS};
    nanosleep(&t, NULL);
    CHECK(read(fd, &count, 8) == 8);
    long long elapsed = now_ns(CLOCK_MONOTONIC) - start;
    CHECK(count >= 5 && count <= (uint64_t)((elapsed - 20 * MS) / (10 * MS) + 1));
    CHECK(timerfd_settime(fd, 0, &(struct itimerspec){0}, &get) == 0 && get.it_interval.tv_nsec == 10 * MS);
    CHECK(timerfd_gettime(fd, &get) == 0 && get.it_value.tv_sec == 0 && get.it_value.tv_nsec == 0);
    /* In the past: ready at once. */
    CHECK(timerfd_settime(fd, TFD_TIMER_ABSTIME, &(struct itimerspec){.it_value = {1, 0}}, NULL) == 0);
    CHECK(poll(&wait, 1, 1000) == 1 && read(fd, &count, 8) == 8 && count == 1);
    FAILS(EAGAIN, read(fd, &count, 8));
    close(fd);
    /* A blocking read, on the real-time clock, with an absolute moment. */
    fd = timerfd_create(CLOCK_REALTIME, 0);
    long long at = now_ns(CLOCK_REALTIME) + 30 * MS;
    CHECK(timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &(struct itimerspec){.it_value = {at / 1000000000, at % 1000000000}}, NULL) == 0);
    CHECK(read(fd, &count, 8) == 8 && count == 1 && now_ns(CLOCK_REALTIME) >= at);
    close(fd);
}

static void *idles(void *tid) {
    *(volatile pid_t *)tid = syscall(SYS_gettid);
    while (fired == 0) sched_yield();
    return NULL;
}
static void posix_timers(void) {
    timer_t timer;
    struct itimerspec get;
    struct sigaction action = {.sa_sigaction = fires, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGRTMIN, &action, NULL);
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value.sival_int = 4711};
    FAILS(EINVAL, timer_create(CLOCK_MONOTONIC, &(struct sigevent){.sigev_notify = SIGEV_SIGNAL, .sigev_signo = 65}, &timer));
    FAILS(EINVAL, timer_create(CLOCK_MONOTONIC, &(struct sigevent){.sigev_notify = 77, .sigev_signo = 10}, &timer));
    FAILS(EOPNOTSUPP, timer_create(CLOCK_MONOTONIC_COARSE, &event, &timer));
    FAILS(EINVAL, timer_create(99, &event, &timer));
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    CHECK(timer_settime(timer, 0, &(struct itimerspec){.it_value = {0, 5 * MS}}, NULL) == 0);
    while (!fired) sched_yield();
    CHECK(last_value == 4711 && last_code == SI_TIMER && last_overrun == 0);
    CHECK(timer_gettime(timer, &get) == 0 && get.it_value.tv_nsec == 0);
    /* Overruns while the signal is blocked. */
    sigset_t mask, old;
    sigemptyset(&mask);
    sigaddset(&mask, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &mask, &old);
    expirations = fired = 0;
    CHECK(timer_settime(timer, 0, &(struct itimerspec){.it_value = {0, 5 * MS}, .it_interval = {0, 5 * MS}}, NULL) == 0);
    struct timespec t = {0, 52 * MS};
    nanosleep(&t, NULL);
    sigprocmask(SIG_SETMASK, &old, NULL);
    sigprocmask(SIG_BLOCK, &mask, NULL); /* or the next one may come between the two that are compared */
    CHECK(fired >= 1 && expirations >= 9 && timer_getoverrun(timer) == last_overrun);
    sigprocmask(SIG_SETMASK, &old, NULL);
    CHECK(timer_settime(timer, 0, &(struct itimerspec){0}, NULL) == 0);
    /* Deleting takes a pending signal away or not, but never crashes; then the id is gone. */
    sigprocmask(SIG_BLOCK, &mask, &old);
    CHECK(timer_settime(timer, 0, &(struct itimerspec){.it_value = {0, 1}}, NULL) == 0);
    nanosleep(&t, NULL);
    CHECK(timer_delete(timer) == 0);
    sigprocmask(SIG_SETMASK, &old, NULL);
    FAILS(EINVAL, timer_gettime(timer, &get));
    FAILS(EINVAL, timer_delete(timer));
    /* To one thread. */
    volatile pid_t tid = 0;
    pthread_t thread;
    fired = 0;
    pthread_create(&thread, NULL, idles, (void *)&tid);
    while (!tid) sched_yield();
    event.sigev_notify = SIGEV_THREAD_ID;
    event._sigev_un._tid = tid;
    CHECK(timer_create(CLOCK_BOOTTIME, &event, &timer) == 0);
    CHECK(timer_settime(timer, 0, &(struct itimerspec){.it_value = {0, 5 * MS}}, NULL) == 0);
    pthread_join(thread, NULL);
    CHECK(last_thread == tid);
    timer_delete(timer);
    event._sigev_un._tid = 0x3ffffff0;
    FAILS(EINVAL, timer_create(CLOCK_MONOTONIC, &event, &timer));
    /* Processor time, and none at all. */
    event.sigev_notify = SIGEV_SIGNAL;
    fired = 0;
    CHECK(timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer) == 0);
    CHECK(timer_settime(timer, 0, &(struct itimerspec){.it_value = {0, 30 * MS}}, NULL) == 0);
    long long cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID), wall = now_ns(CLOCK_MONOTONIC);
    while (!fired && now_ns(CLOCK_MONOTONIC) - wall < 60000 * MS) {}
    CHECK(fired == 1 && now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu >= 29 * MS);
    timer_delete(timer);
    event.sigev_notify = SIGEV_NONE;
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    CHECK(timer_settime(timer, 0, &(struct itimerspec){.it_value = {100, 0}}, NULL) == 0);
    CHECK(timer_gettime(timer, &get) == 0 && get.it_value.tv_sec > 0 && get.it_value.tv_sec < 100);
    timer_delete(timer);
}

static volatile int alarms;
static void counts(int signal) { alarms += signal != 0; }
static void interval_timers(void) {
    struct itimerval set = {.it_value = {0, 10000}, .it_interval = {0, 10000}}, get;
    struct sigaction action = {.sa_handler = counts, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, NULL);
    FAILS(EINVAL, setitimer(3, &set, NULL));
    FAILS(EINVAL, setitimer(ITIMER_REAL, &(struct itimerval){.it_value = {0, 1000000}}, NULL));
    CHECK(setitimer(ITIMER_REAL, &set, NULL) == 0);
    while (alarms < 5) pause();
    CHECK(setitimer(ITIMER_REAL, &(struct itimerval){0}, &get) == 0 && get.it_interval.tv_usec == 10000);
    CHECK(getitimer(ITIMER_REAL, &get) == 0 && get.it_value.tv_usec == 0 && get.it_value.tv_sec == 0);
    alarms = 0;
    sigaction(SIGPROF, &action, NULL);
    CHECK(setitimer(ITIMER_PROF, &set, NULL) == 0);
    long long wall = now_ns(CLOCK_MONOTONIC);
    while (alarms < 3 && now_ns(CLOCK_MONOTONIC) - wall < 60000 * MS) getppid();
    CHECK(alarms >= 3);
    setitimer(ITIMER_PROF, &(struct itimerval){0}, NULL);
    /* Only the real clock's forgets its interval when it is not armed. */
    struct itimerval idle = {.it_interval = {10, 0}};
    CHECK(setitimer(ITIMER_REAL, &idle, NULL) == 0 && getitimer(ITIMER_REAL, &get) == 0 && get.it_interval.tv_sec == 0);
    CHECK(setitimer(ITIMER_PROF, &idle, NULL) == 0 && getitimer(ITIMER_PROF, &get) == 0 && get.it_interval.tv_sec == 10);
    setitimer(ITIMER_PROF, &(struct itimerval){0}, NULL);
    /* Interval timers survive execve, not fork. */
    pid_t pid = fork();
    int status;
    if (pid == 0) { CHECK(getitimer(ITIMER_REAL, &get) == 0 && get.it_value.tv_sec == 0); _exit(failures != 0); }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    pid = fork();
    if (pid == 0) {
        signal(SIGALRM, SIG_DFL);
        struct itimerval soon = {.it_value = {0, 50000}};
        setitimer(ITIMER_REAL, &soon, NULL);
        execl("/bin/sleep", "sleep", "20", NULL);
        _exit(1);
    }
    CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM);
}

static void processor_limit(void) {
    pid_t pid = fork();
    int status;
    if (pid == 0) {
        struct rlimit limit = {1, 2};
        setrlimit(RLIMIT_CPU, &limit);
        for (;;) {}
    }
    CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU);
}

int main(void) {
    timer_descriptors();
    posix_timers();
    interval_timers();
    processor_limit();
    return finish();
}
