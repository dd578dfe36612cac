/*
 * Keeps all kinds of state that a platform carries (vector and general registers, x87 and SSE control words, TLS, memory, signal
 * frames, timers, sleeping system calls) and checks it all the time, in several threads and processes, until standard input ends.
 * What it prints does not depend on how long that takes. Each part does at least one round.
 */
#include "../programs/check.h"
#include <pthread.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

static atomic_int stop;
static atomic_int wrong;

#define EXPECT(condition)                                                                                                     \
    do {                                                                                                                      \
        if (!(condition)) {                                                                                                   \
            atomic_fetch_add(&wrong, 1);                                                                                      \
            dprintf(1, "line %d: %s\n", __LINE__, #condition);                                                                \
        }                                                                                                                     \
    } while (0)

static uint64_t step(uint64_t x) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return x;
}

/* ---- registers that nobody saves: a loop in one asm block, with and without a system call in it */

struct vectors {
    uint8_t bytes[16][32];
} __attribute__((aligned(64)));

static void hold_registers(uint64_t seed, int avx, long loops, int calls) {
    struct vectors in, out;
    for (int i = 0; i < 16; i++)
        for (int j = 0; j < 32; j++)
            in.bytes[i][j] = (uint8_t)(seed + i * 37 + j * 11);
    memset(&out, 0, sizeof out);
    uint64_t general[6];
    uint64_t expected = seed;
    for (int i = 0; i < 6; i++)
        general[i] = expected = step(expected);
    uint64_t got[6];
    uint32_t mxcsr = 0x1f80 | 0x6000, mxcsr_before, mxcsr_after; /* round towards zero */
    uint16_t x87 = 0x037f | 0x0c00, x87_before, x87_after;
    __asm__ volatile("stmxcsr %0\n fnstcw %1" : "=m"(mxcsr_before), "=m"(x87_before));
    __asm__ volatile("ldmxcsr %0\n fldcw %1" ::"m"(mxcsr), "m"(x87));
    register uint64_t *general_ __asm__("r8") = general;
    register uint64_t *got_ __asm__("r9") = got;
    register long calls_ __asm__("r10") = calls;
    if (avx)
        __asm__ volatile(
            "vmovdqa (%[in]), %%ymm0\n vmovdqa 32(%[in]), %%ymm1\n vmovdqa 64(%[in]), %%ymm2\n vmovdqa 96(%[in]), %%ymm3\n"
            "vmovdqa 128(%[in]), %%ymm4\n vmovdqa 160(%[in]), %%ymm5\n vmovdqa 192(%[in]), %%ymm6\n vmovdqa 224(%[in]), %%ymm7\n"
            "vmovdqa 256(%[in]), %%ymm8\n vmovdqa 288(%[in]), %%ymm9\n vmovdqa 320(%[in]), %%ymm10\n vmovdqa 352(%[in]), %%ymm11\n"
            "vmovdqa 384(%[in]), %%ymm12\n vmovdqa 416(%[in]), %%ymm13\n vmovdqa 448(%[in]), %%ymm14\n vmovdqa 480(%[in]), %%ymm15\n"
            "push %%rbx\n push %%rbp\n"
            "mov (%[general]), %%rbx\n mov 8(%[general]), %%rbp\n mov 16(%[general]), %%r12\n mov 24(%[general]), %%r13\n"
            "mov 32(%[general]), %%r14\n mov 40(%[general]), %%r15\n"
            "1: test %[calls], %[calls]\n jz 2f\n"
            "mov $110, %%eax\n syscall\n" /* getppid changes rax, rcx and r11 only */
            "2: dec %[loops]\n jnz 1b\n"
            "mov %%rbx, (%[got])\n mov %%rbp, 8(%[got])\n mov %%r12, 16(%[got])\n mov %%r13, 24(%[got])\n"
            "mov %%r14, 32(%[got])\n mov %%r15, 40(%[got])\n"
            "pop %%rbp\n pop %%rbx\n"
            "vmovdqa %%ymm0, (%[out])\n vmovdqa %%ymm1, 32(%[out])\n vmovdqa %%ymm2, 64(%[out])\n vmovdqa %%ymm3, 96(%[out])\n"
            "vmovdqa %%ymm4, 128(%[out])\n vmovdqa %%ymm5, 160(%[out])\n vmovdqa %%ymm6, 192(%[out])\n vmovdqa %%ymm7, 224(%[out])\n"
            "vmovdqa %%ymm8, 256(%[out])\n vmovdqa %%ymm9, 288(%[out])\n vmovdqa %%ymm10, 320(%[out])\n vmovdqa %%ymm11, 352(%[out])\n"
            "vmovdqa %%ymm12, 384(%[out])\n vmovdqa %%ymm13, 416(%[out])\n vmovdqa %%ymm14, 448(%[out])\n vmovdqa %%ymm15, 480(%[out])\n"
            "vzeroupper\n"
            : [loops] "+S"(loops)
            : [in] "D"(&in), [out] "d"(&out), [general] "r"(general_), [got] "r"(got_), [calls] "r"(calls_)
            : "rax", "rcx", "r11", "r12", "r13", "r14", "r15", "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
              "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
    else {
        out = in;
        memcpy(got, general, sizeof got);
    }
    __asm__ volatile("stmxcsr %0\n fnstcw %1" : "=m"(mxcsr_after), "=m"(x87_after));
    __asm__ volatile("ldmxcsr %0\n fldcw %1" ::"m"(mxcsr_before), "m"(x87_before));
    EXPECT(memcmp(&in, &out, sizeof in) == 0);
    for (int i = 0; i < 6; i++)
        if (general[i] != got[i])
            dprintf(1, "register %d of rbx, rbp, r12..r15, calls %d: %lx became %lx\n", i, calls, general[i], got[i]);
    EXPECT(memcmp(general, got, sizeof got) == 0);
    EXPECT((mxcsr_after & ~0x3f) == mxcsr); /* the low bits are sticky flags */
    EXPECT(x87_after == x87);
}

static __thread uint64_t own;

static void *registers(void *argument) {
    int avx = __builtin_cpu_supports("avx");
    uint64_t seed = (uintptr_t)argument * 0x9e3779b97f4a7c15ull + 1;
    own = seed;
    do {
        hold_registers(seed, avx, 300000, 0);
        hold_registers(seed + 1, avx, 50, 1);
        EXPECT(own == seed);
        own = seed = step(seed);
    } while (!stop);
    return NULL;
}

/* ---- memory: a checksum that depends on every store before */

static void *checksum(void *argument) {
    (void)argument;
    enum { WORDS = 1 << 15 };
    uint64_t *words = malloc(WORDS * sizeof *words);
    uint64_t reference = 0;
    do {
        uint64_t x = 88172645463325252ull, sum = 0;
        for (int i = 0; i < WORDS; i++)
            words[i] = x = step(x);
        for (int pass = 0; pass < 4; pass++)
            for (int i = 0; i < WORDS; i++)
                sum += words[i] = step(words[i] + sum);
        if (reference == 0)
            reference = sum;
        EXPECT(sum == reference);
    } while (!stop);
    dprintf(1, "checksum %016lx\n", reference);
    free(words);
    return NULL;
}

static void *mappings(void *argument) {
    (void)argument;
    do {
        uint8_t *area = mmap(NULL, 64 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        EXPECT(area != MAP_FAILED);
        for (int i = 0; i < 64; i++)
            area[i * 4096] = (uint8_t)i;
        EXPECT(mprotect(area, 32 * 4096, PROT_READ) == 0);
        for (int i = 0; i < 64; i++)
            EXPECT(area[i * 4096] == i && area[i * 4096 + 1] == 0);
        EXPECT(mprotect(area, 32 * 4096, PROT_READ | PROT_WRITE) == 0);
        area[5] = 1;
        EXPECT(munmap(area, 64 * 4096) == 0);
    } while (!stop);
    return NULL;
}

/* ---- signals: a timer interrupts a loop, its handler spoils every vector register */

static atomic_long ticks;

static void spoil(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)info, (void)context;
    __asm__ volatile("pcmpeqd %%xmm0,%%xmm0\n movdqa %%xmm0,%%xmm1\n movdqa %%xmm0,%%xmm7\n movdqa %%xmm0,%%xmm15" ::
                         : "xmm0", "xmm1", "xmm7", "xmm15");
    atomic_fetch_add(&ticks, 1);
}

static void *interrupted(void *argument) {
    (void)argument;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN};
    event._sigev_un._tid = (int)syscall(SYS_gettid);
    EXPECT(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    struct itimerspec often = {{0, 3000000}, {0, 3000000}};
    EXPECT(timer_settime(timer, 0, &often, NULL) == 0);
    int avx = __builtin_cpu_supports("avx");
    uint64_t seed = 77;
    do {
        hold_registers(seed, avx, 400000, 0);
        seed = step(seed);
    } while (!stop || ticks == 0);
    EXPECT(timer_delete(timer) == 0);
    return NULL;
}

/* ---- processes */

static void *processes(void *argument) {
    (void)argument;
    do {
        int ends[2];
        EXPECT(pipe(ends) == 0);
        uint64_t x = 12345, expected;
        pid_t child = fork();
        if (child == 0) {
            uint64_t result = x;
            for (int i = 0; i < 100000; i++)
                result = step(result);
            _exit(write(ends[1], &result, sizeof result) == sizeof result ? 23 : 1);
        }
        expected = x;
        for (int i = 0; i < 100000; i++)
            expected = step(expected);
        uint64_t result = 0;
        EXPECT(child > 0);
        EXPECT(read(ends[0], &result, sizeof result) == sizeof result);
        EXPECT(result == expected);
        int status = 0;
        EXPECT(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 23);
        close(ends[0]);
        close(ends[1]);
        char *command[] = {"true", NULL};
        EXPECT(posix_spawn(&child, "/bin/true", NULL, NULL, command, NULL) == 0);
        EXPECT(waitpid(child, &status, 0) == child && status == 0);
    } while (!stop);
    return NULL;
}

/* ---- waiting: futexes, pipes, clocks */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int turn;

static void *ping_pong(void *argument) {
    int me = (int)(intptr_t)argument;
    for (int round = 0;; round++) {
        pthread_mutex_lock(&mutex);
        while (turn != me && turn >= 0)
            pthread_cond_wait(&condition, &mutex);
        int over = turn < 0 || (stop && round > 0);
        turn = over ? -1 : 1 - me;
        pthread_cond_broadcast(&condition);
        pthread_mutex_unlock(&mutex);
        if (over)
            return NULL;
    }
}

static int tube[2];

static void *blocked_reader(void *argument) {
    (void)argument;
    uint32_t next = 0, word;
    while (read(tube[0], &word, sizeof word) == sizeof word)
        EXPECT(word == next++);
    return NULL;
}

static void *sleeper(void *argument) {
    (void)argument;
    struct timespec last = {0, 0}, now;
    do {
        struct timespec pause = {0, 5000000};
        clock_gettime(CLOCK_MONOTONIC, &last);
        EXPECT(nanosleep(&pause, NULL) == 0);
        clock_gettime(CLOCK_MONOTONIC, &now);
        EXPECT((now.tv_sec - last.tv_sec) * 1000000000L + now.tv_nsec - last.tv_nsec >= 5000000);
    } while (!stop);
    return NULL;
}

int main(void) {
    struct sigaction action = {.sa_sigaction = spoil, .sa_flags = SA_SIGINFO | SA_RESTART};
    EXPECT(sigaction(SIGRTMIN, &action, NULL) == 0);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    EXPECT(pipe(tube) == 0);
    void *(*const bodies[])(void *) = {registers, registers, checksum, mappings, interrupted, processes, ping_pong, ping_pong,
                                       blocked_reader, sleeper};
    enum { THREADS = sizeof bodies / sizeof bodies[0] };
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        EXPECT(pthread_create(&threads[i], NULL, bodies[i], (void *)(intptr_t)(i % 2)) == 0);
    printf("running\n");
    uint32_t word = 0;
    struct pollfd input = {.fd = 0, .events = POLLIN};
    char byte;
    for (;;) {
        EXPECT(write(tube[1], &word, sizeof word) == sizeof word);
        word++;
        if (poll(&input, 1, 10) > 0 && read(0, &byte, 1) <= 0)
            break;
    }
    stop = 1;
    close(tube[1]);
    for (int i = 0; i < THREADS; i++)
        EXPECT(pthread_join(threads[i], NULL) == 0);
    printf("%s\n", wrong ? "wrong" : "all right");
    return wrong != 0;
}
