/* futex(2): plain, bitset, requeue, wake-op, PI, robust lists, futex_waitv, deadlines, restarts, and a torture of each. */
#include "check.h"
#include <dirent.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#ifndef FUTEX_LOCK_PI2
#define FUTEX_LOCK_PI2 13
#endif
struct waitv { uint64_t val, uaddr; uint32_t flags, reserved; };

static long futex(void *word, int op, uint32_t value, const void *timeout, void *second, uint32_t third) {
    return syscall(SYS_futex, word, op, value, timeout, second, third);
}
static void pause_ms(int ms) { struct timespec t = {0, ms * 1000000L}; nanosleep(&t, NULL); }
static long long now_ns(clockid_t clock) { struct timespec t; clock_gettime(clock, &t); return t.tv_sec * 1000000000LL + t.tv_nsec; }
static struct timespec from_ns(long long ns) { return (struct timespec){ns / 1000000000, ns % 1000000000}; }

static _Atomic uint32_t word, second, turn;
static _Atomic int woken, waiting;

static void *waiter(void *bits) {
    atomic_fetch_add(&waiting, 1);
    long result = futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, NULL, NULL, (uint32_t)(uintptr_t)bits);
    if (result == 0) atomic_fetch_add(&woken, 1);
    return (void *)result;
}
static int is_asleep(const char *thread) {
    char path[80], line[200], state = 0;
    snprintf(path, sizeof path, "/proc/self/task/%s/status", thread);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file) && sscanf(line, "State: %c", &state) != 1) { }
    if (file) fclose(file);
    return state == 'S' || atoi(thread) == syscall(SYS_gettid);
}
/* All other threads are about to wait, and then they sleep. */
static void until_asleep(int count) {
    while (atomic_load(&waiting) < count) sched_yield();
    for (int awake = 1; awake; pause_ms(1)) {
        DIR *threads = opendir("/proc/self/task");
        awake = 0;
        for (struct dirent *entry; (entry = readdir(threads)) != NULL;) awake += entry->d_name[0] != '.' && !is_asleep(entry->d_name);
        closedir(threads);
    }
}
static void plain(void) {
    FAILS(EAGAIN, futex(&word, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0));
    FAILS(EINVAL, futex((char *)&word + 1, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0));
    FAILS(EFAULT, futex((void *)0x10, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0));
    FAILS(EFAULT, futex((void *)-4096, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0));
    FAILS(EINVAL, futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, NULL, NULL, 0));
    FAILS(EINVAL, futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 1, NULL, NULL, 0));
    FAILS(ENOSYS, futex(&word, 77, 0, NULL, NULL, 0));
    FAILS(ENOSYS, futex(&word, FUTEX_WAIT_PRIVATE | FUTEX_CLOCK_REALTIME, 0, NULL, NULL, 0));
    FAILS(EINVAL, futex(&word, FUTEX_WAIT_PRIVATE, 0, &(struct timespec){0, 1000000000}, NULL, 0));
    CHECK(futex(&word, FUTEX_WAKE_PRIVATE, 100, NULL, NULL, 0) == 0);
    long long start = now_ns(CLOCK_MONOTONIC);
    FAILS(ETIMEDOUT, futex(&word, FUTEX_WAIT_PRIVATE, 0, &(struct timespec){0, 20000000}, NULL, 0));
    CHECK(now_ns(CLOCK_MONOTONIC) - start >= 20000000);
    struct timespec at = from_ns(now_ns(CLOCK_MONOTONIC) + 20000000);
    FAILS(ETIMEDOUT, futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, &at, NULL, ~0u));
    CHECK(now_ns(CLOCK_MONOTONIC) >= at.tv_sec * 1000000000LL + at.tv_nsec);
    at = from_ns(now_ns(CLOCK_REALTIME) + 20000000);
    FAILS(ETIMEDOUT, futex(&word, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 0, &at, NULL, ~0u));
    CHECK(now_ns(CLOCK_REALTIME) >= at.tv_sec * 1000000000LL + at.tv_nsec);

    pthread_t threads[6];
    for (int i = 0; i < 6; i++) pthread_create(&threads[i], NULL, waiter, (void *)(uintptr_t)(i % 2 ? 2 : 1));
    until_asleep(6);
    CHECK(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 100, NULL, NULL, 4) == 0);
    CHECK(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 2, NULL, NULL, 2) == 2);
    FAILS(EAGAIN, futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)100, &second, 5));
    CHECK(futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)2, &second, 0) == 3);
    CHECK(futex(&second, FUTEX_WAKE_PRIVATE, 100, NULL, NULL, 0) == 2);
    CHECK(futex(&word, FUTEX_WAKE_PRIVATE, 100, NULL, NULL, 0) == 1);
    for (int i = 0; i < 6; i++) pthread_join(threads[i], NULL);
    CHECK(woken == 6);

    second = 5;
    CHECK(futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &second, FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 5)) == 0 && second == 8);
    CHECK(futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &second, FUTEX_OP((FUTEX_OP_OR | FUTEX_OP_OPARG_SHIFT), 4, FUTEX_OP_CMP_LT, 5)) == 0 && second == 24);
    CHECK(futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &second, FUTEX_OP(FUTEX_OP_ANDN, 8, FUTEX_OP_CMP_GE, -1)) == 0 && second == 16);
    FAILS(ENOSYS, futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &second, FUTEX_OP(FUTEX_OP_SET, 1, 9, 0)));
    second = 0;
}

