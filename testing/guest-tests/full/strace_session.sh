#!/bin/bash
# strace: a program with children, threads, signals and a failing call, traced from its start, with a filter in the kernel, with changed
# results, and attached to. What differs from run to run is taken out.
command -v strace > /dev/null && command -v gcc > /dev/null || { echo "no strace or no gcc"; exit 0; }
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder" || exit 1
cat > traced.c <<'END'
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static void handler(int signal) { (void)signal; }
static void *work(void *unused) { close(777); return unused; }
int main(int argc, char **argv) {
    (void)argv;
    if (argc > 1) { char byte; return read(0, &byte, 1) == 1 ? byte - '0' : 9; }
    signal(SIGALRM, handler);
    open("/nowhere", O_RDONLY);
    if (fork() == 0) { write(2, "", 0); _exit(3); }
    wait(NULL);
    pthread_t thread;
    pthread_create(&thread, NULL, work, NULL);
    pthread_join(thread, NULL);
    if (vfork() == 0) { execl("/bin/true", "true", (char *)NULL); _exit(1); }
    wait(NULL);
    alarm(1);
    nanosleep(&(struct timespec){30, 0}, NULL);
    kill(getpid(), SIGTERM);
}
END
gcc -O0 -pthread -o traced traced.c || exit 1
clean() { sed -E 's/0x[0-9a-f]+/ADDRESS/g; s/^\[pid +[0-9]+\] //; s/^[0-9]+ +//; s/(si_pid|si_uid|tid|pgid|parent_tid)=\[?[0-9]+\]?/\1=N/g; s/kill\([0-9]+/kill(N/; s/= [0-9][0-9]+$/= N/; s/=> \{[^}]*\}/=> {}/; s/si_utime=[^}]*/si_utime=.../; s/(clone|clone3|vfork|fork|wait4)\((.*) = [0-9]+$/\1(\2 = N/; s/\[[0-9]+\]/[N]/g; s/tv_nsec=[0-9]+/tv_nsec=N/g; s/tv_sec=2[89]/tv_sec=N/; s/  +/ /g; s/[0-9]+ vars/N vars/'; }
echo "--- followed"
strace -ff -o out -e trace=openat,write,clone,vfork,close,nanosleep,clock_nanosleep,kill,execve,restart_syscall ./traced; echo "status $?"
for file in $(ls out.* | sort -t. -k2 -n); do echo "- one"; clean < $file | grep -v -e 'ld.so' -e '/lib/' -e 'close(3)' -e 'locale'; done; rm -f out.*
echo "--- filtered"
strace -f --seccomp-bpf -o out -e trace=kill ./traced; echo "status $?"; clean < out
echo "--- changed"
strace -o out -e trace=openat,kill -e inject=kill:retval=0:when=1 -e inject=openat:error=EACCES:when=3+ ./traced; echo "status $?"; clean < out | grep -e nowhere -e kill
echo "--- delayed signal"
{ strace -o out -e trace=close -e inject=close:signal=SIGUSR2:when=1 ./traced; } 2> /dev/null; echo "status $?"; clean < out | tail -2
echo "--- counted"
strace -c -o out -f -e trace=kill,execve ./traced; awk '/kill|execve/ {print $4, $NF}' out | sort
echo "--- attached"
rm -f out; mkfifo pipe; ./traced wait < pipe & traced=$!; exec 4> pipe
until grep -q traced /proc/$traced/comm && grep -q '^State:.S' /proc/$traced/status; do sleep 0.05; done
strace -o out -e trace=read,exit_group -p $traced 2> /dev/null & tracer=$!
until [ -s out ]; do sleep 0.05; done
printf 4 >&4; wait $traced; echo "status $?"; wait $tracer; clean < out
