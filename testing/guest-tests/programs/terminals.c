/* The controlling terminal belongs to each process of the session: who gives it up, who inherits it, who never had it. */
#include "check.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

static int has_terminal(void) {
    int tty = open("/dev/tty", O_RDWR);
    if (tty < 0) return errno == ENXIO ? 0 : -1;
    close(tty);
    return 1;
}

/* tty_nr of /proc/self/stat. */
static int terminal_number(void) {
    char text[512];
    int file = open("/proc/self/stat", O_RDONLY), number = -1;
    long length = read(file, text, sizeof text - 1);
    close(file);
    text[length < 0 ? 0 : length] = 0;
    sscanf(strrchr(text, ')') + 1, " %*c %*d %*d %*d %d", &number);
    return number;
}

static int child(int (*body)(int), int argument) {
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        failures = 0;
        body(argument);
        _exit(failures);
    }
    waitpid(pid, &status, 0);
    return status;
}

static int sees_nothing(int unused) {
    (void)unused;
    CHECK(has_terminal() == 0 && terminal_number() == 0);
    return 0;
}

static int gives_up(int slave) {
    pid_t group;
    CHECK(has_terminal() == 1 && terminal_number() != 0);
    CHECK(ioctl(slave, TIOCGPGRP, &group) == 0 && group == getpgrp());
    CHECK(ioctl(slave, TIOCNOTTY) == 0);
    CHECK(has_terminal() == 0 && terminal_number() == 0);
    FAILS(ENOTTY, ioctl(slave, TIOCNOTTY));
    FAILS(ENOTTY, ioctl(slave, TIOCGPGRP, &group));
    FAILS(EPERM, ioctl(slave, TIOCSCTTY, 0));
    CHECK(child(sees_nothing, 0) == 0);
    return 0;
}

int main(void) {
    int ready[2], status;
    char byte = 0;
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    CHECK(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    pid_t leader = fork();
    if (leader == 0) {
        CHECK(setsid() == getpid());
        CHECK(has_terminal() == 0 && terminal_number() == 0);
        CHECK(pipe(ready) == 0);
        pid_t early = fork();
        if (early == 0) { /* forked before there was a terminal */
            CHECK(read(ready[0], &byte, 1) == 1);
            sees_nothing(0);
            _exit(failures);
        }
        int slave = open(ptsname(master), O_RDWR);
        CHECK(slave >= 0 && has_terminal() == 1 && terminal_number() != 0);
        CHECK(write(ready[1], &byte, 1) == 1 && waitpid(early, &status, 0) == early && status == 0);
        CHECK(child(gives_up, slave) == 0);
        CHECK(has_terminal() == 1); /* the child gave up its own only */
        signal(SIGHUP, SIG_IGN);
        CHECK(ioctl(slave, TIOCNOTTY) == 0 && has_terminal() == 0 && terminal_number() == 0);
        CHECK(child(sees_nothing, 0) == 0);
        CHECK(ioctl(slave, TIOCSCTTY, 0) == 0 && has_terminal() == 1);
        _exit(failures);
    }
    CHECK(waitpid(leader, &status, 0) == leader && status == 0);
    return finish();
}