/* A signal handler interrupts a wait: without deadline it goes on with SA_RESTART, with one it is EINTR. */
static void nothing(int signal) { (void)signal; }
static pthread_t main_thread;
static void *disturbs(void *flags) {
    pause_ms(30);
    pthread_kill(main_thread, SIGUSR1);
    pause_ms(60);
    if (flags) { word = 1; futex(&word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0); }
    return NULL;
}
static void interrupted(void) {
    pthread_t thread;
    struct sigaction action = {.sa_handler = nothing, .sa_flags = SA_RESTART};
    main_thread = pthread_self();
    sigaction(SIGUSR1, &action, NULL);
    word = 0;
    pthread_create(&thread, NULL, disturbs, (void *)1);
    CHECK(futex(&word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0) == 0 && word == 1);
    pthread_join(thread, NULL);
    word = 0;
    pthread_create(&thread, NULL, disturbs, NULL);
    FAILS(EINTR, futex(&word, FUTEX_WAIT_PRIVATE, 0, &(struct timespec){5, 0}, NULL, 0));
    pthread_join(thread, NULL);
    action.sa_flags = 0;
    sigaction(SIGUSR1, &action, NULL);
    pthread_create(&thread, NULL, disturbs, NULL);
    FAILS(EINTR, futex(&word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0));
    pthread_join(thread, NULL);
    /* An ignored stop and continue is no interruption: the wait with a deadline restarts and still times out. */
    pid_t pid = fork();
    if (pid == 0) {
        long long start = now_ns(CLOCK_MONOTONIC);
        long result = futex(&word, FUTEX_WAIT_PRIVATE, 0, &(struct timespec){0, 200000000}, NULL, 0);
        _exit(result == -1 && errno == ETIMEDOUT && now_ns(CLOCK_MONOTONIC) - start >= 200000000 ? 0 : 1);
    }
    pause_ms(50);
    int status;
    kill(pid, SIGSTOP);
    CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
    kill(pid, SIGCONT);
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

/* Shared between processes, private to each after fork. */
static void shared(void) {
    _Atomic uint32_t *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid = fork();
    int status;
    if (pid == 0) {
        while (page[1] == 0) sched_yield();
        page[0] = 1;
        while (futex((void *)&page[0], FUTEX_WAKE, 1, NULL, NULL, 0) == 0 && page[2] == 0) sched_yield();
        _exit(0);
    }
    page[1] = 1;
    while (page[0] == 0) futex((void *)&page[0], FUTEX_WAIT, 0, NULL, NULL, 0);
    page[2] = 1;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    munmap((void *)page, 4096);
}

/* Two threads hand a turn to each other. */
enum { ROUNDS = 2000 };
static void *second_player(void *unused) {
    for (uint32_t i = 0; i < ROUNDS; i++) {
        while (atomic_load(&turn) != 2 * i + 1) futex(&turn, FUTEX_WAIT_PRIVATE, 2 * i, NULL, NULL, 0);
        atomic_store(&turn, 2 * i + 2);
        futex(&turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    }
    return unused;
}
static void ping_pong(void) {
    pthread_t thread;
    turn = 0;
    pthread_create(&thread, NULL, second_player, NULL);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        atomic_store(&turn, 2 * i + 1);
        futex(&turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
        while (atomic_load(&turn) != 2 * i + 2) futex(&turn, FUTEX_WAIT_PRIVATE, 2 * i + 1, NULL, NULL, 0);
    }
    pthread_join(thread, NULL);
    CHECK(turn == 2 * ROUNDS);
}

/* A mutex of three states, a condition variable and a barrier under many threads: nobody stays asleep. */
static pthread_mutex_t mutex;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static long counter, produced, consumed;
static void *hammers(void *unused) {
    for (int i = 0; i < 500; i++) {
        pthread_mutex_lock(&mutex);
        long c = counter;
        if (i % 50 == 0) sched_yield();
        counter = c + 1;
        pthread_mutex_unlock(&mutex);
    }
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < 200; i++) {
        pthread_mutex_lock(&mutex);
        if ((long)unused % 2) {
            while (produced == consumed) pthread_cond_wait(&condition, &mutex);
            consumed++;
        } else {
            produced++;
            pthread_cond_signal(&condition);
        }
        pthread_mutex_unlock(&mutex);
    }
    return unused;
}
static void torture(int protocol) {
    pthread_mutexattr_t attributes;
    pthread_t threads[6];
    pthread_mutexattr_init(&attributes);
    CHECK(pthread_mutexattr_setprotocol(&attributes, protocol) == 0);
    pthread_mutex_init(&mutex, &attributes);
    pthread_barrier_init(&barrier, NULL, 6);
    counter = produced = consumed = 0;
    for (long i = 0; i < 6; i++) pthread_create(&threads[i], NULL, hammers, (void *)i);
    for (int i = 0; i < 6; i++) pthread_join(threads[i], NULL);
    CHECK(counter == 3000 && produced == 600 && consumed == 600);
    pthread_mutex_destroy(&mutex);
}

/* PI by hand. */
static _Atomic uint32_t lock;
static void *takes_lock(void *unused) {
    long result = futex(&lock, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0);
    uint32_t tid = syscall(SYS_gettid);
    CHECK(result == 0 && (lock & FUTEX_TID_MASK) == tid);
    pause_ms(10);
    CHECK(futex(&lock, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0);
    return unused;
}
static _Atomic int may_die;
static void *dies_with_lock(void *unused) {
    CHECK(futex(&lock, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0);
    while (!may_die) pause_ms(1);
    pause_ms(20);
    return unused;
}
static void priority_inheritance(void) {
    uint32_t tid = syscall(SYS_gettid);
    pthread_t threads[3];
    FAILS(EPERM, futex(&lock, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0));
    CHECK(futex(&lock, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0 && lock == tid);
    FAILS(EDEADLK, futex(&lock, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0));
    FAILS(EDEADLK, futex(&lock, FUTEX_TRYLOCK_PI_PRIVATE, 0, NULL, NULL, 0));
    for (int i = 0; i < 3; i++) pthread_create(&threads[i], NULL, takes_lock, NULL);
    for (int i = 0; i < 10000 && lock != (tid | FUTEX_WAITERS); i++) pause_ms(1);
    CHECK(lock == (tid | FUTEX_WAITERS));
    CHECK(futex(&lock, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0);
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    CHECK((lock & FUTEX_TID_MASK) == 0);
    lock = 0;
    /* A deadline of the real-time clock, and the owner's death. */
    pthread_create(&threads[0], NULL, dies_with_lock, NULL);
    while ((lock & FUTEX_TID_MASK) == 0) pause_ms(1);
    struct timespec at = from_ns(now_ns(CLOCK_REALTIME) + 10000000);
    FAILS(ETIMEDOUT, futex(&lock, FUTEX_LOCK_PI_PRIVATE, 0, &at, NULL, 0));
    may_die = 1;
    CHECK(futex(&lock, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0);
    CHECK((lock & FUTEX_TID_MASK) == tid);
    CHECK((lock & FUTEX_OWNER_DIED) != 0);
    pthread_join(threads[0], NULL);
    CHECK(futex(&lock, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0);
    lock = 0x3ffffffe; /* nobody */
    FAILS(ESRCH, futex(&lock, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0));
    lock = 0;
}

/* Condition waits that come back with a PI lock. */
static _Atomic uint32_t event;
static _Atomic int came_back;
static void *waits_for_event(void *unused) {
    uint32_t seen = event;
    atomic_fetch_add(&waiting, 1);
    long result = futex(&event, FUTEX_WAIT_REQUEUE_PI_PRIVATE, seen, NULL, &lock, 0);
    CHECK(result == 0 && (lock & FUTEX_TID_MASK) == (uint32_t)syscall(SYS_gettid));
    atomic_fetch_add(&came_back, 1);
    CHECK(futex(&lock, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0);
    return unused;
}
static void requeue_to_lock(void) {
    pthread_t threads[3];
    lock = event = waiting = 0;
    for (int i = 0; i < 3; i++) pthread_create(&threads[i], NULL, waits_for_event, NULL);
    until_asleep(3);
    CHECK(futex(&lock, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0);
    FAILS(EINVAL, futex(&event, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
    event = 1;
    FAILS(EAGAIN, futex(&event, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)100, &lock, 0));
    FAILS(EINVAL, futex(&event, FUTEX_CMP_REQUEUE_PI_PRIVATE, 2, (void *)100, &lock, 1));
    CHECK(futex(&event, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)100, &lock, 1) == 3);
    pause_ms(20);
    CHECK(came_back == 0);
    CHECK(futex(&lock, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0);
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    CHECK(came_back == 3);
    lock = 0;
}

/* A robust mutex whose owner dies, thread and process. */
static pthread_mutex_t *robust;
static void *dies_with_mutex(void *unused) { pthread_mutex_lock(robust); return unused; }
static void robust_lists(int shared_between) {
    pthread_mutexattr_t attributes;
    pthread_t thread;
    robust = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    if (shared_between) pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(robust, &attributes);
    pid_t pid = 0;
    if (shared_between) {
        pid = fork();
        if (pid == 0) { pthread_mutex_lock(robust); pause_ms(50); kill(getpid(), SIGKILL); }
        pause_ms(20);
    } else {
        pthread_create(&thread, NULL, dies_with_mutex, NULL);
        pthread_join(thread, NULL);
    }
    int result = pthread_mutex_lock(robust);
    CHECK(result == EOWNERDEAD);
    CHECK(pthread_mutex_consistent(robust) == 0 && pthread_mutex_unlock(robust) == 0);
    CHECK(pthread_mutex_lock(robust) == 0 && pthread_mutex_unlock(robust) == 0);
    if (pid) waitpid(pid, NULL, 0);
    munmap(robust, 4096);

    size_t length;
    void *head;
    CHECK(syscall(SYS_get_robust_list, 0, &head, &length) == 0 && length == 24 && head != NULL);
    FAILS(EINVAL, syscall(SYS_set_robust_list, head, 23));
    /* A list that never ends, and one that cannot be read, end with their thread. */
    pid = fork();
    if (pid == 0) {
        static struct { void *next; long offset; void *pending; } endless, entry;
        endless.next = &entry;
        entry.next = &entry;
        syscall(SYS_set_robust_list, &endless, 24);
        _exit(0);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    pid = fork();
    if (pid == 0) { syscall(SYS_set_robust_list, (void *)0x100, 24); _exit(0); }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static _Atomic uint32_t many[4];
static void *wakes_third(void *unused) {
    pause_ms(30);
    many[2] = 1;
    futex(&many[2], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    return unused;
}
static void waitv(void) {
    struct waitv vector[4];
    pthread_t thread;
    for (int i = 0; i < 4; i++) vector[i] = (struct waitv){0, (uintptr_t)&many[i], 2 | FUTEX_PRIVATE_FLAG, 0};
    if (syscall(449, vector, 4, 1, NULL, 0) == -1 && errno == ENOSYS) return;
    FAILS(EINVAL, syscall(449, vector, 0, 0, NULL, 0));
    FAILS(EINVAL, syscall(449, vector, 129, 0, NULL, 0));
    struct timespec at = from_ns(now_ns(CLOCK_MONOTONIC) + 10000000);
    FAILS(ETIMEDOUT, syscall(449, vector, 4, 0, &at, CLOCK_MONOTONIC));
    FAILS(EINVAL, syscall(449, vector, 4, 0, &at, CLOCK_BOOTTIME));
    pthread_create(&thread, NULL, wakes_third, NULL);
    CHECK(syscall(449, vector, 4, 0, NULL, 0) == 2);
    pthread_join(thread, NULL);
    vector[1].val = 9;
    FAILS(EAGAIN, syscall(449, vector, 4, 0, NULL, 0));
    vector[1].reserved = 1;
    FAILS(EINVAL, syscall(449, vector, 4, 0, NULL, 0));
}

int main(void) {
    plain();
    interrupted();
    shared();
    ping_pong();
    torture(PTHREAD_PRIO_NONE);
    torture(PTHREAD_PRIO_INHERIT);
    priority_inheritance();
    requeue_to_lock();
    robust_lists(0);
    robust_lists(1);
    waitv();
    return finish();
}
