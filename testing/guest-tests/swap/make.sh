#!/bin/sh
# Builds a small C project with make -j2, again and again until the file $1/stop is there. All builds give the same bytes, which are shown.
here=$(mktemp -d)
cd "$here" || exit 1
objects=main.o
i=0
while [ $i -lt 8 ]; do
    cat >part$i.c <<END
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "parts.h"
static int compare(const void *a, const void *b) { return *(const int *) a - *(const int *) b; }
int part$i(int x) {
    int values[64];
    char text[32];
    for (int i = 0; i < 64; i++) values[i] = (x * 7919 + i * 104729 + $i) % 1009;
    qsort(values, 64, sizeof values[0], compare);
    snprintf(text, sizeof text, "%d", values[$i * 7]);
    return atoi(text) + (int) strlen(text);
}
END
    echo "int part$i(int);" >>parts.h
    calls="$calls sum += part$i(argc + $i);"
    objects="$objects part$i.o"
    i=$((i + 1))
done
cat >main.c <<END
#include <stdio.h>
#include "parts.h"
int main(int argc, char **argv) { int sum = 0; (void) argv;$calls printf("sum %d\n", sum); return 0; }
END
printf 'all: program\n\t./program\nprogram: %s\n\t$(CC) -o $@ $^\nclean:\n\trm -f *.o program\n' "$objects" >Makefile
echo running
while :; do
    { make -s -j2 CFLAGS=-O1 2>&1 || echo "make: status $?"; md5sum ./*.o program; } >result
    if [ ! -e first ]; then
        cp result first
    elif ! cmp -s result first; then
        echo "another result:"
        diff first result
    fi
    [ -e "$1/stop" ] && break
    make -s clean
done
cat first
rm -r "$here"
