/* Truncated and lying ELF files and #! lines: what execve says to each, and what becomes of the program when it says nothing.
 * The files come from a small program made here by hand, from a table of lies and from a generator with a fixed seed, which
 * a first argument replaces. Prints one line for each file. */
#include "check.h"
#include <elf.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/capability.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { PAGE = 4096, TEXT = PAGE, DATA = 2 * PAGE, FILE_BYTES = 2 * PAGE + 64, HEADERS = 5, BASE = 0x400000 };

static unsigned char image[4 * PAGE];
static char long_path[5000];

static Elf64_Ehdr *ehdr(void) { return (Elf64_Ehdr *)image; }
static Elf64_Phdr *phdr(int i) { return (Elf64_Phdr *)(image + sizeof(Elf64_Ehdr)) + i; }

/* exit_group(the first byte of the data segment plus one beyond what the file has of it, which is zero if the kernel cleared it). */
static const unsigned char CODE[] = {
    0x0f, 0xb6, 0x3d, 0xf9, 0x0f, 0x00, 0x00,       /* movzbl 0xff9(%rip),%edi */
    0x40, 0x02, 0x3d, 0xf2, 0x17, 0x00, 0x00,       /* add 0x17f2(%rip),%dil */
    0xb8, 0xe7, 0x00, 0x00, 0x00,                   /* mov $231,%eax */
    0x0f, 0x05};                                    /* syscall */

/* A program of two segments, with an interpreter's name if there is one. */
static void make(int type, const char *interpreter) {
    uint64_t base = type == ET_EXEC ? BASE : 0;
    memset(image, 0, sizeof image);
    memcpy(ehdr()->e_ident, "\177ELF\2\1\1", 7);
    ehdr()->e_type = type;
    ehdr()->e_machine = EM_X86_64;
    ehdr()->e_version = 1;
    ehdr()->e_entry = base + TEXT;
    ehdr()->e_phoff = sizeof(Elf64_Ehdr);
    ehdr()->e_ehsize = sizeof(Elf64_Ehdr);
    ehdr()->e_phentsize = sizeof(Elf64_Phdr);
    ehdr()->e_phnum = HEADERS;
    *phdr(0) = (Elf64_Phdr){.p_type = PT_PHDR, .p_flags = PF_R, .p_offset = 64, .p_vaddr = base + 64, .p_filesz = HEADERS * 56,
        .p_memsz = HEADERS * 56, .p_align = 8};
    *phdr(1) = (Elf64_Phdr){.p_type = PT_NULL};
    *phdr(2) = (Elf64_Phdr){.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = base, .p_filesz = TEXT + sizeof CODE,
        .p_memsz = TEXT + sizeof CODE, .p_align = PAGE};
    *phdr(3) = (Elf64_Phdr){.p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_offset = DATA, .p_vaddr = base + DATA, .p_filesz = 64,
        .p_memsz = 3 * PAGE, .p_align = PAGE};
    *phdr(4) = (Elf64_Phdr){.p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W, .p_align = 16};
    memcpy(image + TEXT, CODE, sizeof CODE);
    image[DATA] = 42;
    if (interpreter != NULL) {
        size_t length = strlen(interpreter) + 1;
        *phdr(1) = (Elf64_Phdr){.p_type = PT_INTERP, .p_flags = PF_R, .p_offset = 1024, .p_vaddr = base + 1024, .p_filesz = length,
            .p_memsz = length, .p_align = 1};
        memcpy(image + 1024, interpreter, length < 2048 ? length : 2048);
    }
}

static void store(const char *path, const void *bytes, size_t length) {
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT, 0755);
    if (fd < 0 || write(fd, bytes, length) != (ssize_t)length || close(fd) != 0) {
        perror(path);
        exit(1);
    }
}

/* Executes a file in a child and prints what happened. */
static void try(const char *what, const char *path) {
    int ends[2], error = 0, status;
    pipe2(ends, O_CLOEXEC);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        prctl(PR_CAPBSET_DROP, CAP_SYS_RAWIO); /* mappings below mmap_min_addr */
        alarm(100);
        execve(path, (char *[]){"zero", "one", NULL}, (char *[]){"A=b", NULL});
        error = errno;
        write(ends[1], &error, sizeof error);
        _exit(0);
    }
    close(ends[1]);
    read(ends[0], &error, sizeof error);
    close(ends[0]);
    waitpid(pid, &status, 0);
    if (error != 0) {
        printf("%s: %s\n", what, strerror(error));
    } else if (WIFSIGNALED(status)) {
        printf("%s: killed by %d\n", what, WTERMSIG(status));
    } else {
        printf("%s: exit %d\n", what, WEXITSTATUS(status));
    }
}

