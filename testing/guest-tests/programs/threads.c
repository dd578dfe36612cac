/* Threads, futexes, robust and priority-inheriting mutexes, thread-local storage, exit of threads. */
#include "check.h"
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int turn, sum;
static __thread int local = 5;
static atomic_int running;

static void *adds(void *argument) {
    running++;
    local += (int)(long)argument;
    for (int i = 0; i < 1000; i++) {
        pthread_mutex_lock(&mutex);
        sum++;
        pthread_mutex_unlock(&mutex);
    }
    return (void *)(long)local;
}
static void *takes_turns(void *argument) {
    int me = (int)(long)argument;
    for (int i = 0; i < 200; i++) {
        pthread_mutex_lock(&mutex);
        while (turn != me) pthread_cond_wait(&changed, &mutex);
        turn = !me;
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}
static long futex(void *word, int op, int value, const void *timeout, void *word2, int value3) {
    return syscall(SYS_futex, word, op, value, timeout, word2, value3);
}
static void *dies_with_lock(void *lock) { pthread_mutex_lock(lock); return NULL; }
static void *sleeps(void *unused) { pause(); return unused; }

int main(void) {
    pthread_t threads[100];
    for (long i = 0; i < 100; i++) CHECK(pthread_create(&threads[i], NULL, adds, (void *)i) == 0);
    for (long i = 0; i < 100; i++) {
        void *result;
        CHECK(pthread_join(threads[i], &result) == 0 && (long)result == 5 + i);
    }
    CHECK(sum == 100000 && local == 5 && running == 100);
    for (long i = 0; i < 2; i++) pthread_create(&threads[i], NULL, takes_turns, (void *)i);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);

    int word = 1;
    FAILS(EAGAIN, futex(&word, FUTEX_WAIT, 2, NULL, NULL, 0));
    struct timespec soon = {.tv_nsec = 10000000};
    FAILS(ETIMEDOUT, futex(&word, FUTEX_WAIT, 1, &soon, NULL, 0));
    FAILS(EINVAL, futex((char *)&word + 1, FUTEX_WAIT, 1, NULL, NULL, 0));
    FAILS(EFAULT, futex((void *)8, FUTEX_WAIT, 1, NULL, NULL, 0));
    FAILS(ENOSYS, futex(&word, 77, 1, NULL, NULL, 0));
    FAILS(EINVAL, futex(&word, FUTEX_WAIT, 1, &(struct timespec){.tv_nsec = 1000000000}, NULL, 0));
    FAILS(EINVAL, futex(&word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0));
    CHECK(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0) == 0);

    /* Shared between processes. */
    int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid = fork();
    if (pid == 0) {
        while (futex(shared, FUTEX_WAIT, 0, NULL, NULL, 0) == -1 && errno == EINTR) {}
        _exit(*shared);
    }
    struct timespec pause_time = {.tv_nsec = 100000000};
    nanosleep(&pause_time, NULL);
    *shared = 3;
    futex(shared, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 3);

    /* A robust mutex tells of its owner's death. */
    pthread_mutexattr_t attributes;
    pthread_mutex_t robust;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&robust, &attributes);
    pthread_create(&threads[0], NULL, dies_with_lock, &robust);
    pthread_join(threads[0], NULL);
    CHECK(pthread_mutex_lock(&robust) == EOWNERDEAD && pthread_mutex_consistent(&robust) == 0 && pthread_mutex_unlock(&robust) == 0);
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
    pthread_mutex_t inheriting;
    pthread_mutex_init(&inheriting, &attributes);
    CHECK(pthread_mutex_lock(&inheriting) == 0 && pthread_mutex_unlock(&inheriting) == 0);

    /* exit_group ends sleeping threads; the status is that of the call. */
    pid = fork();
    if (pid == 0) {
        for (int i = 0; i < 10; i++) pthread_create(&threads[i], NULL, sleeps, NULL);
        exit(6);
    }
    CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 6);
    /* The leader may go first. */
    pid = fork();
    if (pid == 0) {
        pthread_create(&threads[0], NULL, adds, NULL);
        pthread_exit(NULL);
    }
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    /* execve from a thread leaves one thread with the leader's id. */
    CHECK(syscall(SYS_gettid) == getpid());
    /* Cancellation. */
    pthread_create(&threads[0], NULL, sleeps, NULL);
    pthread_cancel(threads[0]);
    void *result;
    CHECK(pthread_join(threads[0], &result) == 0 && result == PTHREAD_CANCELED);
    cpu_set_t set;
    CHECK(sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) >= 1);
    return finish();
}
