#!/bin/sh
# Copies of large trees, and diff -r.
cp -a /usr/include ./inc; cp -a /usr/share/perl ./perl
diff -r inc /usr/include; echo $?
diff -r perl /usr/share/perl; echo $?
echo x >> inc/stdio.h; rm inc/stdlib.h; diff -r inc /usr/include; echo $?
find perl -printf '%p %y %s %m %n %U %G %T@\n' | grep -v ' d ' | sort | md5sum
rm -rf inc perl; ls -A
