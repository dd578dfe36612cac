/* Clocks of a time namespace, time_namespaces(7): vDSO and system calls agree, absolute times are those of the program's own clocks. */
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL
#define PAUSE 20000000LL
#define CHECK(claim) do { if (!(claim)) printf("line %d: %s\n", __LINE__, #claim); } while (0)

static long long from(struct timespec time) { return time.tv_sec * SECOND + time.tv_nsec; }

static long long now(int clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return from(time);
}

static long long asked(int clock) {
    struct timespec time;
    syscall(SYS_clock_gettime, clock, &time);
    return from(time);
}

/* A little later on a clock. */
static struct timespec soon(int clock) {
    long long at = now(clock) + PAUSE;
    return (struct timespec) {at / SECOND, at % SECOND};
}

static void waits(int clock) {
    struct timespec at = soon(clock);
    CHECK(clock_nanosleep(clock, TIMER_ABSTIME, &at, NULL) == 0 && now(clock) >= from(at));

    struct itimerspec times = {.it_value = soon(clock)}, left;
    int file = timerfd_create(clock, 0);
    uint64_t count = 0;
    CHECK(timerfd_settime(file, TFD_TIMER_ABSTIME, &times, NULL) == 0 && timerfd_gettime(file, &left) == 0 && left.it_value.tv_sec == 0);
    CHECK(read(file, &count, sizeof count) == sizeof count && count == 1 && now(clock) >= from(times.it_value));

    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
    timer_t timer;
    CHECK(timer_create(clock, &event, &timer) == 0);
    times.it_value = soon(clock);
    CHECK(timer_settime(timer, TIMER_ABSTIME, &times, NULL) == 0 && sigwaitinfo(&set, NULL) == SIGRTMIN && now(clock) >= from(times.it_value));
}

int main(void) {
    static const int clocks[] = {CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME};
    for (unsigned i = 0; i < sizeof clocks / sizeof *clocks; i++) {
        long long first = now(clocks[i]), second = asked(clocks[i]), third = now(clocks[i]);
        CHECK(first <= second && second <= third);
        waits(clocks[i]);
    }
    long long raw = now(CLOCK_MONOTONIC_RAW), fine = now(CLOCK_MONOTONIC), difference = raw - fine;
    CHECK(difference < 1000 * SECOND && difference > -1000 * SECOND);
    uint32_t word = 0;
    struct timespec at = soon(CLOCK_MONOTONIC);
    CHECK(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 0, &at, NULL, ~0) < 0 && errno == ETIMEDOUT && now(CLOCK_MONOTONIC) >= from(at));
    struct sysinfo info;
    sysinfo(&info);
    /* The offsets are of 30 and 60 years, which no machine has run. */
    printf("monotonic %d boottime %d uptime %d realtime %d\n", now(CLOCK_MONOTONIC) / SECOND / 900000000 == 1, now(CLOCK_BOOTTIME) / SECOND / 1800000000 == 1,
            info.uptime / 1800000000 == 1, now(CLOCK_REALTIME) / SECOND < 4000000000LL);
    return 0;
}
