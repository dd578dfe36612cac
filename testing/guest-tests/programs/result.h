/* Prints what a call gave: its value, or the name of its error. The outputs of two kernels are compared. */
#ifndef RESULT_H
#define RESULT_H
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where nothing is mapped; the compiler is not to know. */
static void *volatile nowhere = (void *) 1;
#define BAD nowhere

__attribute__((constructor)) static void unbuffered(void) { setvbuf(stdout, NULL, _IOLBF, 0); }

/* One call. */
#define RESULT(call)                                                                                         \
    do {                                                                                                     \
        errno = 0;                                                                                           \
        long value_ = (long) (call);                                                                         \
        int error_ = errno;                                                                                  \
        if (value_ == -1) printf("%d %s: %s\n", __LINE__, #call, error_ ? strerrorname_np(error_) : "-1");  \
        else printf("%d %s: %ld\n", __LINE__, #call, value_);                                                \
    } while (0)

/* A call whose value differs from run to run: only whether it worked. */
#define WORKS(call)                                                                                          \
    do {                                                                                                     \
        errno = 0;                                                                                           \
        long value_ = (long) (call);                                                                         \
        printf("%d %s: %s\n", __LINE__, #call, value_ == -1 ? strerrorname_np(errno) : "works");            \
    } while (0)

#define SHOW(...) (printf("%d ", __LINE__), printf(__VA_ARGS__), puts(""))

/* Statements in a process of their own, which tells how it ended if that was not well. */
#define IN_CHILD(...)                                                                                        \
    do {                                                                                                     \
        pid_t child_ = fork();                                                                               \
        if (child_ == 0) {                                                                                   \
            __VA_ARGS__;                                                                                     \
            fflush(stdout);                                                                                  \
            _exit(0);                                                                                        \
        }                                                                                                    \
        int status_ = 0;                                                                                     \
        waitpid(child_, &status_, 0);                                                                        \
        if (status_ != 0) printf("%d child ended with %x\n", __LINE__, status_);                             \
    } while (0)
#endif
