/*
 * What the processor refuses, faults on every kind of access, single steps: signal, code, address and place, as a handler sees them, and
 * that the state around them is whole. Values that depend on the processor are compared with a native run by what is printed.
 */
#include "check.h"
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>

static sigjmp_buf back;
static volatile int seen_signal, seen_code;
static void *volatile seen_address;
static volatile long seen_error, seen_trap;
static uint64_t volatile seen_rip, seen_rbx, seen_r12, seen_flags, handler_flags;

static void on_signal(int signal, siginfo_t *info, void *context) {
    greg_t *registers = ((ucontext_t *) context)->uc_mcontext.gregs;
    uint64_t flags;
    __asm__ volatile("pushfq\n pop %0" : "=r"(flags));
    handler_flags = flags;
    seen_signal = signal;
    seen_code = info->si_code;
    seen_address = info->si_addr;
    seen_rip = registers[REG_RIP];
    seen_rbx = registers[REG_RBX];
    seen_r12 = registers[REG_R12];
    seen_flags = registers[REG_EFL];
    seen_error = registers[REG_ERR];
    seen_trap = registers[REG_TRAPNO];
    siglongjmp(back, 1);
}

static uint8_t *code; /* a page of machine code, and one behind it that is never mapped */
static uint8_t *data; /* two pages, the second never mapped */

static void print_address(const uint8_t *address) {
    if (address >= data && address < data + 8192)
        printf(" data+%ld", (long) (address - data));
    else if (address >= code && address < code + 8192)
        printf(" code+%ld", (long) (address - code));
    else
        printf(" %p", address);
}

