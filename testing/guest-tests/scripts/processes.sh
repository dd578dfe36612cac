#!/bin/sh
# 500 short-lived processes; what ps, id and uname show.
i=0
while [ $i -lt 500 ]; do /bin/true || echo failed; i=$((i + 1)); done
echo "five hundred"
id -u; id -g
uname -s; uname -m
[ "$(cat /proc/self/comm)" = cat ] && echo comm
tr '\0' ' ' < /proc/self/cmdline; echo
readlink /proc/self/cwd > /dev/null && echo cwd
[ "$(readlink /proc/self/exe)" != "" ] && echo exe
ls /proc/self/fd | wc -l | grep -c "[345]"
grep -c '^State' /proc/self/status
ps -o comm= -p $$ 
nice -n 5 nice
sh -c 'ulimit -n 100; ulimit -n'
timeout 0.2 sleep 10; echo "timeout $?"
seq 20 | xargs -P4 -n1 sh -c 'echo $0' | sort -n | tr '\n' ' '; echo
nohup true 2>/dev/null; echo $?
setsid -w sh -c 'echo session'
env -i A=1 env
sh -c 'sh -c "sleep 0.1; exit 5" & wait $!; echo $?'
