/* fuzz SEED SECONDS: children issue random system calls with random arguments, alone and in threads, each for a short while.
 * Not for a real machine: it may signal, unmount and unlink what it finds. Prints what the parent saw and exits 0 unless a child
 * could not be reaped. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { NUMBERS = 470, CALLS_PER_CHILD = 1500, CHILD_MS = 700, TICK_MS = 10, QUIET_MS = 60, ARENA = 64 * 1024 };

static unsigned char *arena; /* readable and writable, random bytes; an unmapped page follows */
static unsigned char *readonly;

/* xorshift64*: the same seed gives the same calls in the same thread. */
static __thread uint64_t state;
static uint64_t next(void) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545f4914f6cdd1dULL;
}
static uint64_t below(uint64_t limit) { return next() % limit; }

/* Calls that would end the run instead of testing it. */
static int excluded(int nr, int threads) {
    switch (nr) {
    case SYS_exit:
    case SYS_exit_group: /* nothing to see */
    case SYS_rt_sigreturn: /* a random frame; children die at once */
    case SYS_pause:
    case SYS_rt_sigsuspend:
    case SYS_kill: /* -1 reaches the parent; tgkill is left in */
    case SYS_rt_sigqueueinfo:
    case SYS_pidfd_send_signal:
    case SYS_reboot:
    case SYS_vfork:
        return 1;
    case SYS_fork: /* bounded by RLIMIT_NPROC for ordinary users only */
    case SYS_clone:
    case SYS_clone3:
        return threads || below(8) != 0;
    case SYS_execve:
    case SYS_execveat:
        return threads;
    case SYS_munmap: /* the program's own text soon goes: seldom enough to see the rest too */
    case SYS_mprotect:
    case SYS_mremap:
    case SYS_brk:
    case SYS_arch_prctl:
        return below(4) != 0;
    default:
        return 0;
    }
}

/* Calls that may name another process leave the parent alone. */
static int spares_parent(int nr, const uint64_t *a) {
    int64_t parent = getppid();
    switch (nr) {
    case SYS_tkill:
    case SYS_tgkill:
    case SYS_rt_tgsigqueueinfo:
    case SYS_prlimit64:
    case SYS_ptrace:
    case SYS_process_vm_writev:
    case SYS_setpriority:
    case SYS_sched_setscheduler:
    case SYS_sched_setparam:
    case SYS_sched_setattr:
        return (int)a[0] != parent && (int)a[1] != parent && (int)a[0] != 1 && (int)a[1] != 1;
    default:
        return 1;
    }
}

static const char *const PATHS[] = {"/", ".", "/tmp", "/etc/passwd", "/proc/self/mem", "/proc/self/maps", "/proc/self/fd/0",
    "/dev/null", "/dev/zero", "/dev/tty", "/dev/ptmx", "/nonexistent/x", "", "f", "d", "d/e", "s", "loop", "p", "/proc/1/status",
    "/proc/self/task", "/sys", "/dev/full", "/dev/shm/x", "/proc/sys/kernel/hostname", "/proc/self/exe"};
static const int64_t NUMBERS_OF_INTEREST[] = {0, 1, -1, 2, 3, 4, 7, 8, 16, 63, 64, 65, 127, 128, 255, 256, 511, 512, 1023, 1024,
    4095, 4096, 4097, 65535, 65536, INT_MAX, (int64_t)INT_MAX + 1, INT_MIN, UINT_MAX, (int64_t)UINT_MAX + 1, LONG_MAX, LONG_MIN,
    0x7ffffffff000, 0x7fffffffffff, 0x800000000000, 1LL << 46, 1LL << 40, -4095, -4096, O_CREAT | O_RDWR, O_TMPFILE | O_RDWR,
    O_PATH, AT_FDCWD, 0x5401, 0x5413, 0x541b, 0x5421, 0x8914, 0x80047601};

