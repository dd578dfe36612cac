#!/bin/sh
# redis-benchmark against redis-server over a UNIX socket, round after round until the file $1/stop is there. Then the data are looked at.
# What it prints does not depend on the number of rounds.
n=1500
here=$(mktemp -d)
socket=$here/redis.sock
# Debian's package of the tools holds the server, too, under another name.
bash -c 'exec -a redis-server redis-check-rdb "$@"' redis-server --port 0 --unixsocket "$socket" --save '' --appendonly no --dir "$here" >"$here/log" 2>&1 &
server=$!
until [ "$(redis-cli -s "$socket" ping 2>/dev/null)" = PONG ]; do
    kill -0 $server || { cat "$here/log"; exit 1; }
done
echo running

bench() {
    redis-benchmark -s "$socket" -c 20 -n $n -q "$@" >"$here/out" 2>&1 || echo "redis-benchmark: status $?"
    grep -i -e error -e warning "$here/out"
    grep -q 'requests per second' "$here/out" || { echo "no result"; cat "$here/out"; }
}

rounds=0
while :; do
    bench incr counter
    bench -P 4 rpush list element
    bench -d 400 -r 50 -t set,get
    rounds=$((rounds + 1))
    [ -e "$1/stop" ] && break
done

cli() { redis-cli -s "$socket" "$@"; }
[ "$(cli get counter)" = $((rounds * n)) ] && echo "counter is right"
[ "$(cli llen list)" = $((rounds * n)) ] && echo "list is complete"
echo "kinds of elements: $(cli lrange list 0 -1 | sort | uniq | tr '\n' ' ')"
cli keys 'key:*' | while read -r key; do cli strlen "$key"; done | sort | uniq
cli info stats | grep -a -e rejected_connections -e total_error_replies | tr -d '\r'
cli shutdown nosave
wait $server
echo "server ended with $?"
rm -r "$here"
