// The inside rows of bench/run: what single operations cost, seen by the guest. Prints "name<TAB>microseconds" per row.
//
// usage: bench [--row NAME] [--iterations N] [--lower FILE]
//
// Every row is warmed up, then measured in batches; the result is the median batch, per operation. With --iterations a row runs
// exactly N operations and prints "name<TAB>microseconds<TAB>N", for a profile that divides by N.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CROWD 8

static const char *lower = "/bin/sh";
static int pipe_fds[2], upper_fd, lower_fd;
static char page[4096];

static void check(int ok, const char *what) {
    if (!ok) {
        fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
        exit(1);
    }
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static void do_getppid_libc(long n) {
    while (n--) getppid();
}

static void do_getppid_syscall(long n) {
    while (n--) syscall(SYS_getppid);
}

static void *crowd_member(void *arg) {
    for (long n = (long) arg; n--;) syscall(SYS_getppid);
    return NULL;
}

// As many calls as the row above, by more threads than there are processors.
static void do_crowd(long n) {
    pthread_t members[CROWD];
    for (int i = 0; i < CROWD; i++) {
        check((errno = pthread_create(&members[i], NULL, crowd_member, (void *) (n / CROWD))) == 0, "pthread_create");
    }
    for (int i = 0; i < CROWD; i++) pthread_join(members[i], NULL);
}

static void do_pipe(long n) {
    while (n--) {
        check(write(pipe_fds[1], page, 1) == 1, "write");
        check(read(pipe_fds[0], page, 1) == 1, "read");
    }
}

static void do_pread_upper(long n) {
    while (n--) check(pread(upper_fd, page, sizeof page, 0) == sizeof page, "pread");
}

static void do_pread_lower(long n) {
    while (n--) check(pread(lower_fd, page, sizeof page, 0) == sizeof page, "pread");
}

static void do_open_close(long n) {
    while (n--) {
        int fd = open(lower, O_RDONLY);
        check(fd >= 0, "open");
        close(fd);
    }
}

static void do_stat_lower(long n) {
    struct stat st;
    while (n--) check(stat(lower, &st) == 0, "stat");
}

static volatile sig_atomic_t caught;
static void handler(int sig) {
    (void) sig;
    caught++;
}

static void do_signal_self(long n) {
    signal(SIGUSR1, handler);
    while (n--) {
        int before = caught;
        check(raise(SIGUSR1) == 0 && caught == before + 1, "raise");
    }
}

static void do_mmap_touch(long n) {
    while (n--) {
        char *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        check(p != MAP_FAILED, "mmap");
        for (int i = 0; i < 65536; i += 4096) p[i] = 1;
        munmap(p, 65536);
    }
}

static void *nothing(void *arg) {
    return arg;
}

static void do_thread(long n) {
    while (n--) {
        pthread_t t;
        check((errno = pthread_create(&t, NULL, nothing, NULL)) == 0, "pthread_create");
        pthread_join(t, NULL);
    }
}

static uint32_t turn;
static void hand_over(uint32_t mine, uint32_t other, long n) {
    while (n--) {
        uint32_t seen;
        while ((seen = __atomic_load_n(&turn, __ATOMIC_ACQUIRE)) != mine) {
            syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
        }
        __atomic_store_n(&turn, other, __ATOMIC_RELEASE);
        syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    }
}

static void *partner(void *arg) {
    hand_over(1, 0, (long) arg);
    return NULL;
}

static void do_futex(long n) {
    pthread_t t;
    turn = 0;
    check((errno = pthread_create(&t, NULL, partner, (void *) n)) == 0, "pthread_create");
    hand_over(0, 1, n);
    pthread_join(t, NULL);
}

static void do_fork(long n) {
    while (n--) {
        pid_t pid = fork();
        if (pid == 0) _exit(0);
        check(pid > 0 && waitpid(pid, NULL, 0) == pid, "fork");
    }
}

static void do_vfork_exec(long n) {
    while (n--) {
        int status;
        pid_t pid = vfork();
        if (pid == 0) {
            execl("/bin/true", "true", NULL);
            _exit(127);
        }
        check(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0, "vfork");
    }
}

static const struct row {
    const char *name;
    void (*run)(long n);
    long batch;
} rows[] = {
    {"getppid_libc", do_getppid_libc, 2000},
    {"getppid_syscall", do_getppid_syscall, 2000},
    {"getppid_crowd", do_crowd, 80000},
    {"pipe_write_read", do_pipe, 1000},
    {"pread_4k_upper", do_pread_upper, 1000},
    {"pread_4k_lower", do_pread_lower, 1000},
    {"open_close", do_open_close, 500},
    {"stat_lower", do_stat_lower, 500},
    {"signal_self", do_signal_self, 300},
    {"mmap_64k_touch_munmap", do_mmap_touch, 100},
    {"thread_create_join", do_thread, 50},
    {"futex_ping_pong", do_futex, 500},
    {"fork_exit_wait", do_fork, 20},
    {"vfork_exec_wait", do_vfork_exec, 10},
};

static int ascending(const void *a, const void *b) {
    double x = *(const double *) a, y = *(const double *) b;
    return x < y ? -1 : x > y;
}

static void measure(const struct row *row, long iterations) {
    if (iterations) {
        double start = now();
        row->run(iterations);
        printf("%s\t%.3f\t%ld\n", row->name, (now() - start) / iterations, iterations);
        return;
    }
    double end = now() + 400e3;
    for (int i = 0; i < 3 || (now() < end && i < 400); i++) row->run(row->batch);
    double batches[400];
    int count = 0;
    end = now() + 600e3;
    while (count < 5 || (now() < end && count < 400)) {
        double start = now();
        row->run(row->batch);
        batches[count++] = (now() - start) / row->batch;
    }
    qsort(batches, count, sizeof *batches, ascending);
    printf("%s\t%.3f\n", row->name, batches[count / 2]);
}

int main(int argc, char **argv) {
    const char *only = NULL;
    long iterations = 0;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--row")) only = argv[i + 1];
        else if (!strcmp(argv[i], "--iterations")) iterations = atol(argv[i + 1]);
        else if (!strcmp(argv[i], "--lower")) lower = argv[i + 1];
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    char name[] = "/tmp/bench.XXXXXX";
    check(pipe(pipe_fds) == 0, "pipe");
    check((upper_fd = mkstemp(name)) >= 0 && write(upper_fd, page, sizeof page) == sizeof page, name);
    unlink(name);
    check((lower_fd = open(lower, O_RDONLY)) >= 0, lower);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!only || !strcmp(only, rows[i].name)) measure(&rows[i], iterations);
    }
    return 0;
}
