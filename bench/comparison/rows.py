"""The rows: single operations inside the guest, whole programs seen from outside, and pieces of work with files."""

INSIDE = [  # name in bench/guest/bench.c, title, iterations of the run whose profile gives the kernel's own share
    ("getppid_libc", "getppid, libc's wrapper", 20000),
    ("getppid_syscall", "getppid, syscall(2)", 20000),
    ("getppid_crowd", "getppid, syscall(2), 8 threads", 80000),
    ("pipe_write_read", "pipe write+read", 10000),
    ("pread_4k_upper", "pread 4 KiB, upper", 10000),
    ("pread_4k_lower", "pread 4 KiB, lower", 10000),
    ("open_close", "open+close", 5000),
    ("stat_lower", "stat, lower", 5000),
    ("signal_self", "signal to self", 5000),
    ("mmap_64k_touch_munmap", "mmap 64 KiB+touch+munmap", 2000),
    ("thread_create_join", "thread create+join", 500),
    ("futex_ping_pong", "futex ping-pong", 2000),
    ("fork_exit_wait", "fork+exit+wait", 200),
    ("vfork_exec_wait", "vfork+exec+wait", 100),
]

_SHORT = "i=0; while [ $i -lt 200 ]; do /bin/true; i=$((i+1)); done"
_C_PROGRAM = "#include <stdio.h>\\nint main(void) { puts(\\\"hello\\\"); return 0; }\\n"
_GCC = ("cd /tmp && printf \"" + _C_PROGRAM + "\" >bench-$$.c && gcc -O2 -o bench-$$ bench-$$.c && ./bench-$$ && rm bench-$$ bench-$$.c")
_DIGEST = "find /usr/share -type f | LC_ALL=C sort | xargs sha256sum | sha256sum"

OUTSIDE = [  # name, title, unit, command, repetitions
    ("true", "start to exit of /bin/true", "ms", ["/bin/true"], 5),
    ("short_processes", "200 short processes", "ms", ["/bin/sh", "-c", _SHORT], 3),
    ("gcc", "gcc compile", "ms", ["/bin/sh", "-c", _GCC], 3),
    ("python", "python imports", "ms", ["python3", "-c", "import json, sqlite3, asyncio"], 3),
    ("digest", "tree digest", "s", ["/bin/sh", "-c", _DIGEST], 1),
]
LONG = {"digest"}

# The server must not be one of the machine's: its socket has a name of its own, and it saves nothing.
REDIS = ("s=/tmp/bench-redis-$$.sock; redis-server --port 0 --unixsocket $s --save '' --appendonly no --daemonize no >/dev/null & p=$!;"
         " until redis-cli -s $s ping >/dev/null 2>&1; do sleep 0.1; done;"
         " redis-benchmark -s $s -c 20 -n 20000 -t get,set --csv; redis-benchmark -s $s -c 20 -n 50000 -t get,set --csv;"
         " kill $p; wait $p")
REDIS_ROWS = [("redis_get", "redis GET, UNIX socket, 20 clients", "GET"), ("redis_set", "redis SET, UNIX socket, 20 clients", "SET")]

FILES = [  # group in bench/guest/files.c, and its rows: name, title
    ("walk", [("find_usr", "find /usr with a stat of each file"), ("find_usr_again", "the same again")]),
    ("walk_tree", [("walk_first", "find in 4000 files"), ("walk_again", "the same again")]),
    ("many_files", [("many_files", "5000 files: create, rename, scan, unlink")]),
    ("reads", [("read_first", "read 256 MiB by 64 KiB"), ("read_warm", "the same again"),
               ("read_random", "20 000 random reads of 4 KiB")]),
    ("write_sync", [("write_fsync", "write 64 MiB with fsync")]),
    ("git", [("git_clone", "git clone of 4000 files"), ("git_checkout", "git checkout of another branch"), ("git_status", "git status")]),
    ("untar", [("untar", "untar 4000 files"), ("rm_r", "rm -r of them")]),
    ("sqlite", [("sqlite_transactions", "sqlite, 3000 transactions"), ("sqlite_inserts", "sqlite, 50 000 inserts in one")]),
    ("fio", [("fio_randrw", "fio randrw 32 MiB with verify")]),
]
LONG_FILES = {"walk", "git", "fio"}

CONTAINER_STEPS = [  # name, title
    ("life", "create+start+delete"),
    ("create", "create"),
    ("start", "start"),
    ("state", "state"),
    ("exec", "exec of true in a running container"),
    ("kill", "kill"),
    ("delete", "delete --force"),
]
