#!/bin/bash
# sed, awk and xargs -P4 over many files.
find /usr/share/doc -name copyright | sort | xargs sed -n 's/License/LIC/gp' | sha256sum
find /usr/share/doc -name copyright | sort | xargs awk '{n+=NF} END {print n, NR}'
find /usr/share/man -type f -name '*.gz' | sort | xargs -P4 -n 20 zcat | wc -c
find /usr/bin -type f | sort | xargs -P4 -n 10 md5sum | sort | md5sum
