#!/bin/sh
# Applets of busybox.
B=/bin/busybox; for a in $($B --list); do $B $a --help >/dev/null 2>&1; done; echo helped
$B sh -c 'echo a b | awk "{print \$2}"; seq 10 | sort -rn | head -3; echo abc | sed s/b/X/; printf "%05d\n" 42; expr 3 + 4; echo hi | md5sum; echo hi | sha512sum; ls / >/dev/null; find /etc -maxdepth 1 -name "pass*"; vi --help 2>&1 | head -1'
$B tar cf - /usr/share/perl 2>/dev/null | $B tar tf - | $B wc -l
$B gzip -c /etc/services | $B zcat | $B cmp - /etc/services; echo $?
$B id; $B uname -m; $B dd if=/dev/zero bs=1k count=10 2>/dev/null | $B od -An -c | head -2
mkdir x; cd x; $B touch 1 2 3; $B ls -1; $B cp 1 4; $B mv 4 5; $B ln -s 5 6; $B stat -c %F 6; $B rm 6; $B tree . 2>/dev/null
$B echo foo | $B tee a | $B cat - a; $B mkfifo p; $B echo x > p & $B cat p; $B usleep 1000; $B timeout 1 $B sleep 5; echo $?
$B seq 5 | $B xargs -n 2 $B echo; $B date -u -d @0; $B cal 1 2000; $B factor 123456; $B dc -e '2 3 + p'; echo '2^10' | $B bc
$B ash -c 'set -m; sleep 0.1 & wait; trap "echo t" EXIT'; $B cut -d: -f1 /etc/passwd | $B head -3; $B tac /etc/hostname >/dev/null; $B strings /bin/true | $B head -2; $B uuencode x < a | $B uudecode -o - 
$B nc --help 2>&1 | head -1; $B mktemp -u | $B wc -c; $B which sh; $B readlink -f /bin/sh; $B getopt ab: -a -b x; $B ps >/dev/null; $B free >/dev/null; $B df >/dev/null; $B mount > /dev/null; $B hexdump -C a; $B cpio --help 2>&1 | head -1; $B unshare true 2>/dev/null; $B setsid $B true; $B nproc
