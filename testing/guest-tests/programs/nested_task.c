/* A program that sets flags of the processor which only kernels use harms nobody but itself. */
#include "check.h"
#include <sys/syscall.h>
#include <sys/wait.h>

static long with_flags(unsigned long flags, long number) {
    long result;
    __asm__ volatile("pushfq\n\torq %1, (%%rsp)\n\tpopfq\n\tsyscall\n\tpushfq\n\tandq %2, (%%rsp)\n\tpopfq"
                     : "=a"(result) : "r"(flags), "r"(~flags), "a"(number) : "rcx", "r11", "memory", "cc");
    return result;
}

int main(void) {
    for (int i = 0; i < 200; i++) {
        CHECK(with_flags(1 << 14, SYS_getpid) == getpid()); /* nested task */
        CHECK(with_flags(1 << 18, SYS_getpid) == getpid()); /* alignment check */
        CHECK(with_flags(1 << 10, SYS_getpid) == getpid()); /* direction */
    }
    for (int i = 0; i < 8; i++) {
        pid_t child = fork();
        if (child == 0) {
            if (i % 2 == 0) {
                with_flags(1 << 14 | 1 << 18, SYS_exit_group); /* with the number as its status */
            }
            execl("/bin/true", "true", (char *)NULL);
            _exit(1);
        }
        int status;
        CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
        CHECK(i % 2 == 0 || WEXITSTATUS(status) == 0);
    }
    return finish();
}
