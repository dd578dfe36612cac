#!/bin/bash
# redis-server over a UNIX socket and over TCP.
for tool in redis-server redis-benchmark; do command -v $tool >/dev/null || { echo "no $tool"; exit 0; }; done
redis-server --unixsocket $PWD/r.sock --port 0 --save '' --daemonize no --dir $PWD --logfile $PWD/log & P=$!
for i in $(seq 100); do redis-cli -s r.sock ping 2>/dev/null | grep -q PONG && break; sleep 0.1; done
redis-benchmark -s r.sock -q -n 2000 -c 20 -t set,get,lpush,incr 2>/dev/null | tr '\r' '\n' | grep -c 'requests per second'
redis-cli -s r.sock set a b; redis-cli -s r.sock get a; redis-cli -s r.sock dbsize; redis-cli -s r.sock save; ls dump.rdb; redis-cli -s r.sock bgsave >/dev/null; sleep 0.5; redis-cli -s r.sock lastsave | wc -l; redis-cli -s r.sock shutdown nosave; wait $P; echo $?
redis-server --port 7777 --bind 127.0.0.1 --daemonize yes --pidfile $PWD/p --dir $PWD --appendonly yes >/dev/null; for i in $(seq 100); do redis-cli -p 7777 ping 2>/dev/null | grep -q PONG && break; sleep 0.1; done; redis-cli -p 7777 incr x; redis-benchmark -p 7777 -q -n 1000 -c 10 -t ping,set 2>/dev/null| tr '\r' '\n' | grep -c 'per second'; redis-cli -p 7777 shutdown; ls appendonlydir | sort | head -3
