/*
 * Runs from the root filesystem with all its libraries, while an operator changes that below. For each line of input it uses what it has mapped
 * already, and maps, starts and opens more: pages of a library that nobody touched yet, another library, itself in a new process, and files
 * by its working directory and by a root directory of its own. Prints one line each time.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            printf("line %d, round %d: %s (errno %d)\n", __LINE__, rounds, #condition, errno); \
            fflush(stdout); \
            _exit(1); \
        } \
    } while (0)

static int rounds;
extern const char *page_of_library(int number); /* in libearly.so: one of 64 pages, with its number at its start */

static int read_number(const char *path) {
    char text[16] = {0};
    int fd = open(path, O_RDONLY);
    CHECK(fd >= 0 && read(fd, text, sizeof text - 1) > 0);
    close(fd);
    return atoi(text);
}

/* Has a root of its own; answers each byte with one. */
static void jailed(int orders, int answers) {
    char c, path[64];
    CHECK(chroot("jail") == 0 && chdir("/below") == 0);
    int kept = open("number", O_RDONLY);
    CHECK(kept >= 0);
    while (read(orders, &c, 1) == 1) {
        rounds++;
        CHECK(getcwd(path, sizeof path) != NULL && strcmp(path, "/below") == 0);
        CHECK(read_number("number") == 43 && read_number("/below/number") == 43);
        CHECK(access("../../../below", F_OK) == 0 && access("/libearly.so", F_OK) != 0);
        CHECK(pread(kept, path, 2, 0) == 2 && path[0] == '4');
        CHECK(write(answers, &c, 1) == 1);
    }
    _exit(0);
}

int main(int count, char **words) {
    char line[16], path[64];
    if (count > 1) {
        return page_of_library(atoi(words[1]))[0] == atoi(words[1]) ? 0 : 1;
    }
    int orders[2], answers[2];
    CHECK(pipe(orders) == 0 && pipe(answers) == 0);
    pid_t other = fork();
    CHECK(other >= 0);
    if (other == 0) {
        close(orders[1]);
        jailed(orders[0], answers[1]);
    }
    CHECK(chdir("inside") == 0);
    puts("running");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL) {
        rounds++;
        CHECK(page_of_library(rounds)[0] == rounds);
        sprintf(path, "%s/liblate%d.so", LIBRARIES, rounds);
        void *late = dlopen(path, RTLD_NOW);
        CHECK(late != NULL);
        int (*function)(int) = (int (*)(int)) dlsym(late, "late");
        CHECK(function != NULL && function(rounds) == rounds + 1000);
        CHECK(getcwd(path, sizeof path) != NULL && strcmp(path, WORK "/inside") == 0);
        CHECK(read_number("number") == 42);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            sprintf(path, "%d", rounds + 16);
            execl("/proc/self/exe", "again", path, NULL);
            _exit(99);
        }
        int status;
        CHECK(waitpid(child, &status, 0) == child && status == 0);
        char c = 'x';
        CHECK(write(orders[1], &c, 1) == 1 && read(answers[0], &c, 1) == 1);
        printf("round %d\n", rounds);
        fflush(stdout);
    }
    close(orders[1]);
    int status;
    CHECK(waitpid(other, &status, 0) == other && status == 0);
    puts("end");
    return 0;
}