static uint64_t argument(void) {
    switch (below(16)) {
    case 0: return below(4);
    case 1: return below(64);
    case 2: return NUMBERS_OF_INTEREST[below(sizeof NUMBERS_OF_INTEREST / sizeof NUMBERS_OF_INTEREST[0])];
    case 3:
    case 4: return below(24); /* a descriptor, often an open one */
    case 5:
    case 6:
    case 7: return (uintptr_t)arena + below(ARENA); /* a structure of random bytes */
    case 8: return (uintptr_t)arena + ARENA - below(64); /* one that ends in an unmapped page */
    case 9: return (uintptr_t)readonly + below(4096);
    case 10: {
        char *path = (char *)arena + below(ARENA - 64);
        strcpy(path, PATHS[below(sizeof PATHS / sizeof PATHS[0])]);
        return (uintptr_t)path;
    }
    case 11: return 1ULL << below(64);
    case 12: return (1ULL << below(64)) - 1 + below(3);
    case 13: return 0xffff800000000000ULL | next() >> 20; /* the kernel's half, and holes in the address space */
    case 14: return below(2) ? next() : next() >> 16;
    default: {
        /* small integers in a structure: counts, lengths, addresses of other structures */
        uint64_t *words = (uint64_t *)((uintptr_t)(arena + below(ARENA - 256)) & ~7UL);
        for (int i = 0; i < 8; i++) {
            words[i] = below(3) == 0 ? (uintptr_t)arena + below(ARENA) : below(3) == 0 ? next() : below(100);
        }
        return (uintptr_t)words;
    }
    }
}

static void furnish(void) {
    int pipes[2], sockets[2];
    mkdir("d", 0777);
    close(open("f", O_RDWR | O_CREAT, 0666));
    symlink("f", "s");
    symlink("loop", "loop");
    mkfifo("p", 0666);
    open("f", O_RDWR);
    open("d", O_RDONLY | O_DIRECTORY);
    open("/proc/self", O_PATH);
    pipe2(pipes, O_NONBLOCK);
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sockets);
    socket(AF_UNIX, SOCK_DGRAM, 0);
    socket(AF_INET, SOCK_STREAM, 0);
    epoll_create1(0);
    eventfd(3, EFD_NONBLOCK);
    timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    memfd_create("m", MFD_ALLOW_SEALING);
    open("/dev/ptmx", O_RDWR | O_NOCTTY);
    open("/dev/zero", O_RDWR);
    open("/proc/self/maps", O_RDONLY);
    open("/proc", O_RDONLY | O_DIRECTORY);
}

static int has_threads;
static volatile uint64_t *issued; /* shared with the parent: how many calls there were */

/* Interrupts whatever waits; a child that had its time ends. */
static void tick(int number) {
    static volatile int ticks;
    (void)number;
    if (++ticks > CHILD_MS / TICK_MS) {
        _exit(0);
    }
}

static void *calls(void *seed) {
    state = (uintptr_t)seed | 1;
    for (int i = 0; i < CALLS_PER_CHILD; i++) {
        int nr = (int)below(NUMBERS);
        uint64_t a[6];
        for (int j = 0; j < 6; j++) {
            a[j] = argument();
        }
        if (excluded(nr, has_threads) || !spares_parent(nr, a)) {
            continue;
        }
        pid_t before = getpid();
        __atomic_fetch_add(issued, 1, __ATOMIC_RELAXED);
        syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
        if (syscall(SYS_getpid) != before) {
            _exit(0); /* a child of fork or clone: one level is enough */
        }
    }
    return NULL;
}

