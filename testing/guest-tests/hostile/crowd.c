/* crowd COUNT sleep|spin: so many children, all busy in that way; then process 1 leaves them behind. Says when they are there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
    int count = argc > 1 ? atoi(argv[1]) : 100, spin = argc > 2 && strcmp(argv[2], "spin") == 0, start[2], made = 0;
    char one;
    if (pipe(start) != 0) {
        return 1;
    }
    for (; made < count; made++) {
        pid_t pid = fork();
        if (pid < 0) {
            break;
        }
        if (pid == 0) {
            close(start[1]);
            read(start[0], &one, 1); /* until all are there: busy processes slow the making of others down */
            while (spin) {
                getppid();
            }
            for (;;) {
                pause();
            }
        }
    }
    printf("%d\n", made);
    fflush(stdout);
    close(start[1]);
    usleep(200000);
    return 7;
}
