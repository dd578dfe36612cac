/* membarrier(2) between threads that run without a system call; process_madvise(2), process_mrelease(2), mseal(2). */
#include "check.h"
#include <linux/membarrier.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

static long barrier(int command) { return syscall(SYS_membarrier, command, 0, 0); }

static volatile int x, y, go, ended;
static volatile int seen_by_fast;

/* The fast side has no fence of its own: without the barrier of the other side both could miss the other's store. */
static void *fast(void *arg) {
    for (int round = 1; !ended; round++) {
        while (go != round && !ended)
            ;
        x = round;
        __asm__ volatile("" ::: "memory");
        seen_by_fast = y == round;
        __asm__ volatile("" ::: "memory");
        go = -round;
    }
    return arg;
}

static void asymmetric(void) {
    pthread_t thread;
    struct timespec begin, now;
    CHECK(pthread_create(&thread, NULL, fast, NULL) == 0);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    int missed = 0;
    for (int round = 1; round < 300; round++) {
        go = round;
        y = round;
        CHECK(barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0);
        int seen = x == round;
        while (go != -round)
            ;
        missed += !seen && !seen_by_fast;
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec - begin.tv_sec > 3) break;
    }
    ended = 1;
    pthread_join(thread, NULL);
    CHECK(missed == 0);
}

static void commands(void) {
    long known = barrier(MEMBARRIER_CMD_QUERY);
    int needed = MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_PRIVATE_EXPEDITED | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED;
    CHECK(known > 0 && (known & needed) == needed);
    FAILS(EINVAL, barrier(1 << 20));
    FAILS(EINVAL, syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 1, 0));
    FAILS(EPERM, barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED));
    CHECK(barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0);
    CHECK(barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0);
    CHECK(barrier(MEMBARRIER_CMD_GLOBAL) == 0);
}

static void advice(void) {
    char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct iovec vectors[2] = {{page, 4096}, {page + 4096, 4096}};
    int self = syscall(SYS_pidfd_open, getpid(), 0);
    FAILS(EINVAL, syscall(SYS_process_madvise, self, vectors, 2L, MADV_COLD, 1));
    FAILS(EBADF, syscall(SYS_process_madvise, 0, vectors, 2L, MADV_COLD, 0));
    FAILS(EFAULT, syscall(SYS_process_madvise, self, NULL, 2L, MADV_COLD, 0));
    page[0] = 7;
    CHECK(syscall(SYS_process_madvise, self, vectors, 2L, MADV_COLD, 0) == 8192 && page[0] == 7);
    munmap(page + 4096, 4096);
    CHECK(syscall(SYS_process_madvise, self, vectors, 2L, MADV_COLD, 0) == 4096);
    FAILS(ENOMEM, syscall(SYS_process_madvise, self, vectors + 1, 1L, MADV_COLD, 0));
    FAILS(EINVAL, syscall(448, self, 0));
    FAILS(EINVAL, syscall(448, self, 1));
    FAILS(EBADF, syscall(448, -1, 0));
    pid_t child = fork();
    if (child == 0)
        for (;;) pause();
    int pidfd = syscall(SYS_pidfd_open, child, 0);
    kill(child, SIGKILL);
    siginfo_t info;
    CHECK(waitid(P_PID, child, &info, WEXITED | WNOWAIT) == 0);
    FAILS(ESRCH, syscall(448, pidfd, 0));
    CHECK(waitpid(child, NULL, 0) == child);
    FAILS(ESRCH, syscall(SYS_process_madvise, pidfd, vectors, 1L, MADV_COLD, 0));
    close(pidfd);
    close(self);
}

/* mseal(2), where the kernel has it. */
static void seals(void) {
    char *pages = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pages[4096] = 5;
    CHECK(mprotect(pages + 4096, 4096, PROT_READ) == 0);
    if (syscall(462, pages + 4096, 4096L, 0L) == -1 && errno == ENOSYS) return;
    FAILS(EINVAL, syscall(462, pages + 1, 4096L, 0L));
    FAILS(EINVAL, syscall(462, pages, 4096L, 1L));
    CHECK(syscall(462, pages, 0L, 0L) == 0);
    FAILS(EPERM, munmap(pages + 4096, 4096));
    FAILS(EPERM, munmap(pages, 4 * 4096));
    FAILS(EPERM, mprotect(pages + 4096, 4096, PROT_READ | PROT_WRITE));
    FAILS(EPERM, mremap(pages + 4096, 4096, 8192, MREMAP_MAYMOVE));
    FAILS(EPERM, mmap(pages + 4096, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    FAILS(EPERM, madvise(pages + 4096, 4096, MADV_DONTNEED));
    CHECK(pages[4096] == 5);
    CHECK(munmap(pages, 4096) == 0 && munmap(pages + 8192, 8192) == 0);
    FAILS(ENOMEM, syscall(462, pages, 8192L, 0L));
    pid_t child = fork();
    if (child == 0) _exit(munmap(pages + 4096, 4096) == -1 && errno == EPERM ? 0 : 1);
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

int main(void) {
    seals();
    commands();
    asymmetric();
    advice();
    return finish();
}