static void try_image(const char *what, size_t length) {
    store("program", image, length);
    try(what, "./program");
}

static const uint64_t LIES[] = {0, 1, 2, 3, 4, 7, 55, 57, 63, 64, 120, 0x7f, 0xff, 0x100, 0xfff, 0x1000, 0x1001, FILE_BYTES - 1, FILE_BYTES,
    FILE_BYTES + 1, 0x7fff, 0xffff, 0x10000, 0x400000, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 1ULL << 46, (1ULL << 47) - 0x1000,
    1ULL << 47, 1ULL << 62, 1ULL << 63, ~0ULL - 0xfff, ~0ULL - 63, ~0ULL};

struct field {
    const char *name;
    int offset, bytes;
};

#define EHDR(name) {#name, offsetof(Elf64_Ehdr, name), sizeof(((Elf64_Ehdr *)0)->name)}
#define PHDR(name) {#name, offsetof(Elf64_Phdr, name), sizeof(((Elf64_Phdr *)0)->name)}
static const struct field FILE_FIELDS[] = {EHDR(e_type), EHDR(e_machine), EHDR(e_version), EHDR(e_phoff), EHDR(e_shoff), EHDR(e_flags),
    EHDR(e_ehsize), EHDR(e_phentsize), EHDR(e_phnum), {"ident 0", 0, 1}, {"ident 3", 3, 1}, {"class", 4, 1}, {"order", 5, 1}};
static const struct field SEGMENT_FIELDS[] = {PHDR(p_type), PHDR(p_offset), PHDR(p_vaddr), PHDR(p_paddr), PHDR(p_filesz), PHDR(p_memsz),
    PHDR(p_align)};

static uint64_t fits(uint64_t value, int bytes) { return bytes == 8 ? value : value & ((1ULL << 8 * bytes) - 1); }

/* Every lie in every field of the file header. */
static void lies_in_header(int type) {
    char what[200];
    const char *kind = type == ET_EXEC ? "fixed" : "movable";
    for (size_t f = 0; f < sizeof FILE_FIELDS / sizeof *FILE_FIELDS; f++) {
        for (size_t i = 0; i < sizeof LIES / sizeof *LIES; i++) {
            if (fits(LIES[i], FILE_FIELDS[f].bytes) == LIES[i]) {
                make(type, NULL);
                memcpy(image + FILE_FIELDS[f].offset, &LIES[i], FILE_FIELDS[f].bytes);
                snprintf(what, sizeof what, "%s %s %#lx", kind, FILE_FIELDS[f].name, LIES[i]);
                try_image(what, FILE_BYTES);
            }
        }
    }
}

/* Every lie in every field of some program headers. */
static void lies_in_segments(int type, const char *interpreter, int first, int last) {
    char what[200];
    const char *kind = type == ET_EXEC ? "fixed" : "movable";
    for (int segment = first; segment <= last; segment++) {
        for (size_t f = 0; f < sizeof SEGMENT_FIELDS / sizeof *SEGMENT_FIELDS; f++) {
            for (size_t i = 0; i < sizeof LIES / sizeof *LIES; i++) {
                if (fits(LIES[i], SEGMENT_FIELDS[f].bytes) == LIES[i]) {
                    make(type, interpreter);
                    memcpy((char *)phdr(segment) + SEGMENT_FIELDS[f].offset, &LIES[i], SEGMENT_FIELDS[f].bytes);
                    snprintf(what, sizeof what, "%s segment %d %s %#lx", kind, segment, SEGMENT_FIELDS[f].name, LIES[i]);
                    try_image(what, FILE_BYTES);
                }
            }
        }
    }
}

