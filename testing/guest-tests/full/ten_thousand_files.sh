#!/bin/bash
# 10 000 files created, renamed, listed, removed.
for tool in python3; do command -v $tool >/dev/null || { echo "no $tool"; exit 0; }; done
mkdir d; cd d
for ((i=0;i<10000;i++)); do echo $i > f$i; done; ls | wc -l
ls -U | wc -l
python3 - <<'X'
import os
for i in range(10000): os.rename(f"f{i}", f"g{i}")
print(len(os.listdir(".")), sorted(os.listdir("."))[:3])
print(sum(e.stat().st_size for e in os.scandir(".")))
X
cat g* | sort -n | md5sum
find . -type f -newer /etc/passwd | wc -l
rm -f g*; ls | wc -l
seq 10000 | xargs touch; seq 1 2 10000 | xargs rm; ls | wc -l; cd ..; rm -r d; ls
