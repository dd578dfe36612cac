/* Clocks never go backwards, through the vDSO and by system call; timers fire; sleeps last. */
#include "check.h"
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <sched.h>

static volatile int fired;
static void fires(int signal) { fired += signal != 0; }
static long long ns(clockid_t clock, int by_syscall) {
    struct timespec t;
    if (by_syscall) CHECK(syscall(SYS_clock_gettime, clock, &t) == 0);
    else CHECK(clock_gettime(clock, &t) == 0);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(void) {
    clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW};
    for (int c = 0; c < 4; c++) {
        long long before = ns(clocks[c], 0);
        for (int i = 0; i < 2000; i++) {
            long long now = ns(clocks[c], i % 8 == 0);
            if (now < before) { printf("clock %d went back by %lld ns at %d\n", clocks[c], before - now, i); failures++; break; }
            before = now;
        }
    }
    long long real = ns(CLOCK_REALTIME, 0), coarse = ns(CLOCK_REALTIME_COARSE, 0);
    CHECK(real - coarse < 100000000 && coarse - real < 100000000);
    struct timeval tv;
    long long earlier = time(NULL) - 1; /* the time of the last tick may be a second behind */
    CHECK(gettimeofday(&tv, NULL) == 0 && tv.tv_sec >= earlier && tv.tv_sec <= time(NULL) + 1);
    CHECK(real / 1000000000 > 1600000000);
    FAILS(EINVAL, syscall(SYS_clock_gettime, 1000, &tv));
    FAILS(EFAULT, syscall(SYS_clock_gettime, CLOCK_MONOTONIC, 8));
    struct timespec t = {.tv_nsec = 30000000};
    long long start = ns(CLOCK_MONOTONIC, 0);
    CHECK(nanosleep(&t, NULL) == 0 && ns(CLOCK_MONOTONIC, 0) - start >= 30000000);
    t.tv_nsec = 1000000000;
    FAILS(EINVAL, nanosleep(&t, NULL));
    long long target = ns(CLOCK_MONOTONIC, 0) + 20000000;
    t = (struct timespec){target / 1000000000, target % 1000000000};
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == 0 && ns(CLOCK_MONOTONIC, 0) >= target);
    CHECK(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &t, NULL) == EINVAL);
    for (int i = 0; i < 100; i++) {
        unsigned cpu = 1000, node = 1000;
        CHECK(getcpu(&cpu, &node) == 0 && cpu < (unsigned)sysconf(_SC_NPROCESSORS_CONF) && node == 0);
        CHECK(syscall(SYS_getcpu, &cpu, NULL, NULL) == 0 && cpu < (unsigned)sysconf(_SC_NPROCESSORS_CONF));
    }
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    signal(SIGUSR1, fires);
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    struct itimerspec when = {.it_value = {.tv_nsec = 10000000}, .it_interval = {.tv_nsec = 10000000}}, rest;
    CHECK(timer_settime(timer, 0, &when, NULL) == 0);
    while (fired < 3) sched_yield();
    CHECK(timer_gettime(timer, &rest) == 0 && rest.it_interval.tv_nsec == 10000000 && timer_delete(timer) == 0);
    FAILS(EINVAL, timer_delete(timer));
    signal(SIGALRM, fires);
    fired = 0;
    CHECK(alarm(100) == 0 && alarm(0) >= 90);
    struct itimerval virtual = {.it_value = {.tv_usec = 20000}};
    signal(SIGVTALRM, fires);
    CHECK(setitimer(ITIMER_VIRTUAL, &virtual, NULL) == 0);
    start = ns(CLOCK_MONOTONIC, 0);
    while (!fired && ns(CLOCK_MONOTONIC, 0) - start < 60000000000LL) {}
    CHECK(fired == 1);
    CHECK(ns(CLOCK_PROCESS_CPUTIME_ID, 1) > 10000000 && ns(CLOCK_THREAD_CPUTIME_ID, 1) > 10000000);
    struct tms tms;
    CHECK(times(&tms) != (clock_t)-1);
    return finish();
}
