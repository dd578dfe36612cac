#!/bin/bash
# nginx on loopback, asked by curl.
for tool in nginx curl; do command -v $tool >/dev/null || { echo "no $tool"; exit 0; }; done
mkdir -p www logs; cp -r /usr/share/perl/5.36.0/[A-C]* www; head -c 3000000 /dev/urandom > www/big
cat > n.conf <<X
worker_processes 2; pid $PWD/pid; error_log $PWD/logs/e; user root; daemon on;
events { worker_connections 64; }
http { access_log $PWD/logs/a; root $PWD/www; client_body_temp_path $PWD/b; proxy_temp_path $PWD/p; fastcgi_temp_path $PWD/f; uwsgi_temp_path $PWD/u; scgi_temp_path $PWD/s; sendfile on; gzip on; server { listen 127.0.0.1:8099; listen unix:$PWD/n.sock; autoindex on; location /p/ { proxy_pass http://unix:$PWD/n.sock:/; } } }
X
nginx -t -c $PWD/n.conf 2>&1 | tail -1 | sed "s#$PWD##"; nginx -c $PWD/n.conf; echo $?
curl -s http://127.0.0.1:8099/big | cmp - www/big; echo $?; curl -s http://127.0.0.1:8099/p/big | cmp - www/big; echo $?; curl -s --unix-socket n.sock http://x/AutoLoader.pm | md5sum; curl -s -o /dev/null -w '%{http_code}\n' http://127.0.0.1:8099/none; curl -s --compressed http://127.0.0.1:8099/AutoLoader.pm | md5sum; curl -s -r 100-200 http://127.0.0.1:8099/big | wc -c
seq 50 | xargs -P 8 -I{} curl -s -o /dev/null -w '%{http_code}\n' http://127.0.0.1:8099/AutoLoader.pm | sort | uniq -c
nginx -c $PWD/n.conf -s reload; sleep 0.5; curl -s -o /dev/null -w '%{http_code}\n' http://127.0.0.1:8099/; nginx -c $PWD/n.conf -s quit; for i in $(seq 50); do [ -e pid ] || break; sleep 0.1; done; ls pid 2>&1; wc -l < logs/a
