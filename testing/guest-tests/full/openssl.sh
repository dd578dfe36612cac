#!/bin/bash
# Digests, ciphers, certificates and a TLS server.
for tool in openssl curl; do command -v $tool >/dev/null || { echo "no $tool"; exit 0; }; done
openssl speed -seconds 1 sha256 2>/dev/null | tail -1 | awk '{print $1, NF}'
head -c 1000000 /dev/urandom > d; openssl enc -aes-256-cbc -pbkdf2 -pass pass:x -in d -out e; openssl enc -d -aes-256-cbc -pbkdf2 -pass pass:x -in e | cmp - d; echo $?
for h in md5 sha1 sha256 sha3-256; do openssl dgst -$h /usr/share/perl/5.36.0/AutoLoader.pm; done
openssl req -x509 -newkey rsa:2048 -nodes -keyout k -out c -days 1 -subj /CN=localhost 2>/dev/null; openssl x509 -in c -noout -subject; openssl verify -CAfile c c; openssl ecparam -genkey -name prime256v1 -noout | openssl ec -noout -check 2>&1 | tail -1
openssl s_server -accept 127.0.0.1:8443 -cert c -key k -www -quiet & P=$!; sleep 1; curl -sk https://127.0.0.1:8443/ | grep -c -i cipher; kill $P; wait $P; echo $?; openssl rand -hex 8 | wc -c; openssl prime 1000003
