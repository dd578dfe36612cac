/* execve(2): arguments, scripts, errors, what survives; resource limits. */
#include "check.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int run(char *const argv[], char *const envp[]) {
    int status;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        execve(argv[0], argv, envp);
        _exit(100 + (errno == ENOENT) + 2 * (errno == EACCES) + 3 * (errno == ENOEXEC) + 4 * (errno == ELOOP) + 5 * (errno == E2BIG));
    }
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}
static void script(const char *path, const char *text, int mode) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0700);
    CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    chmod(path, mode);
}
static void *executes(void *path) {
    execl(path, path, "thread", NULL);
    return NULL;
}

int main(int argc, char **argv, char **envp) {
    char self[4096], root[] = "/tmp/caisson-exec-XXXXXX", big[200000];
    self[readlink("/proc/self/exe", self, sizeof self - 1)] = 0;
    if (argc > 1 && strcmp(argv[1], "thread") == 0) return syscall(SYS_gettid) == getpid() ? 44 : 45;
    if (argc > 1 && strcmp(argv[1], "state") == 0) {
        sigset_t mask;
        struct sigaction ignored, handled;
        sigprocmask(SIG_BLOCK, NULL, &mask);
        sigaction(SIGUSR1, NULL, &ignored);
        sigaction(SIGUSR2, NULL, &handled);
        return (fcntl(77, F_GETFD) == -1) + 2 * (fcntl(78, F_GETFD) != -1) + 4 * sigismember(&mask, SIGINT)
               + 8 * (ignored.sa_handler == SIG_IGN) + 16 * (handled.sa_handler == SIG_DFL) + 32 * (envp[0] != NULL && strcmp(envp[0], "K=V") == 0);
    }
    CHECK(mkdtemp(root) && chdir(root) == 0);
    char *env[] = {"K=V", NULL};
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGINT);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    signal(SIGUSR1, SIG_IGN);
    signal(SIGUSR2, (void (*)(int))main);
    int null = open("/dev/null", O_RDONLY);
    dup3(null, 77, O_CLOEXEC);
    dup2(null, 78);
    CHECK(run((char *[]){self, "state", NULL}, env) == 63);
    script("s1", "#!/bin/sh -e\nexit $(($# + 10))\n", 0755);
    CHECK(run((char *[]){"./s1", "x", "y", NULL}, env) == 12);
    script("s2", "#!./s1 option\n", 0755);
    CHECK(run((char *[]){"./s2", "x", NULL}, env) == 13);
    script("loop", "#!./loop\n", 0755);
    CHECK(run((char *[]){"./loop", NULL}, env) == 104);
    script("none", "#!/nonexistent\n", 0755);
    CHECK(run((char *[]){"./none", NULL}, env) == 101);
    script("garbage", "garbage\n", 0755);
    CHECK(run((char *[]){"./garbage", NULL}, env) == 103);
    script("empty", "", 0755);
    CHECK(run((char *[]){"./empty", NULL}, env) == 103);
    script("closed", "#!/bin/sh\n", 0644);
    CHECK(run((char *[]){"./closed", NULL}, env) == 102);
    CHECK(run((char *[]){"/tmp", NULL}, env) == 102);
    CHECK(run((char *[]){"./missing", NULL}, env) == 101);
    memset(big, 'b', sizeof big);
    big[sizeof big - 1] = 0;
    CHECK(run((char *[]){"./s1", big, NULL}, env) == 105);
    big[100000] = 0;
    CHECK(run((char *[]){"./s1", big, NULL}, env) == 11);

    /* Lying headers. */
    char elf[4096];
    int in = open(self, O_RDONLY);
    CHECK(read(in, elf, sizeof elf) == sizeof elf);
    for (int i = 0; i < 400; i++) {
        char bad[4096];
        memcpy(bad, elf, sizeof bad);
        unsigned seed = i * 2654435761u;
        for (int k = 0; k < 4; k++) { seed = seed * 1103515245 + 12345; bad[16 + (seed >> 8) % 600] = seed >> 20; }
        int fd = open("bad", O_WRONLY | O_CREAT | O_TRUNC, 0755);
        CHECK(write(fd, bad, 64 + seed % 4000) > 0);
        close(fd);
        pid_t pid = fork();
        if (pid == 0) {
            struct rlimit cpu = {1, 1}, core = {0, 0};
            setrlimit(RLIMIT_CPU, &cpu);
            setrlimit(RLIMIT_CORE, &core);
            int quiet = open("/dev/null", O_WRONLY);
            dup2(quiet, 1);
            dup2(quiet, 2);
            execve("./bad", (char *[]){"bad", "state", NULL}, env);
            _exit(1);
        }
        int status;
        waitpid(pid, &status, 0);
    }

    pid_t pid = fork();
    int status;
    if (pid == 0) {
        pthread_t thread;
        pthread_create(&thread, NULL, executes, self);
        pause();
        _exit(1);
    }
    waitpid(pid, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 44);

    /* Limits hold. */
    struct rlimit limit = {10, 10};
    pid = fork();
    if (pid == 0) {
        CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
        while (open("/dev/null", O_RDONLY) >= 0) {}
        _exit(errno == EMFILE ? failures : 1);
    }
    waitpid(pid, &status, 0);
    CHECK(status == 0);
    pid = fork();
    if (pid == 0) {
        limit = (struct rlimit){1000, 1000};
        setrlimit(RLIMIT_FSIZE, &limit);
        signal(SIGXFSZ, SIG_IGN);
        int fd = open("limited", O_WRONLY | O_CREAT, 0600);
        CHECK(write(fd, big, 2000) == 1000);
        FAILS(EFBIG, write(fd, big, 1));
        _exit(failures);
    }
    waitpid(pid, &status, 0);
    CHECK(status == 0);
    pid = fork();
    if (pid == 0) {
        limit = (struct rlimit){64 << 20, 64 << 20};
        setrlimit(RLIMIT_AS, &limit);
        FAILS(ENOMEM, mmap(NULL, 128 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        _exit(failures);
    }
    waitpid(pid, &status, 0);
    CHECK(status == 0);
    pid = fork();
    if (pid == 0) {
        CHECK(setgid(4242) == 0 && setuid(4242) == 0);
        limit = (struct rlimit){5, 5};
        setrlimit(RLIMIT_NPROC, &limit);
        int made = 0;
        while ((pid = fork()) > 0) made++;
        if (pid == 0) { pause(); _exit(0); }
        CHECK(errno == EAGAIN && made == 4);
        signal(SIGTERM, SIG_IGN);
        kill(-1, SIGTERM);
        kill(-1, SIGKILL);
        _exit(failures);
    }
    waitpid(pid, &status, 0);
    FAILS(EINVAL, setrlimit(99, &limit));
    limit = (struct rlimit){10, 5};
    FAILS(EINVAL, setrlimit(RLIMIT_NOFILE, &limit));
    char name[16];
    CHECK(prctl(PR_SET_NAME, "a name that is too long") == 0 && prctl(PR_GET_NAME, name) == 0 && strcmp(name, "a name that is ") == 0);
    FAILS(EINVAL, prctl(99999));
    return finish();
}
