#!/bin/bash
# git: commit, merge, gc, clone, bundle.
for tool in git; do command -v $tool >/dev/null || { echo "no $tool"; exit 0; }; done
export GIT_AUTHOR_DATE='2001-01-01T00:00:00Z' GIT_COMMITTER_DATE='2001-01-01T00:00:00Z' GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b HOME=$PWD
git init -q -b main r; cd r; cp -r /usr/share/perl/5.36.0/[A-D]* . ; git add -A; git commit -q -m one; git log --oneline | cat
for i in 1 2 3; do echo $i > f$i; git add f$i; git commit -q -m "c $i"; done; git log --format='%H %s' | cat
git checkout -q -b br HEAD~2; echo x > y; git add y; git commit -qm y; git merge -q -m merge main; git log --graph --oneline | cat
git gc -q; git fsck 2>&1 | tail -1; git count-objects -v | grep -v size; cd ..; git clone -q r c 2>&1; git clone -q file://$PWD/r c2 2>&1; git -C c2 log --oneline | wc -l; diff -r -x .git r c && echo same
git -C c diff HEAD~1 --stat | cat; git -C c grep -c sub | sort | md5sum; git -C r rebase -q main 2>&1; git -C r status -s | wc -l; git -C c worktree add -q ../wt; git -C r bundle create ../b.bundle --all 2>/dev/null; git bundle verify b.bundle >/dev/null 2>&1; echo $?; git -C r archive HEAD | tar t | wc -l; git -C r bisect start -q HEAD main~2 2>&1 | tail -1; git -C r stash list | wc -l
