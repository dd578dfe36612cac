/* Which clocks there are, what can be done with each, and what the clock calls say to wrong arguments. */
#include "result.h"
#include <limits.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <time.h>

static const char *name(long result) { return result == -1 ? strerrorname_np(errno) : "works"; }

/* All that one clock id can be asked. */
static void ask(int clock) {
    struct timespec time, bad = {0, -1};
    struct timex state = {0};
    int timer;
    long made = syscall(SYS_timer_create, clock, NULL, &timer);
    printf("clock %d: timer_create %s", clock, name(made));
    if (made == 0) syscall(SYS_timer_delete, timer);
    printf(", get %s", name(syscall(SYS_clock_gettime, clock, &time)));
    printf(", getres %s", name(syscall(SYS_clock_getres, clock, &time)));
    printf(", set %s", name(syscall(SYS_clock_settime, clock, &bad)));
    printf(", adjust %s", name(syscall(SYS_clock_adjtime, clock, &state)));
    printf(", sleep %s", name(syscall(SYS_clock_nanosleep, clock, 0, &bad, NULL)));
    printf(", timerfd %s\n", name(timerfd_create(clock, 0)));
}

int main(void) {
    /* Those that wake a machine (8, 9) depend on its clock. */
    static const int clocks[] = {0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, -1, -2, -6, ~1 * 8 + 2, ~99999 * 8 + 2, INT_MAX};
    struct timespec time = {0, 1};
    struct timeval moment = {0, 1000000};
    struct timezone zone = {16 * 60, 0};
    struct timex state = {0};
    for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++) ask(clocks[i]);
    RESULT(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 99, &time, NULL));
    RESULT(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &time, NULL));
    RESULT(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, BAD, NULL));
    RESULT(syscall(SYS_settimeofday, &moment, NULL));
    moment = (struct timeval) {-1, 0};
    RESULT(syscall(SYS_settimeofday, &moment, NULL));
    RESULT(syscall(SYS_settimeofday, BAD, NULL));
    if (geteuid() == 0) RESULT(syscall(SYS_settimeofday, NULL, &zone));
    WORKS(adjtimex(&state));
    SHOW("tolerance %ld, precision %ld", state.tolerance, state.precision);
    RESULT(adjtimex(BAD));
    state.modes = ADJ_OFFSET_SS_READ;
    WORKS(adjtimex(&state));
    if (geteuid() == 0) {
        state = (struct timex) {.modes = ADJ_TICK, .tick = 8999};
        RESULT(adjtimex(&state));
        state.tick = 11001;
        RESULT(adjtimex(&state));
        state = (struct timex) {.modes = ADJ_SETOFFSET, .time = {0, -1}};
        RESULT(adjtimex(&state));
        state.time.tv_usec = 1000000;
        RESULT(adjtimex(&state));
        IN_CHILD({
            if (setuid(99) != 0) _exit(0);
            state = (struct timex) {.modes = ADJ_TICK, .tick = 8999};
            RESULT(adjtimex(&state));
            state.modes = 0;
            WORKS(adjtimex(&state));
            RESULT(syscall(SYS_clock_settime, CLOCK_REALTIME, &time));
        });
    }
}
