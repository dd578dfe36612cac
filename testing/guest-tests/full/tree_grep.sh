#!/bin/sh
# grep -r over large trees.
grep -r include /usr/include | LC_ALL=C sort | sha256sum
grep -rl Debian /usr/share/doc | LC_ALL=C sort | sha256sum
