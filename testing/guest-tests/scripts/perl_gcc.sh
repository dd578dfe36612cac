#!/bin/sh
# perl, and gcc compiling and running a threaded program.
perl -e 'my %h = map { $_ => $_ ** 2 } 1 .. 10; print join(",", map { "$_=$h{$_}" } sort { $a <=> $b } keys %h), "\n"; my $p = fork; if (!$p) { exit 7 } waitpid $p, 0; print $? >> 8, "\n"; open my $f, "-|", "echo from perl"; print <$f>; $SIG{ALRM} = sub { die "alarm\n" }; eval { alarm 1; select undef, undef, undef, 5 }; print $@;'
cat > t.c <<'END'
#include <pthread.h>
#include <stdio.h>
static long sum; static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static void *f(void *a) { for (int i = 0; i < 100000; i++) { pthread_mutex_lock(&m); sum += (long)a; pthread_mutex_unlock(&m); } return 0; }
int main(void) { pthread_t t[4]; for (long i = 0; i < 4; i++) pthread_create(&t[i], 0, f, (void *)i); for (int i = 0; i < 4; i++) pthread_join(t[i], 0); printf("%ld\n", sum); return 0; }
END
gcc -O2 -pthread -o t t.c && ./t
gcc -S -O2 -o - t.c | grep -c call
printf 'all: x\nx: y\n\tcp y x\ny:\n\techo made > y\n' > Makefile
make -s -j2 2>/dev/null && cat x
