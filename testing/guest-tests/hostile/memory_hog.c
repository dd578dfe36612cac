/* Takes memory until there is no more, in several ways. touch: dies of it. The others print what they got: an error, not a crash. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static void touch(void) {
    for (;;) {
        char *chunk = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (chunk == MAP_FAILED) {
            exit(3);
        }
        memset(chunk, 1, 1 << 20);
    }
}

/* Children die, the parent lives: each shares the parent's pages until it writes. */
static int forks(void) {
    char *shared = malloc(8 << 20);
    int status, killed = 0;
    memset(shared, 1, 8 << 20);
    for (int i = 0; i < 3; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            touch();
        }
        if (pid < 0 || waitpid(pid, &status, 0) != pid) {
            return 4;
        }
        killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    }
    return killed == 3 && shared[1 << 20] == 1 ? 0 : 5;
}

static int tmpfs(void) {
    static char block[1 << 16];
    int fd = open("/dev/shm/hog", O_RDWR | O_CREAT, 0600), error = 0;
    memset(block, 1, sizeof block);
    for (int i = 0; i < 1 << 15 && error == 0; i++) {
        if (write(fd, block, sizeof block) < 0) {
            error = errno;
        }
    }
    unlink("/dev/shm/hog");
    close(fd);
    return error == ENOSPC || error == ENOMEM ? 0 : 6;
}

static int pipes(void) {
    static char block[1 << 16];
    int ends[2], made = 0;
    while (made < 4000 && pipe2(ends, O_NONBLOCK) == 0) {
        fcntl(ends[0], F_SETPIPE_SZ, 1 << 20);
        if (write(ends[1], block, sizeof block) < 0) {
            break;
        }
        made++;
    }
    return made > 10 ? 0 : 7;
}

int main(int argc, char **argv) {
    const char *how = argc > 1 ? argv[1] : "touch";
    if (strcmp(how, "fork") == 0) {
        return forks();
    }
    if (strcmp(how, "tmpfs") == 0) {
        return tmpfs();
    }
    if (strcmp(how, "pipes") == 0) {
        return pipes();
    }
    touch();
    return 0;
}
