/* Forks until it may not any more: every process forks two, and all wait. The first one then ends the rest. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
    int refused[2];
    pid_t first;
    char one;
    if (pipe(refused) != 0) {
        return 1;
    }
    signal(SIGTERM, SIG_IGN);
    first = fork();
    if (first == 0) {
        setpgid(0, 0);
        for (;;) {
            pid_t pid = fork();
            if (pid < 0) {
                if (errno != EAGAIN) {
                    printf("fork: %s\n", strerror(errno));
                }
                write(refused[1], "x", 1);
                pause();
            }
        }
    }
    if (first < 0) {
        return 2;
    }
    for (int i = 0; i < 20; i++) {
        if (read(refused[0], &one, 1) != 1) {
            return 3;
        }
    }
    kill(-first, SIGKILL);
    waitpid(first, NULL, 0);
    printf("bounded\n");
    return 0;
}
