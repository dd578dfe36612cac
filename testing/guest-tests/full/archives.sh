#!/bin/bash
# Compressors, tar, cpio and rsync over one tree.
for tool in xz zstd bzip2 pigz lz4 rsync cpio; do command -v $tool >/dev/null || { echo "no $tool"; exit 0; }; done
S=/usr/share/perl/5.36.0; cp -a $S s
for c in "xz -1" zstd "gzip -9" "bzip2" "pigz -p2" lz4; do tar cf - -C s . | $c -c > t; $c -dc t | tar tf - | wc -l; $c -dc t | tar xf - -C . --one-top-level=x; diff -r s x && echo "$c ok"; rm -rf x t; done
rsync -a s/ d/; diff -r s d && echo rsync; touch d/AutoLoader.pm; rsync -ain --delete s/ d/ | wc -l; rsync -a --checksum -W --link-dest=$PWD/s s/ e/; stat -c %h e/AutoLoader.pm
(cd s; find . -depth -print | cpio -o 2>/dev/null) > c.cpio; mkdir y; (cd y; cpio -id < ../c.cpio 2>/dev/null); diff -r s y && echo cpio
tar --sort=name --mtime=@0 --owner=0 --group=0 -cf - s | sha256sum; zip -v >/dev/null 2>&1; xz -T2 -0 -k < c.cpio | xz -t && echo xzt; sha512sum c.cpio | wc -c; cksum < s/AutoLoader.pm; b2sum s/AutoLoader.pm
truncate -s 100M sp; tar cSf sp.tar sp; stat -c %s sp.tar; tar xSf sp.tar; stat -c '%s' sp
