// The rows about files of bench/run: what whole pieces of work with files cost, seen by the guest. Prints "name<TAB>milliseconds" per row.
//
// usage: files GROUP MATERIAL WORK [TREE]
//
// MATERIAL is a directory that bench/run has filled (comparison/material.py), WORK an empty one for what the rows write, TREE what the group
// "walk" goes over. A group is one row, or several that belong together (a clone, then a checkout in it). What a row needs first is made before the
// clock starts; nothing that it leaves behind is removed, except by rows that measure that. Programs are found in PATH.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FILES 5000
#define READ_BYTES (256L << 20)
#define WRITE_BYTES (64L << 20)
#define RANDOM_READS 20000

static const char *material, *work, *tree;
static char buffer[1 << 16];

static void check(int ok, const char *what) {
    if (!ok) {
        fprintf(stderr, "files: %s: %s\n", what, strerror(errno));
        exit(1);
    }
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void report(const char *name, double since) {
    printf("%s\t%.3f\n", name, now() - since);
}

// Runs a program with its output thrown away and its input from a file.
static void run(const char *input, char *const command[]) {
    pid_t pid = fork();
    check(pid >= 0, "fork");
    if (pid == 0) {
        int in = open(input ? input : "/dev/null", O_RDONLY), out = open("/dev/null", O_WRONLY);
        check(in >= 0 && out >= 0 && dup2(in, 0) == 0 && dup2(out, 1) == 1, "open");
        execvp(command[0], command);
        check(0, command[0]);
    }
    int status;
    check(waitpid(pid, &status, 0) == pid, "waitpid");
    if (status != 0) {
        fprintf(stderr, "files: %s: status 0x%x\n", command[0], status);
        exit(1);
    }
}

#define RUN(...) run(NULL, (char *const[]) {__VA_ARGS__, NULL})

static char *path(const char *directory, const char *name) {
    char *joined;
    check(asprintf(&joined, "%s/%s", directory, name) > 0, "asprintf");
    return joined;
}

static void enter(const char *directory) {
    check(chdir(directory) == 0, directory);
}

// find_usr, find_usr_again
static void walk(void) {
    double start = now();
    RUN("find", (char *) tree, "-xdev", "-printf", "%s\n");
    report("find_usr", start);
    start = now();
    RUN("find", (char *) tree, "-xdev", "-printf", "%s\n");
    report("find_usr_again", start);
}

// walk_first, walk_again: a tree that bench/run has made
static void walk_tree(void) {
    char *made = path(material, "tree");
    double start = now();
    RUN("find", made, "-printf", "%s\n");
    report("walk_first", start);
    start = now();
    RUN("find", made, "-printf", "%s\n");
    report("walk_again", start);
}

static void many_files(void) {
    char name[64], other[64];
    struct stat st;
    enter(work);
    check(mkdir("many", 0755) == 0, "mkdir");
    enter("many");
    double start = now();
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "file-%05d", i);
        int fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0644);
        check(fd >= 0 && write(fd, name, 10) == 10 && close(fd) == 0, name);
    }
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "file-%05d", i);
        snprintf(other, sizeof other, "renamed-%05d", i);
        check(rename(name, other) == 0, name);
    }
    DIR *directory = opendir(".");
    check(directory != NULL, "opendir");
    int seen = 0;
    for (struct dirent *entry; (entry = readdir(directory));) {
        check(fstatat(dirfd(directory), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0, entry->d_name);
        seen += S_ISREG(st.st_mode) && st.st_size == 10;
    }
    closedir(directory);
    check(seen == FILES, "scan");
    for (int i = 0; i < FILES; i++) {
        snprintf(other, sizeof other, "renamed-%05d", i);
        check(unlink(other) == 0, other);
    }
    report("many_files", start);
}

static void read_through(int fd) {
    for (long left = READ_BYTES; left > 0; left -= sizeof buffer) {
        check(read(fd, buffer, sizeof buffer) == sizeof buffer, "read");
    }
}

// read_first, read_warm, read_random: of a file that was there before the sandbox
static void reads(void) {
    char *name = path(material, "data");
    int fd = open(name, O_RDONLY);
    check(fd >= 0, name);
    double start = now();
    read_through(fd);
    report("read_first", start);
    check(lseek(fd, 0, SEEK_SET) == 0, "lseek");
    start = now();
    read_through(fd);
    report("read_warm", start);
    uint64_t random = 88172645463325252u;
    start = now();
    for (int i = 0; i < RANDOM_READS; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        check(pread(fd, buffer, 4096, random % (READ_BYTES / 4096) * 4096) == 4096, "pread");
    }
    report("read_random", start);
}

static void write_sync(void) {
    enter(work);
    memset(buffer, 'x', sizeof buffer);
    double start = now();
    int fd = open("written", O_CREAT | O_EXCL | O_WRONLY, 0644);
    check(fd >= 0, "open");
    for (long left = WRITE_BYTES; left > 0; left -= sizeof buffer) {
        check(write(fd, buffer, sizeof buffer) == sizeof buffer, "write");
    }
    check(fsync(fd) == 0 && close(fd) == 0, "fsync");
    report("write_fsync", start);
}

static void git(void) {
    enter(work);
    char *repository = path(material, "repository.git");
    double start = now();
    RUN("git", "-c", "safe.directory=*", "clone", "-q", "--no-local", repository, "clone");
    report("git_clone", start);
    enter("clone");
    start = now();
    RUN("git", "checkout", "-q", "origin/other");
    report("git_checkout", start);
    start = now();
    RUN("git", "status");
    report("git_status", start);
}

static void untar(void) {
    enter(work);
    char *archive = path(material, "tree.tar");
    double start = now();
    RUN("tar", "xf", archive);
    report("untar", start);
    start = now();
    RUN("rm", "-r", "tree");
    report("rm_r", start);
}

static void sqlite(void) {
    enter(work);
    char *many = path(material, "transactions.sql"), *one = path(material, "inserts.sql");
    char *const command[] = {"sqlite3", "base", NULL};
    double start = now();
    run(many, command);
    report("sqlite_transactions", start);
    start = now();
    run(one, command);
    report("sqlite_inserts", start);
}

static void fio(void) {
    enter(work);
    double start = now();
    RUN("fio", "--name=mixed", "--filename=mixed", "--size=32m", "--rw=randrw", "--bs=4k", "--ioengine=psync", "--verify=crc32c", "--randseed=42",
        "--thread", "--end_fsync=1", "--output=/dev/null");
    report("fio_randrw", start);
}

static const struct group {
    const char *name;
    void (*run)(void);
} groups[] = {
    {"walk", walk},     {"walk_tree", walk_tree}, {"many_files", many_files}, {"reads", reads}, {"write_sync", write_sync},
    {"git", git},       {"untar", untar},         {"sqlite", sqlite},         {"fio", fio},
};

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: files GROUP MATERIAL WORK [TREE]\n");
        return 2;
    }
    material = argv[2];
    work = argv[3];
    tree = argc > 4 ? argv[4] : "/usr";
    setenv("HOME", work, 1);
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        if (!strcmp(argv[1], groups[i].name)) {
            groups[i].run();
            return 0;
        }
    }
    fprintf(stderr, "files: no group %s\n", argv[1]);
    return 2;
}
