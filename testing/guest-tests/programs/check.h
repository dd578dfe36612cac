/* What the guest programs share: a check that names the line, and counts. */
#ifndef CHECK_H
#define CHECK_H
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int failures;

__attribute__((constructor)) static void unbuffered(void) { setvbuf(stdout, NULL, _IOLBF, 0); }

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            failures++;                                                                                      \
            printf("%s:%d: %s (errno %d, %s)\n", __FILE__ + (strrchr(__FILE__, '/') ? strrchr(__FILE__, '/') - __FILE__ + 1 : 0), \
                   __LINE__, #condition, errno, strerror(errno));                                            \
        }                                                                                                    \
    } while (0)

/* The call fails, with this errno. */
#define FAILS(expected, call)                                                                                \
    do {                                                                                                     \
        errno = 0;                                                                                           \
        long result_ = (long)(call);                                                                         \
        int error_ = errno;                                                                                  \
        if (result_ != -1 || error_ != (expected)) {                                                         \
            failures++;                                                                                      \
            printf("line %d: %s gave %ld, errno %d (%s), not %s\n", __LINE__, #call, result_, error_,        \
                   strerror(error_), strerror(expected));                                                    \
        }                                                                                                    \
    } while (0)

static inline int finish(void) {
    printf("%s\n", failures ? "failed" : "passed");
    fflush(stdout);
    return failures != 0;
}
#endif