/* Runs the bytes with rdi = data, rbx and r12 = marks; a ret follows them. Says where it ended. */
static void run(const char *name, const void *bytes, size_t length) {
    memcpy(code, bytes, length);
    code[length] = 0xc3;
    seen_signal = 0;
    if (sigsetjmp(back, 1) == 0)
        __asm__ volatile("push %%rbp\n mov %%rsp, %%rbp\n sub $256, %%rsp\n and $-64, %%rsp\n"
                         "mov $0x1234567, %%ebx\n mov $0x7654321, %%r12d\n call *%%rax\n mov %%rbp, %%rsp\n pop %%rbp\n cld"
                         :
                         : "a"(code), "D"(data)
                         : "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "r12", "memory", "cc");
    if (seen_signal == 0) {
        printf("%s: nothing\n", name);
        return;
    }
    printf("%s: signal %d code %d at", name, seen_signal, seen_code);
    print_address((uint8_t *) (uintptr_t) seen_rip);
    printf(" for");
    print_address(seen_address);
    if (seen_signal != SIGFPE) /* a platform does not know which of two units it was */
        printf(" trap %ld", (long) seen_trap);
    if (seen_trap == 14) /* whether it was a store, or whether the page was there, not every platform is told */
        printf(" error %lx", (unsigned long) seen_error & 0x14);
    printf("%s\n", seen_rbx == 0x1234567 && seen_r12 == 0x7654321 ? "" : " registers lost");
    CHECK((handler_flags & 0x400) == 0);
}

#define RUN(name, ...)                                        \
    do {                                                      \
        static const uint8_t bytes_[] = {__VA_ARGS__};        \
        run(name, bytes_, sizeof bytes_);               \
    } while (0)

static void refused(void) {
    RUN("int3", 0xcc);
    RUN("int 3", 0xcd, 0x03);
    RUN("int 0x20", 0xcd, 0x20);
    RUN("int 0xff", 0xcd, 0xff);
    RUN("ud2", 0x90, 0x0f, 0x0b);
    RUN("ud1", 0x0f, 0xb9, 0xc0);
    RUN("hlt", 0x90, 0xf4);
    RUN("cli", 0xfa);
    RUN("sti", 0xfb);
    RUN("in", 0xe4, 0x60);
    RUN("out", 0xe6, 0x60);
    RUN("insb", 0x6c);
    RUN("rdmsr", 0x0f, 0x32);
    RUN("wrmsr", 0x0f, 0x30);
    RUN("mov from cr0", 0x0f, 0x20, 0xc0);
    RUN("mov to cr3", 0x0f, 0x22, 0xd8);
    RUN("mov to dr7", 0x0f, 0x23, 0xf8);
    RUN("clts", 0x0f, 0x06);
    RUN("invd", 0x0f, 0x08);
    RUN("wbinvd", 0x0f, 0x09);
    RUN("lgdt", 0x0f, 0x01, 0x17);
    RUN("lidt", 0x0f, 0x01, 0x1f);
    RUN("lldt", 0x0f, 0x00, 0xd0);
    RUN("ltr", 0x0f, 0x00, 0xd8);
    RUN("invlpg", 0x0f, 0x01, 0x3f);
    RUN("swapgs", 0x0f, 0x01, 0xf8);
    RUN("sysretq", 0x48, 0x0f, 0x07);
    RUN("xsetbv", 0x31, 0xc9, 0x0f, 0x01, 0xd1);
    RUN("bad ds", 0xb8, 0xf0, 0xff, 0, 0, 0x8e, 0xd8);
    RUN("bad ss", 0xb8, 0xf0, 0xff, 0, 0, 0x8e, 0xd0);
    RUN("iretq", 0x31, 0xc0, 0x50, 0x50, 0x50, 0x50, 0x50, 0x48, 0xcf);
    RUN("lock nop", 0xf0, 0x90);
    RUN("long instruction", 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90);
    RUN("div by zero", 0x31, 0xc9, 0x48, 0xf7, 0xf1);
    RUN("div overflow", 0xb9, 1, 0, 0, 0, 0xba, 1, 0, 0, 0, 0x48, 0xf7, 0xf1);
    RUN("x87 division by zero", 0xc7, 0x07, 0x7b, 0x03, 0, 0, 0xd9, 0x2f, 0xd9, 0xe8, 0xd9, 0xee, 0xde, 0xf9, 0x9b);
    __asm__ volatile("fninit");
    RUN("load, address without meaning", 0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x48, 0x8b, 0x00);
    RUN("push, stack without meaning", 0x48, 0xbc, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x50);
    RUN("jump without meaning", 0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0xe0);
    RUN("direction flag", 0xfd, 0xcc);
}

static void accesses(void) {
    memset(data, 0, 4096);
    RUN("load", 0x48, 0x8b, 0x87, 0, 0x10, 0, 0);
    RUN("store", 0x48, 0x89, 0x87, 0, 0x10, 0, 0);
    RUN("load across", 0x48, 0x8b, 0x87, 0xfc, 0x0f, 0, 0);
    RUN("store across", 0x48, 0x89, 0x87, 0xfc, 0x0f, 0, 0);
    RUN("lock inc", 0xf0, 0x48, 0xff, 0x87, 0, 0x10, 0, 0);
    RUN("xchg", 0x48, 0x87, 0x87, 0, 0x10, 0, 0);
    RUN("push", 0x48, 0x8d, 0xa7, 0x08, 0x10, 0, 0, 0x50);
    RUN("call", 0x48, 0x8d, 0xa7, 0x08, 0x10, 0, 0, 0xe8, 0, 0, 0, 0);
    RUN("ret", 0x48, 0x8d, 0xa7, 0, 0x10, 0, 0, 0xc3);
    RUN("rep stosb", 0x48, 0x81, 0xc7, 0xf0, 0x0f, 0, 0, 0xb9, 0x20, 0, 0, 0, 0xf3, 0xaa);
    RUN("movups across", 0x0f, 0x11, 0x87, 0xf8, 0x0f, 0, 0);
    RUN("movaps unaligned", 0x0f, 0x29, 0x47, 0x01);
    RUN("jump to data", 0xff, 0xe7);
    RUN("jump to nothing", 0x48, 0x8d, 0x87, 0, 0x10, 0, 0, 0xff, 0xe0);
    CHECK(mprotect(data, 4096, PROT_READ) == 0);
    RUN("load, read-only", 0x48, 0x8b, 0x07);
    RUN("store, read-only", 0x48, 0x89, 0x07);
    RUN("lock inc, read-only", 0xf0, 0x48, 0xff, 0x07);
    CHECK(mprotect(data, 4096, PROT_NONE) == 0);
    RUN("load, no rights", 0x48, 0x8b, 0x07);
    RUN("store, no rights", 0x48, 0x89, 0x07);
    RUN("jump, no rights", 0xff, 0xe7);
    CHECK(mprotect(data, 4096, PROT_READ | PROT_WRITE) == 0);
    RUN("null", 0x31, 0xc0, 0x48, 0x8b, 0x00);
    /* An instruction that goes on behind the last page. */
    code[4095] = 0x0f;
    seen_signal = 0;
    if (sigsetjmp(back, 1) == 0)
        ((void (*)(void)) (code + 4095))();
    CHECK(seen_signal == SIGSEGV && seen_code == SEGV_MAPERR && seen_address == code + 4096 && seen_rip == (uintptr_t) code + 4095);
}

/* ---- single steps: a handler counts them and ends them */

static volatile int steps;
static uint64_t stepped[64];

static void on_step(int signal, siginfo_t *info, void *context) {
    (void) signal;
    greg_t *registers = ((ucontext_t *) context)->uc_mcontext.gregs;
    CHECK(info->si_code == TRAP_TRACE);
    if (steps < 64)
        stepped[steps] = registers[REG_RIP];
    if (++steps == 6)
        registers[REG_EFL] &= ~0x100;
}

static void single_steps(void) {
    struct sigaction action = {.sa_sigaction = on_step, .sa_flags = SA_SIGINFO}, before;
    CHECK(sigaction(SIGTRAP, &action, &before) == 0);
    /* pushfq; or $0x100, (%rsp); popfq; nop; nop; mov $39, %eax; syscall; nop; nop; nop; nop; ret */
    static const uint8_t bytes[] = {0x9c, 0x48, 0x81, 0x0c, 0x24, 0, 1, 0, 0, 0x9d, 0x90, 0x90, 0xb8, 39, 0, 0, 0, 0x0f, 0x05,
                                    0x90, 0x90, 0x90, 0x90, 0xc3};
    memcpy(code, bytes, sizeof bytes);
    long result;
    __asm__ volatile("sub $256, %%rsp\n call *%1\n add $256, %%rsp" : "=a"(result) : "r"(code) : "rcx", "r11", "memory", "cc");
    CHECK(result == getpid());
    printf("steps %d:", steps);
    for (int i = 0; i < steps && i < 64; i++)
        printf(" +%ld", (long) (stepped[i] - (uintptr_t) code));
    printf("\n");
    CHECK(sigaction(SIGTRAP, &before, NULL) == 0);
}

/* ---- code that changes */

static void changing_code(void) {
    for (uint32_t i = 0; i < 2000; i++) { /* mov $i, %eax; ret */
        code[0] = 0xb8;
        memcpy(code + 1, &i, 4);
        code[5] = 0xc3;
        uint32_t got = ((uint32_t (*)(void)) code)();
        if (got != i) {
            CHECK(got == i);
            break;
        }
    }
    /* as compilers at run time do it: writable, then executable; also with a system call in it */
    for (uint32_t i = 0; i < 300; i++) {
        uint8_t *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(page != MAP_FAILED);
        static const uint8_t call[] = {0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0x05, 0, 0, 0, 0, 0xc3}; /* getpid() + i */
        memcpy(page, call, sizeof call);
        memcpy(page + 8, &i, 4);
        CHECK(mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0);
        for (int again = 0; again < 20; again++)
            if (((uint32_t (*)(void)) page)() != (uint32_t) getpid() + i) {
                CHECK(!"the call in made code");
                break;
            }
        uint32_t next = i + 1000;
        CHECK(mprotect(page, 4096, PROT_READ | PROT_WRITE) == 0);
        memcpy(page + 8, &next, 4);
        CHECK(mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0);
        CHECK(((uint32_t (*)(void)) page)() == (uint32_t) getpid() + next);
        CHECK(munmap(page, 4096) == 0);
    }
}

/* ---- rights that change under other threads */

static uint8_t *contested;
static atomic_int is_over;
static atomic_long faults;
static __thread sigjmp_buf own_back;

static void on_contested(int signal, siginfo_t *info, void *context) {
    (void) signal, (void) context;
    if ((uint8_t *) info->si_addr < contested || (uint8_t *) info->si_addr >= contested + 4 * 4096)
        _exit(99);
    atomic_fetch_add(&faults, 1);
    siglongjmp(own_back, 1);
}

static void *contend(void *argument) {
    volatile uint8_t *mine = contested + (uintptr_t) argument * 8;
    uint64_t count = 0;
    while (!is_over)
        if (sigsetjmp(own_back, 1) == 0)
            for (int page = 0; page < 4; page++)
                mine[page * 4096] = (uint8_t) ++count;
    return NULL;
}

static void races(void) {
    struct sigaction action = {.sa_sigaction = on_contested, .sa_flags = SA_SIGINFO}, before;
    CHECK(sigaction(SIGSEGV, &action, &before) == 0);
    contested = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_t threads[3];
    for (long i = 0; i < 3; i++)
        CHECK(pthread_create(&threads[i], NULL, contend, (void *) i) == 0);
    for (int round = 0; round < 300 || faults == 0; round++) {
        CHECK(mprotect(contested, 4 * 4096, PROT_READ) == 0);
        uint8_t copy[4 * 4096];
        memcpy(copy, contested, sizeof copy);
        sched_yield();
        if (memcmp(copy, contested, sizeof copy) != 0)
            CHECK(!"a store after the right to it was gone");
        if (round % 3 == 0)
            CHECK(mprotect(contested + 4096, 4096, PROT_NONE) == 0);
        if (round % 5 == 0)
            CHECK(mmap(contested + 2 * 4096, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED);
        CHECK(mprotect(contested, 4 * 4096, PROT_READ | PROT_WRITE) == 0);
    }
    is_over = 1;
    for (int i = 0; i < 3; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(sigaction(SIGSEGV, &before, NULL) == 0);
}

/* ---- ten thousand mappings that nobody can merge */

static void many_mappings(void) {
    enum { COUNT = 10000 };
    uint8_t *area = mmap(NULL, COUNT * 4096L, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(area != MAP_FAILED);
    for (int i = 0; i < COUNT; i++)
        *(int *) (area + i * 4096L) = i;
    for (int i = 0; i < COUNT; i += 2)
        if (mprotect(area + i * 4096L, 4096, PROT_READ) != 0) {
            CHECK(!"mprotect");
            break;
        }
    long sum = 0;
    for (int i = 0; i < COUNT; i++)
        sum += *(int *) (area + i * 4096L);
    CHECK(sum == (long) COUNT * (COUNT - 1) / 2);
    pid_t child = fork();
    if (child == 0) {
        for (int i = 1; i < COUNT; i += 100)
            *(int *) (area + i * 4096L) = 0;
        _exit(0);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    for (int i = 0; i < COUNT; i++)
        if (*(int *) (area + i * 4096L) != i) {
            CHECK(!"a page of the parent changed");
            break;
        }
    CHECK(munmap(area, COUNT * 4096L) == 0);
}

/* ---- timer signals all the time, while the red zone and the flags are in use */

static void on_tick(int signal) {
    (void) signal;
    uint64_t flags;
    __asm__ volatile("pushfq\n pop %0" : "=r"(flags));
    if (flags & 0x400)
        _exit(98);
    if (atomic_fetch_add(&faults, 1) >= 199) { /* a slow machine may never leave the handler otherwise */
        struct itimerval never = {{0, 0}, {0, 0}};
        setitimer(ITIMER_REAL, &never, NULL);
    }
}

static void storm(void) {
    struct sigaction action = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    faults = 0;
    struct itimerval often = {{0, 1000}, {0, 1000}};
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
    long wrong = 0;
    for (long round = 0; faults < 200; round++) {
        uint64_t ok;
        /* Values in the red zone, direction and carry set, then a look at them. */
        __asm__ volatile("mov %1, -8(%%rsp)\n mov %1, -64(%%rsp)\n mov %1, -128(%%rsp)\n std\n stc\n mov $2000, %%ecx\n"
                         "1: lea -1(%%rcx), %%rcx\n jrcxz 2f\n jmp 1b\n 2: jnc 3f\n pushfq\n pop %%rcx\n and $0x400, %%ecx\n jz 3f\n"
                         "cmp %1, -64(%%rsp)\n jne 3f\n cmp %1, -128(%%rsp)\n jne 3f\n mov $1, %%eax\n jmp 4f\n 3: xor %%eax, %%eax\n"
                         "4: cld"
                         : "=&a"(ok)
                         : "r"(0x5a5a5a5a00000000ul + round)
                         : "rcx", "memory", "cc");
        wrong += !ok;
    }
    CHECK(wrong == 0);
}

int main(void) {
    code = mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    data = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(code != MAP_FAILED && data != MAP_FAILED);
    CHECK(munmap(code + 4096, 4096) == 0 && munmap(data + 4096, 4096) == 0);
    stack_t stack = {.ss_sp = malloc(1 << 16), .ss_size = 1 << 16};
    CHECK(sigaltstack(&stack, NULL) == 0);
    const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    for (int i = 0; i < 5; i++)
        CHECK(sigaction(signals[i], &action, NULL) == 0);
    refused();
    accesses();
    single_steps();
    changing_code();
    races();
    many_mappings();
    storm();
    return finish();
}
