#!/bin/bash
# 500 short-lived processes, subshells and background jobs.
i=0; while [ $i -lt 500 ]; do /bin/true || echo failed; i=$((i+1)); done; echo done
for i in $(seq 500); do (exit $((i % 256))); [ $? = $((i % 256)) ] || echo bad $i; done; echo subshells
for i in $(seq 300); do /bin/echo $i & done | sort -n | md5sum; wait
