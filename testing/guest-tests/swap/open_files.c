/*
 * Keeps files of all kinds open in the working directory while an operator changes the root filesystem below, and looks again and again
 * whether each is as it was left. Ends when there is a file named "stop". Prints one line a kind, or what was wrong.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static atomic_int ending;

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            printf("line %d, round %d: %s (errno %d)\n", __LINE__, rounds, #condition, errno); \
            fflush(stdout); \
            _exit(1); \
        } \
    } while (0)

static _Thread_local int rounds;

static void nap(void) {
    struct timespec time = {0, 2000000};
    nanosleep(&time, NULL);
}

static int create(const char *name, const char *text) {
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t) strlen(text));
    return fd;
}

/* Offsets, shared ones too, positions, appending, truncation. */
static void *offsets(void *unused) {
    (void) unused;
    int fd = create("offsets", "0123456789");
    int shared = dup(fd);
    int appending = open("offsets.log", O_WRONLY | O_CREAT | O_APPEND | O_TRUNC, 0600);
    int reading = open("offsets.log", O_RDONLY);
    CHECK(appending >= 0 && reading >= 0);
    long size = 0;
    while (!ending) {
        rounds++;
        char c, line[32], back[32];
        CHECK(lseek(fd, rounds % 10, SEEK_SET) == rounds % 10);
        nap();
        CHECK(read(shared, &c, 1) == 1 && c == '0' + rounds % 10);
        CHECK(lseek(fd, 0, SEEK_CUR) == rounds % 10 + 1);
        int length = sprintf(line, "round %d\n", rounds);
        CHECK(write(appending, line, length) == length);
        nap();
        CHECK(read(reading, back, length) == length && memcmp(line, back, length) == 0);
        size += length;
        struct stat status;
        CHECK(fstat(reading, &status) == 0 && status.st_size == size);
        CHECK((fcntl(appending, F_GETFL) & (O_APPEND | O_ACCMODE)) == (O_APPEND | O_WRONLY));
        if (rounds % 64 == 0) {
            CHECK(ftruncate(appending, 0) == 0 && lseek(reading, 0, SEEK_SET) == 0);
            size = 0;
        }
    }
    return "offsets";
}

/* Files that are the same by number, unlinked ones, and renamed ones. */
static void *names(void *unused) {
    (void) unused;
    struct stat first, now;
    int fd = create("names", "kept");
    CHECK(fstat(fd, &first) == 0);
    int unlinked = create("names.gone", "gone but here");
    CHECK(unlink("names.gone") == 0);
    int path = open("names", O_PATH);
    CHECK(path >= 0);
    char from[16] = "names", to[16];
    while (!ending) {
        rounds++;
        char text[16];
        CHECK(fstat(fd, &now) == 0 && now.st_ino == first.st_ino && now.st_dev == first.st_dev);
        CHECK(stat(from, &now) == 0 && now.st_ino == first.st_ino && now.st_dev == first.st_dev);
        CHECK(fstat(path, &now) == 0 && now.st_ino == first.st_ino);
        nap();
        CHECK(pread(unlinked, text, 16, 0) == 13 && memcmp(text, "gone but here", 13) == 0);
        CHECK(pwrite(unlinked, "gone", 4, 0) == 4);
        sprintf(to, "names%d", rounds % 8);
        CHECK(rename(from, to) == 0);
        strcpy(from, to);
        nap();
        CHECK(pread(fd, text, 4, 0) == 4 && memcmp(text, "kept", 4) == 0);
        if (rounds % 16 == 0) {
            close(unlinked);
            unlinked = create("names.gone", "gone but here");
            CHECK(unlink("names.gone") == 0);
        }
    }
    return "names";
}

/* Half-read directories and working directories. */
static void *directories(void *unused) {
    (void) unused;
    enum { FILES = 300 };
    char name[64];
    CHECK(unshare(CLONE_FS) == 0);
    CHECK(mkdir("listed", 0755) == 0 && mkdir("listed/below", 0755) == 0);
    for (int i = 0; i < FILES; i++) {
        sprintf(name, "listed/entry%d", i);
        close(create(name, ""));
    }
    CHECK(chdir("listed/below") == 0);
    while (!ending) {
        rounds++;
        int seen[FILES] = {0}, count = 0;
        int directory = open("..", O_RDONLY | O_DIRECTORY);
        CHECK(directory >= 0);
        char buffer[2048]; /* a few entries at a time */
        for (long length; (length = syscall(SYS_getdents64, directory, buffer, sizeof buffer)) != 0;) {
            CHECK(length > 0);
            for (long at = 0; at < length; count++) {
                struct dirent64 *entry = (struct dirent64 *) (buffer + at);
                int number;
                if (sscanf(entry->d_name, "entry%d", &number) == 1) {
                    CHECK(seen[number]++ == 0);
                }
                at += entry->d_reclen;
            }
            nap();
        }
        CHECK(count == FILES + 3);
        close(directory);
        struct stat status;
        CHECK(stat("../entry7", &status) == 0 && stat("../../offsets", &status) == 0);
        nap();
    }
    return "directories";
}

