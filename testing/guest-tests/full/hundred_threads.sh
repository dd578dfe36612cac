#!/bin/bash
# 100 threads in C and in Python.
for tool in gcc python3; do command -v $tool >/dev/null || { echo "no $tool"; exit 0; }; done
cat > t.c <<'X'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
static pthread_barrier_t b; static long n; static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static void *f(void *a) { pthread_barrier_wait(&b); for (int i = 0; i < 1000; i++) { pthread_mutex_lock(&m); n++; pthread_mutex_unlock(&m);} pthread_barrier_wait(&b); return a; }
int main(void) { pthread_t t[100]; pthread_barrier_init(&b, 0, 101); for (long i = 0; i < 100; i++) if (pthread_create(&t[i], 0, f, (void*)i)) return 1;
pthread_barrier_wait(&b); pthread_barrier_wait(&b); long s = 0; for (int i = 0; i < 100; i++) { void *r; pthread_join(t[i], &r); s += (long)r; } printf("%ld %ld\n", n, s); return 0; }
X
gcc -O2 -pthread t.c -o t && ./t && ./t
python3 - <<'X'
import threading
b = threading.Barrier(100); out = []
def f(i): b.wait(); out.append(i); b.wait()
t = [threading.Thread(target=f, args=(i,)) for i in range(100)]
[x.start() for x in t]; [x.join() for x in t]; print(len(out), sum(out))
X
