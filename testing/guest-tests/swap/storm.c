/*
 * Processes come and go as fast as they can, in four threads: fork, fork of a fork, vfork and posix_spawn with a program, exec from a
 * thread that is not the leader. Each tells a number that depends on its input by all the ways it has: status, pipe, shared memory.
 * It ends when standard input does; each part does at least one round, and what is printed does not depend on how many.
 */
#include "../programs/check.h"
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

static atomic_int stop;
static atomic_int wrong;
static atomic_long *shared;
static char self[4096];

#define EXPECT(condition)                                                                                                     \
    do {                                                                                                                      \
        if (!(condition)) {                                                                                                   \
            atomic_fetch_add(&wrong, 1);                                                                                      \
            dprintf(1, "line %d: %s (errno %d)\n", __LINE__, #condition, errno);                                              \
        }                                                                                                                     \
    } while (0)

static int answer(int number) {
    uint32_t x = (uint32_t) number * 2654435761u + 1;
    for (int i = 0; i < 1000; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
    }
    return (int) (x % 200) + 1;
}

static void expect_status(pid_t child, int expected) {
    int status = -1;
    pid_t got;
    do
        got = waitpid(child, &status, 0);
    while (got < 0 && errno == EINTR);
    EXPECT(child > 0 && got == child);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == expected);
}

static void *forks(void *unused) {
    (void) unused;
    int number = 0;
    do {
        int ends[2];
        EXPECT(pipe(ends) == 0);
        pid_t child = fork();
        if (child == 0) {
            pid_t inner = fork();
            if (inner == 0) {
                atomic_fetch_add(shared, 1);
                int value = answer(number + 1);
                _exit(write(ends[1], &value, sizeof value) == sizeof value ? value : 0);
            }
            int status = -1;
            if (waitpid(inner, &status, 0) != inner || !WIFEXITED(status) || WEXITSTATUS(status) != answer(number + 1))
                _exit(0);
            _exit(answer(number));
        }
        int value = 0;
        close(ends[1]);
        EXPECT(read(ends[0], &value, sizeof value) == sizeof value && value == answer(number + 1));
        close(ends[0]);
        expect_status(child, answer(number));
        number++;
    } while (!stop);
    EXPECT(atomic_load(shared) == number);
    return NULL;
}

static void *vforks(void *unused) {
    (void) unused;
    int number = 1000;
    do {
        char text[16];
        snprintf(text, sizeof text, "%d", number);
        char *arguments[] = {self, "answer", text, NULL};
        pid_t child = vfork();
        if (child == 0) {
            execv(self, arguments);
            _exit(0);
        }
        expect_status(child, answer(number));
        number++;
    } while (!stop);
    return NULL;
}

static void *spawns(void *unused) {
    (void) unused;
    int number = 2000;
    do {
        char text[16];
        snprintf(text, sizeof text, "%d", number);
        char *arguments[] = {self, number % 2 ? "answer" : "thread", text, NULL};
        char *environment[] = {NULL};
        pid_t child = -1;
        EXPECT(posix_spawn(&child, self, NULL, NULL, arguments, environment) == 0);
        expect_status(child, answer(number));
        number++;
    } while (!stop);
    return NULL;
}

static void *killed(void *unused) {
    (void) unused;
    do {
        pid_t child = fork();
        if (child == 0)
            for (;;)
                atomic_fetch_add(shared + 1, 1);
        EXPECT(child > 0);
        long before = atomic_load(shared + 1);
        while (atomic_load(shared + 1) == before)
            sched_yield();
        EXPECT(kill(child, SIGKILL) == 0);
        int status = 0;
        EXPECT(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    } while (!stop);
    return NULL;
}

static void *executes(void *text) {
    char *arguments[] = {self, "answer", text, NULL};
    execv(self, arguments);
    _exit(0);
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "answer") == 0)
        return answer(atoi(argv[2]));
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length <= 0)
        return 1;
    if (argc == 3) {
        pthread_t thread;
        pthread_create(&thread, NULL, executes, argv[2]);
        for (;;)
            pause();
    }
    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    EXPECT(shared != MAP_FAILED);
    void *(*const bodies[])(void *) = {forks, vforks, spawns, killed};
    enum { THREADS = sizeof bodies / sizeof bodies[0] };
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        EXPECT(pthread_create(&threads[i], NULL, bodies[i], NULL) == 0);
    printf("running\n");
    fflush(stdout);
    char byte;
    while (read(0, &byte, 1) > 0) {
    }
    stop = 1;
    for (int i = 0; i < THREADS; i++)
        EXPECT(pthread_join(threads[i], NULL) == 0);
    printf("%s\n", wrong ? "wrong" : "all right");
    return wrong != 0;
}
