#!/bin/sh
# Files by the usual tools, in a directory of their own.
set -e
dd if=/dev/zero of=z bs=4096 count=100 2>/dev/null; stat -c '%s %a %F' z
head -c 100000 /dev/urandom > r; cp r r2; cmp r r2; echo same
split -b 30000 r part.; cat part.* | cmp - r; ls part.* | wc -l
install -m 751 r inst; stat -c %a inst
mkdir -p a/b/c; touch a/b/c/f; find a | sort; realpath a/b/../b/c/f | sed "s|$PWD|.|"
ln -s a/b link; readlink link; readlink -f link | sed "s|$PWD|.|"; ls -l link/c | wc -l
ln r hard; stat -c %h r; rm hard; stat -c %h r
mv a d; cp -a d e; diff -r d e; echo "diff $?"
chmod -R u=rwx,g=rx,o= d; stat -c %a d/b
truncate -s 1M sparse; stat -c '%s' sparse; du -k sparse | cut -f1
tar czf t.tgz d e link; tar tzf t.tgz | sort; mkdir x; tar xzf t.tgz -C x; diff -r d x/d; echo "tar $?"
seq 100000 | sort -R --random-source=/usr/bin/awk | sort -n | md5sum
seq 1000 | awk '{s+=$1} END {print s}'; echo abc | sed 's/b/X/'; printf 'b\na\n' | sort; echo a,b | cut -d, -f2
touch -d '2001-02-03 04:05:06.789 UTC' t; TZ=UTC stat -c %y t
mktemp -d tmp.XXXX > /dev/null; ls -d tmp.* | wc -l
mkfifo p; (echo through > p &) ; cat p
tee t1 < r > t2; cmp t1 t2; comm -12 part.aa part.aa | wc -c | grep -qv '^0' && echo comm
echo hello | gzip | gunzip; echo hello | base64; echo hello | sha256sum; od -An -tx1 -N4 /usr/bin/env
paste -d: /dev/fd/3 /dev/fd/4 3<<A 4<<B
1
A
2
B
rm -rf d e x; ls -d d 2>/dev/null || echo gone
i=0; mkdir many; while [ $i -lt 2000 ]; do echo $i > many/$i; i=$((i+1)); done; ls many | wc -l; for f in many/1*; do mv $f $f.r; done; ls many/*.r | wc -l; rm -r many
cat /proc/sys/kernel/ostype; test -w /dev/null; echo > /dev/null; head -c 5 /dev/zero | od -An -c
(echo x > /dev/full) 2>/dev/null || echo full
