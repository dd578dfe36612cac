/* Memory policies, and where pages are, on a machine whose only node is 0; errors of mmap and madvise that go with them. */
#include "result.h"
#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static unsigned long zero = 1;
static unsigned long one = 2;
static unsigned long empty;

static const char *failure(long result) { return result == -1 ? strerrorname_np(errno) : "0"; }

static void policy_of(const char *what, void *address, int flags) {
    unsigned long nodes[16] = {0};
    int mode = -1;
    long result = syscall(SYS_get_mempolicy, &mode, nodes, 1024, address, flags);
    printf("   %s: %s mode %x nodes %lx\n", what, failure(result), mode, nodes[0]);
}

int main(void) {
    char *page = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct stat node;
    if (stat("/sys/devices/system/node/node1", &node) == 0) return 0;
    page[0] = 1;
    for (int mode = -1; mode < 6; mode++) {
        printf("mode %d\n", mode);
        RESULT(syscall(SYS_set_mempolicy, mode, NULL, 0));
        RESULT(syscall(SYS_set_mempolicy, mode, &empty, 3));
        RESULT(syscall(SYS_set_mempolicy, mode, &one, 3));
        RESULT(syscall(SYS_set_mempolicy, mode, &zero, 2));
        policy_of("task", NULL, 0);
        RESULT(syscall(SYS_mbind, page, 4096, mode, &zero, 2, 0));
        RESULT(syscall(SYS_mbind, page, 4096, mode | MPOL_F_STATIC_NODES, &zero, 2, 0));
        policy_of("page", page, MPOL_F_ADDR);
        policy_of("next page", page + 4096, MPOL_F_ADDR);
        RESULT(syscall(SYS_mbind, page, 4096, mode | MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES, &zero, 2, 0));
    }
    RESULT(syscall(SYS_set_mempolicy, MPOL_BIND, &zero, 2));
    IN_CHILD(policy_of("child", NULL, 0));
    RESULT(syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0));
    RESULT(syscall(SYS_set_mempolicy, MPOL_BIND, BAD, 2));
    RESULT(syscall(SYS_set_mempolicy, MPOL_BIND, &zero, 1 << 20));
    munmap(page + 8192, 4096);
    RESULT(syscall(SYS_mbind, page + 1, 4096, MPOL_DEFAULT, NULL, 0, 0));
    RESULT(syscall(SYS_mbind, page, 0, MPOL_DEFAULT, NULL, 0, 0));
    RESULT(syscall(SYS_mbind, page, 16384, MPOL_DEFAULT, NULL, 0, 0));
    RESULT(syscall(SYS_mbind, page, 4096, MPOL_DEFAULT, NULL, 0, 8));
    policy_of("allowed", NULL, MPOL_F_MEMS_ALLOWED);
    policy_of("allowed, and address", page, MPOL_F_MEMS_ALLOWED | MPOL_F_ADDR);
    policy_of("node of a page", page, MPOL_F_ADDR | MPOL_F_NODE);
    policy_of("next node", NULL, MPOL_F_NODE);
    policy_of("address without flag", page, 0);
    policy_of("hole", page + 8192, MPOL_F_ADDR);
    policy_of("unknown flag", NULL, 8);

    void *pages[] = {page, page + 8192};
    int nodes[] = {0, 0};
    int status[] = {-99, -99};
    RESULT(syscall(SYS_move_pages, 0, 2, pages, NULL, status, 0));
    SHOW("%d %d", status[0], status[1]);
    RESULT(syscall(SYS_move_pages, 0, 1, pages, nodes, status, MPOL_MF_MOVE));
    SHOW("%d", status[0]);
    RESULT(syscall(SYS_move_pages, 0, 1, pages, nodes, status, 8));
    RESULT(syscall(SYS_move_pages, 99999999, 1, pages, nodes, status, MPOL_MF_MOVE));
    RESULT(syscall(SYS_move_pages, 0, 1, pages, nodes, BAD, MPOL_MF_MOVE));
    nodes[0] = 5;
    RESULT(syscall(SYS_move_pages, 0, 1, pages, nodes, status, MPOL_MF_MOVE));
    RESULT(syscall(SYS_migrate_pages, 0, 2, &zero, &zero));
    RESULT(syscall(SYS_migrate_pages, 99999999, 2, &zero, &zero));
    RESULT(syscall(SYS_migrate_pages, 0, 2, BAD, &zero));

    int file = memfd_create("x", 0);
    RESULT(ftruncate(file, 8192));
    WORKS(mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, -4096));
    WORKS(mmap(NULL, 8192, PROT_READ, MAP_SHARED, file, 0x7ffffffffffff000));
    RESULT(mlock(page, 4096));
    RESULT(madvise(page, 4096, MADV_FREE));
    RESULT(madvise(page, 4096, MADV_DONTNEED));
    RESULT(munlock(page, 4096));
    RESULT(madvise(page, 4096, MADV_FREE));
}
