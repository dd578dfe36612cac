#!/bin/sh
# Builds mapped_root in the directory $1 for a root filesystem that has the directory as $2, with linker, C library and libraries of its own beside it.
set -e
source=$(cd "$(dirname "$0")" && pwd)/mapped_root.c
cd "$1"
mkdir -p lib inside jail/below
echo 42 >inside/number
echo 43 >jail/below/number
linker=$(gcc -print-file-name=ld-linux-x86-64.so.2)
cp -L "$(realpath "$linker" 2>/dev/null || echo /lib64/ld-linux-x86-64.so.2)" lib/ld.so
cp -L "$(gcc -print-file-name=libc.so.6)" lib/libc.so.6
cat >early.c <<END
__asm__(".section .rodata\n.p2align 12\npages:\n.set n, 0\n.rept 64\n.byte n\n.fill 4095, 1, 0\n.set n, n + 1\n.endr\n.text");
extern const char pages[];
const char *page_of_library(int number) { return pages + number * 4096; }
END
echo 'int late(int number) { return number + 1000; }' >late.c
gcc -O1 -fPIC -shared -o lib/libearly.so early.c
gcc -O1 -fPIC -shared -o lib/liblate1.so late.c
for i in 2 3 4 5 6; do cp lib/liblate1.so lib/liblate$i.so; done
gcc -O1 -DLIBRARIES="\"$2/lib\"" -DWORK="\"$2\"" -o mapped_root "$source" -Llib -learly -ldl -Wl,-rpath,"$2/lib" -Wl,--dynamic-linker,"$2/lib/ld.so"
