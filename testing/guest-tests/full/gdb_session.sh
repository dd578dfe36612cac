#!/bin/bash
# gdb: breakpoints, steps, changed variables, calls, watchpoints in software, threads, a fault, and a program attached to.
command -v gdb > /dev/null && command -v gcc > /dev/null || { echo "no gdb or no gcc"; exit 0; }
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder" || exit 1
cat > session.c <<'END'
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
struct point { int x, y; } origin = {3, 4};
static volatile int total, ready;
static double ratio = 0.25;
__attribute__((noinline)) int add(int a, int b) {
    int sum = a + b;
    total += sum;
    return sum;
}
static void *work(void *value) {
    add(100, *(int *)value);
    return NULL;
}
static void handler(int signal) { total += signal; }
int main(int argc, char **argv) {
    int seven = 7;
    pthread_t thread;
    if (argc > 1) {
        for (ready = 1; ready;) usleep(1000);
        printf("let go\n");
        return 0;
    }
    for (int i = 0; i < 3; i++) add(i, 10);
    pthread_create(&thread, NULL, work, &seven);
    pthread_join(thread, NULL);
    signal(SIGUSR1, handler);
    raise(SIGUSR1);
    printf("total %d, point %d %d, ratio %g\n", total, origin.x, origin.y, ratio);
    fflush(stdout);
    int *bad = argc > 5 ? &seven : NULL;
    *bad = 5;
    return 0;
}
END
gcc -g -O0 -pthread -o session session.c || exit 1
cat > commands <<'END'
set pagination off
set confirm off
set can-use-hw-watchpoints 0
break add
run
bt
info args
print origin
set var origin.x = 42
set var ratio = 1.5
next
print sum
finish
stepi
x/3i $pc
delete
print add(1, 2)
print $xmm0.v2_double[0] == $xmm0.v2_double[0]
print (int)getpid() > 0
watch total
continue
continue
delete
break work
continue
info threads
bt 2
delete
handle SIGUSR1 stop print
continue
print $_siginfo.si_signo
break handler
continue
finish
delete
catch syscall write
continue
continue
delete
continue
print $_siginfo._sifields._sigfault.si_addr
bt
kill
END
clean() { sed -E 's/0x[0-9a-f]+/ADDRESS/g; s/\((LWP|process) [0-9]+\)/(\1 N)/g; s/process [0-9]+/process N/g; s/  +/ /g; s/^([* ]+[0-9]+ Thread .* "session") .*/\1/' | grep -v -e '^warning' -e 'No such file or directory' -e '^Download'; }
gdb -nx -batch -x commands ./session 2>&1 < /dev/null | clean
./session wait > said & pid=$!
# Debugger and program know each other by a variable: nothing depends on time.
until gdb -nx -batch -p $pid -ex 'print ready' 2>/dev/null | grep -q ' = 1'; do sleep 0.1; done
gdb -nx -batch -p $pid -ex 'print ready' -ex 'set var ready = 0' -ex 'info inferiors' 2>/dev/null < /dev/null | grep '^\$' | clean
wait $pid; echo "status $?"; cat said
