/* mmap(2), mprotect(2), mremap(2), remap_file_pages(2), brk(2), madvise(2) and what becomes of contents. */
#include "check.h"
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#define PAGE 4096UL

static char *anonymous(size_t length, int flags) {
    char *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | flags, -1, 0);
    CHECK(memory != MAP_FAILED);
    return memory;
}
static int present(void *address) {
    int link[2];
    if (pipe(link)) return -1;
    int ok = write(link[1], address, 1) == 1;
    close(link[0]);
    close(link[1]);
    return ok;
}

int main(void) {
    FAILS(EINVAL, mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    FAILS(EINVAL, mmap(NULL, PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0));
    FAILS(EBADF, mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, -1, 0));
    FAILS(EINVAL, mmap((void *)123, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    FAILS(EINVAL, mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, 0, 1));
    FAILS(ENOMEM, mmap(NULL, 1UL << 62, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    FAILS(EINVAL, munmap((void *)1, PAGE));
    FAILS(EINVAL, munmap(NULL, 0));
    FAILS(ENOMEM, mprotect((void *)(PAGE * 16), PAGE, PROT_READ));
    FAILS(EINVAL, mprotect((void *)1, PAGE, PROT_READ));

    char *memory = anonymous(64 * PAGE, MAP_PRIVATE);
    for (int i = 0; i < 64; i++) { CHECK(memory[i * PAGE] == 0); memory[i * PAGE] = i; }
    CHECK(munmap(memory + 10 * PAGE, 10 * PAGE) == 0);
    CHECK(present(memory + 9 * PAGE) == 1 && present(memory + 10 * PAGE) == 0 && present(memory + 20 * PAGE) == 1);
    FAILS(ENOMEM, mprotect(memory, 64 * PAGE, PROT_READ));
    FAILS(EEXIST, mmap(memory, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
    CHECK(mmap(memory + 10 * PAGE, 10 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == memory + 10 * PAGE);
    CHECK(memory[10 * PAGE] == 0 && memory[9 * PAGE] == 9);
    CHECK(mprotect(memory, 64 * PAGE, PROT_NONE) == 0 && present(memory) == 0);
    CHECK(mprotect(memory, 64 * PAGE, PROT_READ | PROT_WRITE) == 0 && memory[63 * PAGE] == 63);

    /* Contents move with mremap. */
    char *moved = mremap(memory, 64 * PAGE, 128 * PAGE, MREMAP_MAYMOVE);
    CHECK(moved != MAP_FAILED && moved[63 * PAGE] == 63 && moved[100 * PAGE] == 0);
    CHECK(mremap(moved, 128 * PAGE, 32 * PAGE, 0) == moved && present(moved + 32 * PAGE) == 0);
    FAILS(EINVAL, mremap(moved, 32 * PAGE, 0, 0));
    FAILS(EFAULT, mremap((void *)(PAGE * 16), PAGE, 2 * PAGE, MREMAP_MAYMOVE));
    FAILS(EINVAL, mremap(moved, PAGE, PAGE, 0x100));
    CHECK(madvise(moved, PAGE, MADV_DONTNEED) == 0 && moved[0] == 0 && moved[PAGE] == 1);
    FAILS(EINVAL, madvise(moved, PAGE, 9999));
    FAILS(EINVAL, madvise(moved + 1, PAGE, MADV_DONTNEED));
    FAILS(ENOMEM, madvise(moved + 32 * PAGE, PAGE, MADV_DONTNEED));

    /* Shared and private across fork. */
    char *shared = anonymous(4 * PAGE, MAP_SHARED), *private = anonymous(4 * PAGE, MAP_PRIVATE);
    shared[0] = private[0] = 1;
    pid_t pid = fork();
    if (pid == 0) { shared[0] = private[0] = 2; shared[3 * PAGE] = 3; _exit(private[0]); }
    waitpid(pid, NULL, 0);
    CHECK(shared[0] == 2 && private[0] == 1 && shared[3 * PAGE] == 3);
    CHECK(madvise(private, PAGE, MADV_WIPEONFORK) == 0);
    pid = fork();
    if (pid == 0) _exit(private[0]);
    int status;
    waitpid(pid, &status, 0);
    CHECK(WEXITSTATUS(status) == 0);

    /* File mappings are coherent with read and write. */
    char path[] = "/tmp/caisson-mmap-XXXXXX";
    int fd = mkstemp(path);
    unlink(path);
    CHECK(pwrite(fd, "hello", 5, 0) == 5);
    char *file = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), *copy = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    CHECK(memcmp(file, "hello", 6) == 0);
    file[0] = 'j';
    char buffer[8] = {0};
    CHECK(pread(fd, buffer, 8, 0) == 5 && strcmp(buffer, "jello") == 0);
    CHECK(pwrite(fd, "J", 1, 0) == 1 && file[0] == 'J' && copy[0] == 'J');
    copy[1] = 'X';
    CHECK(file[1] == 'e' && pwrite(fd, "!", 1, 1) == 1 && copy[1] == 'X');
    CHECK(msync(file, 2 * PAGE, MS_SYNC) == 0);
    FAILS(EINVAL, msync(file, PAGE, MS_SYNC | MS_ASYNC));
    FAILS(ENOMEM, msync((void *)(PAGE * 16), PAGE, MS_SYNC));
    int readonly = open("/etc/passwd", O_RDONLY);
    FAILS(EACCES, mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, readonly, 0));
    char *passwd = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, readonly, 0);
    CHECK(passwd != MAP_FAILED && memcmp(passwd, "root", 4) == 0);
    passwd[0] = 'X';
    CHECK(pread(readonly, buffer, 4, 0) == 4 && memcmp(buffer, "root", 4) == 0);
    FAILS(EACCES, mprotect(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, readonly, 0), PAGE, PROT_READ | PROT_WRITE));
    int directory = open("/", O_RDONLY);
    FAILS(ENODEV, mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, directory, 0));

    /* brk grows and shrinks; new memory is zero. */
    char *before = sbrk(0);
    CHECK(sbrk(100000) == before);
    before[99999] = 1;
    CHECK(sbrk(-100000) != (void *)-1 && sbrk(100000) == before && before[99999] == 0);

    /* The kernel's own accesses honour protection. */
    char *guarded = anonymous(2 * PAGE, MAP_PRIVATE);
    CHECK(mprotect(guarded + PAGE, PAGE, PROT_NONE) == 0);
    int zero = open("/dev/zero", O_RDONLY);
    long partly = read(zero, guarded + PAGE - 10, 20);
    CHECK(partly == 10 || (partly == -1 && errno == EFAULT));
    FAILS(EFAULT, read(zero, guarded + PAGE, 20));
    FAILS(EFAULT, read(zero, (void *)-8L, 4));
    FAILS(EFAULT, open((char *)(guarded + PAGE), O_RDONLY));
    memset(guarded, 'a', PAGE);
    FAILS(ENAMETOOLONG, open(memset(anonymous(3 * PAGE, MAP_PRIVATE), 'a', 3 * PAGE - 1), O_RDONLY));
    FAILS(EFAULT, open(guarded + PAGE - 10, O_RDONLY));

    /* Memory of another process. */
    pid = fork();
    if (pid == 0) { pause(); _exit(0); }
    char taken[5] = {0};
    struct iovec local = {taken, 4}, remote = {copy, 4};
    CHECK(process_vm_readv(pid, &local, 1, &remote, 1, 0) == 4 && taken[1] == 'X');
    kill(pid, 9);
    waitpid(pid, NULL, 0);

    /* Pages of a shared mapping in another order. */
    char *order = anonymous(4 * PAGE, MAP_SHARED);
    for (int i = 0; i < 4; i++) order[i * PAGE] = i + 1;
    for (int i = 0; i < 4; i++) CHECK(syscall(SYS_remap_file_pages, order + i * PAGE + 5, PAGE + 5, 0, 3 - i, 0) == 0);
    for (int i = 0; i < 4; i++) CHECK(order[i * PAGE] == 4 - i);
    order[0] = 9;
    CHECK(syscall(SYS_remap_file_pages, order + PAGE, PAGE, 0, 3, 0) == 0 && order[PAGE] == 9);
    FAILS(EINVAL, syscall(SYS_remap_file_pages, order, PAGE, PROT_READ, 0, 0));
    FAILS(EINVAL, syscall(SYS_remap_file_pages, order, PAGE - 1, 0, 0, 0));
    FAILS(EINVAL, syscall(SYS_remap_file_pages, order, PAGE, 0, -1L, 0));
    FAILS(EOVERFLOW, syscall(SYS_remap_file_pages, order, PAGE, 0, -2L, 0));
    FAILS(EINVAL, syscall(SYS_remap_file_pages, guarded, PAGE, 0, 0, 0));

    /* A program can remove all it has, and does not get further than that, even with SIGSEGV blocked. */
    FAILS(EINVAL, munmap(NULL, 1UL << 47));
    pid = fork();
    if (pid == 0) {
        sigset_t segv;
        sigemptyset(&segv);
        sigaddset(&segv, SIGSEGV);
        sigprocmask(SIG_BLOCK, &segv, NULL);
        munmap(NULL, (1UL << 47) - PAGE);
        _exit(1);
    }
    int removed;
    CHECK(waitpid(pid, &removed, 0) == pid && WIFSIGNALED(removed) && WTERMSIG(removed) == SIGSEGV);

    /* Generated code runs, and changes take effect. */
    unsigned char *code = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 1; i <= 3; i++) {
        unsigned char body[] = {0xb8, i, 0, 0, 0, 0xc3};
        memcpy(code, body, sizeof body);
        CHECK(((int (*)(void))code)() == i);
    }
    /* mincore, mlock. */
    unsigned char resident[2];
    CHECK(mincore(guarded, PAGE, resident) == 0 && (resident[0] & 1));
    unsigned char *fresh = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(mincore(fresh, 2 * PAGE, resident) == 0 && !(resident[0] & 1) && !(resident[1] & 1));
    fresh[PAGE] = 1;
    CHECK(mincore(fresh, 2 * PAGE, resident) == 0 && !(resident[0] & 1) && (resident[1] & 1));
    CHECK(mlock(fresh, 2 * PAGE) == 0 && mincore(fresh, 2 * PAGE, resident) == 0 && (resident[0] & 1));
    munmap(fresh, 2 * PAGE);
    FAILS(ENOMEM, mincore((void *)(PAGE * 16), PAGE, resident));
    CHECK(mlock(guarded, PAGE) == 0 && munlock(guarded, PAGE) == 0);
    FAILS(ENOMEM, mlock((void *)(PAGE * 16), PAGE));
    int memfd = memfd_create("shared", MFD_ALLOW_SEALING);
    CHECK(memfd >= 0 && ftruncate(memfd, PAGE) == 0 && fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK) == 0);
    FAILS(EPERM, ftruncate(memfd, 0));
    return finish();
}

