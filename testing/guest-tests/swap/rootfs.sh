#!/bin/sh
# git, sqlite3, gcc, a log writer and, if it is there, open_files work in the directory $1, each again and again until the file $1/stop is there. Every
# round of one gives the same, which is shown at the end.
work=$1
cd "$work" || exit 1
export HOME="$work" GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_DATE='2020-02-02 02:02:02 +0000' GIT_COMMITTER_DATE='2020-02-02 02:02:02 +0000'
git config --global user.name Somebody
git config --global user.email somebody@example.org
git config --global init.defaultBranch main
git config --global gc.auto 0

# Runs $1 in a directory of its own until it is time to stop; all rounds have to print the same.
again() {
    mkdir "$1.d" && cd "$1.d" || exit 1
    rounds=0
    while :; do
        "$1" >result 2>&1 || echo "status $?" >>result
        rounds=$((rounds + 1))
        if [ ! -e first ]; then
            cp result first
        elif ! cmp -s result first; then
            echo "$1: another result in round $rounds:"
            diff first result
            exit 1
        fi
        [ -e "$work/stop" ] && break
    done
    echo "== $1"
    cat first
    echo "$1: $rounds rounds" >>"$work/rounds"
}

repository() {
    rm -rf repo copy
    git init -q repo && cd repo || return 1
    i=0
    while [ $i -lt 12 ]; do
        echo "file $i" >"file$i"
        git add "file$i" && git commit -q -m "commit $i" || return 1
        i=$((i + 1))
    done
    git checkout -q -b side HEAD~6 && echo other >other && git add other && git commit -q -m side || return 1
    git merge -q -m merged main && git fsck --strict 2>&1 && git status --short && git log --format='%H %s' | head -3
    cd .. && git clone -q repo copy && git -C copy rev-parse HEAD && ls copy | wc -l
}

database() {
    rm -f data.db*
    sqlite3 data.db <<END
pragma journal_mode=delete;
create table numbers(n integer primary key, square integer, text text);
with recursive count(n) as (select 1 union all select n + 1 from count where n < 2000)
    insert into numbers select n, n * n, printf('number %d', n) from count;
begin; update numbers set square = square + 1 where n % 7 = 0; commit;
begin; delete from numbers where n % 5 = 0; rollback;
create index squares on numbers(square);
pragma integrity_check;
select count(*), sum(square), max(text) from numbers;
END
    sqlite3 data.db 'pragma journal_mode=wal; insert into numbers values(9999, 1, "one"); select count(*) from numbers; vacuum; pragma quick_check;'
}

compiler() {
    rm -f ./*.c ./*.o ./*.h program
    i=0
    calls=
    while [ $i -lt 4 ]; do
        printf '#include <stdio.h>\n#include <string.h>\nint part%d(int x) { char t[16]; return snprintf(t, 16, "%%d", x * %d) + (int) strlen(t); }\n' $i $((i + 7)) >part$i.c
        echo "int part$i(int);" >>parts.h
        calls="$calls + part$i(argc * 1000)"
        i=$((i + 1))
    done
    printf '#include <stdio.h>\n#include "parts.h"\nint main(int argc, char **argv) { (void) argv; printf("sum %%d\\n", 0%s); return 0; }\n' "$calls" >main.c
    gcc -O1 -o program ./*.c && ./program && cksum <program
}

# The log stays open all the time; what was written is what there is.
logger() {
    [ -e lines ] || exec 8>>lines
    before=$(wc -l <lines)
    i=0
    while [ $i -lt 100 ]; do
        echo "line $i" >&8
        i=$((i + 1))
    done
    echo "$(($(wc -l <lines) - before)) lines, last: $(tail -n 1 lines)"
}

echo running
for job in repository database compiler logger; do
    (again $job) >"$job.out" 2>&1 &
done
[ -e open_files ] && mkdir open.d && (cd open.d && { while [ ! -e "$work/stop" ]; do sleep 0.1; done; touch stop; } & cd open.d && exec "$work/open_files") >open.out 2>&1 &
wait
cat repository.out database.out compiler.out logger.out
[ ! -e open.out ] || cat open.out
