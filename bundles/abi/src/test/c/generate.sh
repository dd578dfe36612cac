#!/bin/bash
# Writes the golden files of the layout and constant tests from this machine's kernel and C library headers (Linux amd64, gcc).
# Run it on the amd64 ABI only; the results are checked in, so that the build needs no C compiler.
set -euo pipefail
cd "$(dirname "$0")"
sources=../../main/java/dev/caisson/abi
golden=../resources/dev/caisson/abi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

gcc -Wall -Werror -o "$work/layouts" layouts.c
"$work/layouts" > "$golden/layouts.golden"

# Error numbers with the texts of strerror(3).
{
    printf '#include <errno.h>\n#include <stdio.h>\n#include <string.h>\nint main(void) {\n'
    echo '#include <errno.h>' | gcc -dM -E - | sed -nE 's/^#define (E[A-Z0-9]+) .*/\1/p' | sort |
        while read -r name; do echo "printf(\"$name %d %s\\n\", $name, strerror($name));"; done
    echo 'return 0; }'
} > "$work/errnos.c"
gcc -o "$work/errnos" "$work/errnos.c"
LC_ALL=C "$work/errnos" | sort -k2n > "$golden/errnos.golden"

# Every constant of the Java sources that the headers know too: one program of the kernel's headers, one of the C library's.
# Lines that do not compile (names that are unknown there) are dropped.
values() { # HEADER...
    local file=$work/values.c bad
    {
        echo '#define _GNU_SOURCE'
        for header in "$@"; do [ -e "/usr/include/$header" ] || [ -e "/usr/include/x86_64-linux-gnu/$header" ] && echo "#include <$header>"; done
        printf 'extern int printf(const char *, ...);\nint main(void) {\n'
        while read -r name; do echo "printf(\"$name %lld\\n\", (long long)($name));"; done < "$work/names"
        echo 'return 0; }'
    } > "$file"
    gcc -w -fmax-errors=0 -fsyntax-only "$file" 2> "$work/errors" || true
    bad=$(sed -nE 's/^[^:]*values\.c:([0-9]+):[0-9]+: error.*/\1d/p' "$work/errors" | sort -un)
    echo "$bad" | sed -f - -i "$file"
    gcc -w -o "$work/values" "$file"
    "$work/values"
}
grep -hoE 'static final (int|long) [A-Z][A-Za-z0-9_]* =' "$sources"/*.java | awk '{print $4}' | grep -E '^[A-Z]+[0-9_]|^[A-Z0-9]+$' |
    grep -vxE 'BYTES|SIZE|EVENTS|DATA|NAME|FLAGS|OFFSET|MODE|UID|GID|PID|KEY|SEQ' | sort -u > "$work/names"
values linux/types.h asm/prctl.h asm/ioctls.h asm/termbits.h linux/auxvec.h linux/capability.h linux/close_range.h linux/elf.h \
    linux/eventpoll.h linux/falloc.h linux/fadvise.h linux/fcntl.h linux/fs.h linux/futex.h linux/if_ether.h linux/in.h linux/in6.h \
    linux/inotify.h linux/ipc.h linux/limits.h linux/magic.h linux/memfd.h linux/mman.h linux/mount.h linux/msg.h linux/mqueue.h \
    linux/netlink.h linux/openat2.h linux/personality.h linux/pidfd.h linux/prctl.h linux/random.h linux/resource.h \
    linux/rtnetlink.h linux/sched.h linux/seccomp.h linux/securebits.h linux/sem.h linux/shm.h linux/sockios.h linux/stat.h \
    linux/tcp.h linux/time.h linux/timerfd.h linux/timex.h linux/un.h linux/wait.h linux/xattr.h linux/eventfd.h linux/poll.h asm/socket.h \
    asm/signal.h asm/siginfo.h asm/poll.h linux/signalfd.h linux/membarrier.h linux/rseq.h > "$work/kernel"
cut -d' ' -f1 "$work/kernel" | grep -vxFf - "$work/names" > "$work/rest"
mv "$work/rest" "$work/names"
values fcntl.h elf.h netdb.h netinet/in.h netinet/tcp.h poll.h sched.h signal.h sys/epoll.h sys/eventfd.h sys/file.h sys/inotify.h \
    sys/ioctl.h sys/ipc.h sys/mman.h sys/mount.h sys/msg.h sys/resource.h sys/sem.h sys/shm.h sys/signalfd.h sys/socket.h \
    sys/stat.h sys/statvfs.h sys/time.h sys/timerfd.h sys/un.h sys/wait.h sys/xattr.h sys/random.h termios.h time.h ucontext.h \
    unistd.h > "$work/library"
sort "$work/kernel" "$work/library" > "$golden/constants.golden"
cut -d' ' -f1 "$golden/constants.golden" | grep -vxFf - "$work/names" | sed 's/^/not in the headers: /' >&2 || true
wc -l "$golden"/*.golden
