#!/bin/bash
# dd, split, install, mktemp, realpath, stat and others with unusual arguments.
dd if=/dev/zero of=z bs=1M count=64 2>&1 | head -2; stat -c '%s %b %a %F' z
dd if=z of=y bs=3000 skip=5 seek=7 count=100 conv=notrunc 2>&1| head -2; sha256sum y
head -c 20M /dev/urandom > r; split -b 1M r p.; ls p.* | wc -l; cat p.* | cmp - r; echo $?
split -n l/3 /etc/services s.; cat s.* | cmp - /etc/services; 
install -D -m 640 -o 3 -g 4 r a/b/c; stat -c '%a %u %g %s' a/b/c
install -d -m 1777 tmpd; stat -c %a tmpd
mktemp -p . XXXXXX | wc -c; mktemp -d -p . d.XXXXXX | wc -c
realpath -e a/../a/b/c | sed "s#$PWD##"; realpath --relative-to=/usr /usr/lib/../bin
stat -c '%n %a %h %F %s' /etc/passwd /usr/bin/* | sha256sum
stat -f -c '%l' / 
stat -L -c '%t %T %F' /dev/null /dev/zero /dev/tty
truncate -s 10G big; stat -c '%s %b' big; cp --sparse=always big big2; stat -c %s big2; rm big2 big
shred -u p.aa; ls p.aa 2>&1
sync; df . | wc -l
chmod 000 z; cat z | wc -c; chmod u+s,g+s,o+t z; stat -c '%A' z
touch -t 197001010000 z; stat -c %Y z; touch -h -d @5 z
ln -s z sl; touch -h -d @9 sl; stat -c %Y sl; stat -L -c %Y sl
chown 5:6 z; chown -h 7:8 sl; stat -c '%u %g' z sl