/* Record locks and flock(2), one of them waited for. */
static void *locks(void *unused) {
    (void) unused;
    int fd = create("locked", "0");
    int turns[2];
    CHECK(pipe(turns) == 0);
    pid_t other = fork();
    CHECK(other >= 0);
    if (other == 0) {
        char c;
        dup2(turns[0], 0);
        close_range(3, ~0U, 0); /* what the other threads have open */
        int mine = open("locked", O_RDWR);
        while (read(0, &c, 1) == 1) {
            CHECK(flock(mine, LOCK_EX) == 0); /* waits for the parent */
            c = 0;
            CHECK(pread(mine, &c, 1, 0) == 1 && c == '1');
            CHECK(pwrite(mine, "0", 1, 0) == 1);
            CHECK(flock(mine, LOCK_UN) == 0);
        }
        _exit(0);
    }
    close(turns[0]);
    int own = open("locked", O_RDWR);
    struct flock record = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 5};
    CHECK(fcntl(own, F_OFD_SETLK, &record) == 0);
    while (!ending) {
        rounds++;
        char c = '1';
        CHECK(flock(fd, LOCK_EX) == 0);
        CHECK(write(turns[1], &c, 1) == 1);
        nap();
        CHECK(pread(fd, &c, 1, 0) == 1 && c == '0'); /* the child has not got it */
        CHECK(pwrite(fd, "1", 1, 0) == 1);
        CHECK(flock(fd, LOCK_UN) == 0);
        do {
            nap();
            CHECK(pread(fd, &c, 1, 0) == 1);
        } while (c != '0' && !ending);
        struct flock asked = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0};
        CHECK(fcntl(fd, F_OFD_GETLK, &asked) == 0 && asked.l_type == F_WRLCK && asked.l_start == 10 && asked.l_len == 5);
    }
    close(turns[1]);
    int status;
    CHECK(waitpid(other, &status, 0) == other && status == 0);
    return "locks";
}

/* FIFOs, their opens that wait, and sockets with a name. */
static atomic_int taken;

static void *writer(void *unused) {
    (void) unused;
    for (int i = 0; !ending; i++) {
        int fd = open("fifo", O_WRONLY);
        CHECK(fd >= 0);
        nap();
        if (ending) {
            break;
        }
        CHECK(write(fd, &i, sizeof i) == sizeof i);
        close(fd);
        while (taken <= i && !ending) {
            nap(); /* else the reader of this round could get what is for the next one */
        }
    }
    return NULL;
}