static void child(uint64_t seed) {
    for (int i = 1; i < NSIG; i++) {
        signal(i, SIG_DFL);
    }
    struct itimerval timer = {.it_interval = {.tv_usec = TICK_MS * 1000}, .it_value = {.tv_usec = TICK_MS * 1000}};
    struct sigaction interrupt = {.sa_handler = tick};
    char directory[64];
    snprintf(directory, sizeof directory, "fuzz-%d", getpid());
    mkdir(directory, 0777);
    chdir(directory);
    state = seed | 1;
    for (int i = 0; i < ARENA; i += 8) {
        *(uint64_t *)(arena + i) = next();
    }
    /* No child prints: random bytes on a terminal or in the test's output help nobody. */
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(null, 1);
    dup2(null, 2);
    furnish();
    if (below(2)) { /* as an ordinary user the other checks come first */
        struct rlimit few = {60, 60};
        setrlimit(RLIMIT_NPROC, &few);
        setresgid(1000, 1000, 1000);
        setresuid(1000, 1000, 1000);
    }
    sigaction(SIGALRM, &interrupt, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
    has_threads = below(3) == 0;
    if (has_threads) {
        pthread_t other[3];
        for (int i = 0; i < 3; i++) {
            pthread_create(&other[i], NULL, calls, (void *)(uintptr_t)(seed * 31 + i));
        }
    }
    calls((void *)(uintptr_t)seed);
    _exit(0);
}

/* Reaps one child. Random calls may have blocked SIGALRM or stopped its timer, so a child that gets nowhere is killed. */
/*
 * Waits for a child, and kills it when it is late, stopped or does nothing. It may have made us the tracer of its threads: those
 * have to be waited for as well before it can end, ptrace(2).
 */
static int reap(pid_t pid, int *status) {
    uint64_t seen = 0;
    int quiet = 0;
    for (int ms = 0; ms < 10000; ms += 2) {
        pid_t changed;
        int is_stopped = 0;
        while ((changed = waitpid(-1, status, WNOHANG | WUNTRACED | __WALL)) > 0) {
            if (changed == pid && !WIFSTOPPED(*status)) {
                return 1;
            }
            is_stopped |= WIFSTOPPED(*status);
        }
        quiet = *issued == seen ? quiet + 2 : 0;
        seen = *issued;
        if (is_stopped || (ms >= CHILD_MS && ms % 100 == 0) || (quiet >= QUIET_MS && quiet % QUIET_MS == 0)) {
            kill(pid, SIGKILL);
        }
        if (ms >= 5000 && ms % 1000 == 0 && getpid() == 1) {
            kill(-1, SIGKILL); /* some other process of ours may be its tracer */
        }
        usleep(2000);
    }
    return 0;
}

int main(int argc, char **argv) {
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    int seconds = argc > 2 ? atoi(argv[2]) : 10;
    int children = 0, exited = 0, killed = 0;
    char root[] = "/tmp/fuzz-XXXXXX";
    struct timespec start, now;

    if (mkdtemp(root) == NULL || chdir(root) != 0 || chmod(root, 0777) != 0) {
        perror(root);
        return 1;
    }
    arena = mmap(NULL, ARENA + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(arena + ARENA, 4096);
    issued = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    readonly = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int i = 1; i < NSIG; i++) {
        if (i != SIGCHLD) {
            signal(i, SIG_IGN); /* F_SETOWN and the like */
        }
    }
    do {
        int status;
        uint64_t mine = (seed * 1000003 + (uint64_t)children) * 0x9e3779b97f4a7c15ULL;
        fflush(stdout);
        pid_t pid = fork();
        if (pid == 0) {
            setpgid(0, 0); /* signals to its group, or to 0, stay with it */
            child(mine);
        }
        if (pid < 0) {
            perror("fork");
            return 1;
        }
        children++;
        if (!reap(pid, &status)) {
            printf("child %d of seed %llu does not end\n", children, (unsigned long long)seed);
            return 2;
        }
        kill(-pid, SIGKILL);
        WIFEXITED(status) ? exited++ : killed++;
        while (waitpid(-1, &status, WNOHANG | __WALL) > 0) {
        }
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec - start.tv_sec < seconds);
    fprintf(stderr, "%d children: %d exited, %d killed; %llu calls\n", children, exited, killed, (unsigned long long)*issued);
    printf("survived\n");
    return 0;
}