static void truncated(void) {
    static const int LENGTHS[] = {0, 1, 2, 3, 4, 5, 16, 17, 31, 32, 52, 56, 63, 64, 65, 119, 120, 200, 256, 343, 344, 345, 1023, 1024, 1030, PAGE - 1,
        PAGE, PAGE + 1, PAGE + 30, DATA - 1, DATA, DATA + 1, DATA + 63};
    char what[100];
    for (size_t i = 0; i < sizeof LENGTHS / sizeof *LENGTHS; i++) {
        for (int type = ET_EXEC; type <= ET_DYN; type++) {
            make(type, NULL);
            snprintf(what, sizeof what, "type %d cut to %d", type, LENGTHS[i]);
            try_image(what, LENGTHS[i]);
            make(type, "./interpreter");
            snprintf(what, sizeof what, "type %d with interpreter cut to %d", type, LENGTHS[i]);
            try_image(what, LENGTHS[i]);
        }
    }
}

/* Random bytes in the headers; xorshift64*. */
static void random_lies(uint64_t seed, int count) {
    uint64_t state = seed | 1;
    char what[100];
    for (int i = 0; i < count; i++) {
        make(i % 2 ? ET_EXEC : ET_DYN, NULL);
        for (int changes = 1 + i % 3; changes > 0; changes--) {
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            uint64_t value = state * 0x2545f4914f6cdd1dULL;
            unsigned at = value % (64 + HEADERS * 56);
            /* Where the entry point leads to is the program's affair: it would run random bytes. */
            if (at < 24 || at >= 32) {
                image[at] = value >> 32;
            }
        }
        snprintf(what, sizeof what, "random %d", i);
        try_image(what, FILE_BYTES);
    }
}

static void interpreters(void) {
    make(ET_DYN, NULL);
    image[DATA] = 43;
    store("interpreter", image, FILE_BYTES);
    make(ET_EXEC, "./interpreter");
    try_image("interpreter", FILE_BYTES);
    make(ET_DYN, "./interpreter");
    try_image("interpreter of a movable program", FILE_BYTES);
    *phdr(4) = *phdr(1);
    try_image("two interpreters", FILE_BYTES);
    static const char *const PATHS[] = {"", "/", ".", "/nonexistent", "/etc/passwd", "/etc/passwd/x", "./script", "./loop", "./short", "./secret", "./bad", "program"};
    store("script", "#!/bin/sh\n", 10);
    store("short", "\177ELF", 4);
    store("secret", "x", 1);
    chmod("secret", 0600);
    symlink("loop", "loop");
    make(ET_DYN, NULL);
    ehdr()->e_machine = EM_ARM;
    store("bad", image, FILE_BYTES);
    for (size_t i = 0; i < sizeof PATHS / sizeof *PATHS; i++) {
        char what[100];
        make(ET_DYN, PATHS[i]);
        snprintf(what, sizeof what, "interpreter '%s'", PATHS[i]);
        try_image(what, FILE_BYTES);
    }
    make(ET_DYN, "./interpreter");
    phdr(1)->p_filesz--;
    try_image("interpreter without its end", FILE_BYTES);
    make(ET_DYN, "./interpreter");
    phdr(1)->p_filesz = PAGE;
    try_image("interpreter with room", FILE_BYTES);
    phdr(1)->p_filesz = PAGE + 1;
    try_image("interpreter too long", FILE_BYTES);
    make(ET_DYN, "./interpreter");
    for (size_t i = 0; i < sizeof LIES / sizeof *LIES; i++) {
        for (size_t f = 0; f < sizeof SEGMENT_FIELDS / sizeof *SEGMENT_FIELDS; f++) {
            char what[100];
            if (fits(LIES[i], SEGMENT_FIELDS[f].bytes) == LIES[i]) {
                make(ET_DYN, NULL);
                memcpy((char *)phdr(3) + SEGMENT_FIELDS[f].offset, &LIES[i], SEGMENT_FIELDS[f].bytes);
                store("interpreter", image, FILE_BYTES);
                make(ET_DYN, "./interpreter");
                snprintf(what, sizeof what, "interpreter's %s %#lx", SEGMENT_FIELDS[f].name, LIES[i]);
                try_image(what, FILE_BYTES);
            }
        }
    }
}

static void try_script(const char *what, const char *text, size_t length) {
    store("script", text, length);
    try(what, "./script");
}

