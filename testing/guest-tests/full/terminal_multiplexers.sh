#!/bin/bash
# script, tmux and screen.
for tool in script tmux screen; do command -v $tool >/dev/null || { echo "no $tool"; exit 0; }; done
script -qec 'stty size; tty; echo hi; exit 3' /dev/null </dev/null | sed 's#/dev/pts/[0-9]*#PTS#'; echo ${PIPESTATUS[0]}
export TERM=xterm TMUX_TMPDIR=$PWD; tmux -f /dev/null new-session -d -x 80 -y 24 'sh'; sleep 1; tmux send-keys 'echo $((40+2))' Enter; sleep 1; tmux capture-pane -p | grep -x 42; tmux list-sessions | cut -d: -f1; tmux split-window 'cat'; tmux list-panes | wc -l; tmux kill-server; echo $?
SCREENDIR=$PWD/s; export SCREENDIR; mkdir -m 700 s; screen -dmS x sh -c 'echo in screen > out; sleep 30'; for i in $(seq 30); do [ -s out ] && break; sleep 0.1; done; cat out; screen -ls | grep -c x; screen -S x -X quit; sleep 0.5; screen -ls | grep -c Detached
