#!/bin/sh
# ls -laR of /usr/lib.
ls -laR /usr/lib | grep -v ' \.\.\?$' | grep -v ^total | sha256sum
ls -lanR /usr/lib | wc