static void *pipes(void *unused) {
    (void) unused;
    pthread_t other;
    CHECK(pthread_create(&other, NULL, writer, NULL) == 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    int listening = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(bind(listening, (struct sockaddr *) &address, sizeof address) == 0 && listen(listening, 5) == 0);
    int expected = 0;
    while (!ending) {
        rounds++;
        int fd = open("fifo", O_RDONLY), got = -1; /* each waits for the other */
        CHECK(fd >= 0);
        ssize_t length = read(fd, &got, sizeof got);
        if (ending) {
            break;
        }
        CHECK(length == sizeof got && got == expected);
        length = read(fd, &got, 1); /* waits for the writer to close */
        if (ending) {
            break; /* what was read may be what lets go those who wait */
        }
        CHECK(length == 0);
        close(fd);
        taken = ++expected;
        int client = socket(AF_UNIX, SOCK_STREAM, 0);
        CHECK(connect(client, (struct sockaddr *) &address, sizeof address) == 0);
        int server = accept(listening, NULL, NULL);
        char c = 0;
        CHECK(server >= 0 && write(client, "x", 1) == 1);
        nap();
        CHECK(read(server, &c, 1) == 1 && c == 'x');
        close(client);
        close(server);
    }
    pthread_join(other, NULL);
    return "pipes";
}

/* Mappings: shared with two of them and a futex inside, private ones with copies. */
static void *mappings(void *unused) {
    (void) unused;
    int fd = create("mapped", "");
    CHECK(ftruncate(fd, 64 << 10) == 0);
    int other = open("mapped", O_RDWR);
    int *one = mmap(NULL, 64 << 10, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    int *two = mmap(NULL, 64 << 10, PROT_READ, MAP_SHARED, other, 0);
    int *own = mmap(NULL, 64 << 10, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    CHECK(one != MAP_FAILED && two != MAP_FAILED && own != MAP_FAILED);
    close(other);
    pid_t waiting = fork();
    CHECK(waiting >= 0);
    if (waiting == 0) {
        close_range(3, ~0U, 0);
        for (int turn = 0;; turn++) {
            while (*(volatile int *) (one + 1) == turn) {
                syscall(SYS_futex, one + 1, FUTEX_WAIT, turn, NULL, NULL, 0);
            }
            if (one[1] < 0) {
                _exit(0);
            }
            one[2] = one[1];
            syscall(SYS_futex, one + 2, FUTEX_WAKE, 1, NULL, NULL, 0);
        }
    }
    own[5000] = 42;
    while (!ending) {
        rounds++;
        int back;
        one[0] = rounds;
        one[9000 % (16 << 10)] = ~rounds;
        nap();
        CHECK(two[0] == rounds && two[9000] == ~rounds);
        CHECK(pread(fd, &back, sizeof back, 0) == sizeof back && back == rounds);
        CHECK(pwrite(fd, &rounds, sizeof rounds, 40000) == sizeof rounds);
        nap();
        CHECK(one[10000] == rounds && own[5000] == 42);
        one[1] = rounds;
        syscall(SYS_futex, one + 1, FUTEX_WAKE, 1, NULL, NULL, 0);
        while (*(volatile int *) (one + 2) != rounds) {
            syscall(SYS_futex, one + 2, FUTEX_WAIT, rounds - 1, NULL, NULL, 0);
        }
    }
    one[1] = -1;
    syscall(SYS_futex, one + 1, FUTEX_WAKE, 1, NULL, NULL, 0);
    int status;
    CHECK(waitpid(waiting, &status, 0) == waiting && status == 0);
    return "mappings";
}

/* Watches: each change is told once. */
static void *watches(void *unused) {
    (void) unused;
    int watcher = inotify_init1(IN_NONBLOCK);
    CHECK(mkdir("watched", 0755) == 0);
    int fd = create("watched/file", "");
    int directory = inotify_add_watch(watcher, "watched", IN_CREATE | IN_DELETE);
    int file = inotify_add_watch(watcher, "watched/file", IN_MODIFY);
    CHECK(directory > 0 && file > 0);
    while (!ending) {
        rounds++;
        char buffer[512];
        CHECK(write(fd, "x", 1) == 1);
        nap();
        close(create("watched/new", ""));
        nap();
        CHECK(unlink("watched/new") == 0);
        ssize_t length = read(watcher, buffer, sizeof buffer);
        CHECK(length > 0);
        unsigned masks[8];
        int count = 0;
        for (ssize_t at = 0; at < length;) {
            struct inotify_event *event = (struct inotify_event *) (buffer + at);
            CHECK(count < 8 && event->wd == (event->mask & IN_MODIFY ? file : directory));
            masks[count++] = event->mask;
            at += sizeof *event + event->len;
        }
        CHECK(count == 3 && masks[0] == IN_MODIFY && masks[1] == IN_CREATE && masks[2] == IN_DELETE);
    }
    return "watches";
}

/* Many files at once, opened and closed all the time. */
static void *crowd(void *unused) {
    (void) unused;
    enum { FILES = 100 };
    int fds[FILES];
    char name[32], text[32];
    CHECK(mkdir("crowd", 0755) == 0);
    for (int i = 0; i < FILES; i++) {
        sprintf(name, "crowd/%d", i);
        sprintf(text, "file %d", i);
        fds[i] = create(name, text);
    }
    while (!ending) {
        int i = ++rounds % FILES;
        char back[32] = {0};
        sprintf(name, "crowd/%d", i);
        sprintf(text, "file %d", i);
        CHECK(pread(fds[i], back, 32, 0) == (ssize_t) strlen(text) && strcmp(text, back) == 0);
        close(fds[i]);
        if (rounds % 3 == 0) {
            nap();
        }
        fds[i] = open(name, i % 2 == 0 ? O_RDWR : O_RDONLY);
        CHECK(fds[i] >= 0);
    }
    return "crowd";
}

int main(void) {
    void *(*all[])(void *) = {offsets, names, directories, locks, pipes, mappings, watches, crowd};
    enum { COUNT = sizeof all / sizeof all[0] };
    pthread_t threads[COUNT];
    CHECK(mkfifo("fifo", 0600) == 0); /* at the end it is opened, even if its thread has not run until then */
    for (int i = 0; i < COUNT; i++) {
        CHECK(pthread_create(&threads[i], NULL, all[i], NULL) == 0);
    }
    puts("running");
    fflush(stdout);
    while (access("stop", F_OK) != 0) {
        nap();
    }
    struct timespec rest = {0, 300000000};
    nanosleep(&rest, NULL);
    ending = 1;
    int last = open("fifo", O_RDWR | O_NONBLOCK); /* lets those go who wait for each other */
    CHECK(last >= 0 && write(last, "last", 4) == 4);
    for (int i = 0; i < COUNT; i++) {
        void *name;
        CHECK(pthread_join(threads[i], &name) == 0);
        puts(name);
    }
    return 0;
}