static void scripts(void) {
    static const char *const LINES[] = {"#!", "#!\n", "#! \n", "#!\t\n", "#! \t", "#!/nonexistent\n", "#!./show\n", "#!./show", "#! ./show\n", "#!\t./show  \t\n",
        "#!./show one\n", "#!./show  one  two \n", "#!./show one\ttwo\t\n", "#!./show\r\n", "#!/\n", "#!/etc/passwd\n", "#!./loop\n", "#!./show \n",
        "#!show\n", "#!nonexistent\n", "# !./show\n", "", "\n", "echo\n", "#", "\177EL", "MZ", "#!./script\n", "#!./secret\n", "#!/etc/passwd/x\n"};
    char text[600], what[100];
    for (size_t i = 0; i < sizeof LINES / sizeof *LINES; i++) {
        snprintf(what, sizeof what, "line %zu", i);
        try_script(what, LINES[i], strlen(LINES[i]));
    }
    try_script("zero in the path", "#!./sh\0ow one\n", 14);
    try_script("zero in the argument", "#!./show o\0e\n", 13);
    try_script("zero after the path", "#!./show\0one\n", 13);
    /* The first 256 bytes count; a path that is cut is an error, an argument that is cut is not. */
    for (int length = 250; length <= 262; length++) {
        memset(text, '/', sizeof text);
        memcpy(text, "#!.", 3);
        memcpy(text + length - 4, "show", 4);
        text[length] = '\n';
        snprintf(what, sizeof what, "path to %d", length);
        try_script(what, text, length + 1);
        try_script("without newline", text, length);
        text[length] = ' ';
        try_script("with a blank", text, length + 10);
        memset(text, 'a', sizeof text);
        memcpy(text, "#!./show ", 9);
        text[length] = '\n';
        snprintf(what, sizeof what, "argument to %d", length);
        try_script(what, text, length + 20);
    }
    /* A script of a script: four times, and no more. */
    store("s0", "#!./show\n", 9);
    for (int i = 1; i < 8; i++) {
        char name[10];
        snprintf(name, sizeof name, "s%d", i);
        store(name, text, snprintf(text, sizeof text, "#!./s%d arg%d\n", i - 1, i));
        snprintf(what, sizeof what, "%d scripts", i + 1);
        snprintf(name, sizeof name, "./s%d", i);
        try(what, name);
    }
    for (int mode = 0; mode < 01000; mode += 0111) {
        store("script", "#!./show\n", 9);
        chmod("script", mode);
        snprintf(what, sizeof what, "mode %o", mode);
        try(what, "./script");
    }
    memset(long_path, 'x', sizeof long_path - 1);
    try("no path", "");
    try("a directory", ".");
    try("long name", long_path + sizeof long_path - 300);
    try("long path", long_path);
    try("loop", "./loop");
    try("through a file", "./script/x");
    mkfifo("fifo", 0777);
    try("fifo", "./fifo");
    try("device", "/dev/null");
    int busy = open("show", O_WRONLY);
    try("open for writing", "./show");
    try("interpreter open for writing", "./s0");
    close(busy);
    try("closed again", "./show");
}

static void remove_all(const char *directory) {
    static const char *const NAMES[] = {"program", "interpreter", "script", "short", "secret", "bad", "loop", "show", "fifo", "s0", "s1", "s2", "s3", "s4",
        "s5", "s6", "s7"};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        unlink(NAMES[i]);
    }
    chdir("/");
    rmdir(directory);
}

int main(int argc, char **argv) {
    char directory[] = "/tmp/exec-files-XXXXXX", *self = realpath("/proc/self/exe", NULL);
    static char copy[1 << 20];
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 20250;
    if (strstr(basename(strdup(argv[0])), "show") != NULL || (argc > 1 && strcmp(argv[1], "one") == 0)) {
        printf("  %d:", argc);
        for (int i = 0; i < argc; i++) {
            printf(" '%s'", argv[i]);
        }
        printf("\n");
        return 9;
    }
    int fd = open(self, O_RDONLY);
    ssize_t bytes = read(fd, copy, sizeof copy);
    close(fd);
    if (mkdtemp(directory) == NULL || chdir(directory) != 0) {
        perror(directory);
        return 1;
    }
    store("show", copy, bytes);
    make(ET_EXEC, NULL);
    try_image("as it should be", FILE_BYTES);
    make(ET_DYN, NULL);
    try_image("as it should be, movable", FILE_BYTES);
    interpreters();
    lies_in_header(ET_EXEC);
    lies_in_header(ET_DYN);
    lies_in_segments(ET_EXEC, NULL, 2, 3);
    lies_in_segments(ET_DYN, NULL, 2, 2);
    lies_in_segments(ET_DYN, "./interpreter", 1, 1);
    truncated();
    random_lies(seed, 200);
    scripts();
    remove_all(directory);
    return finish();
}
