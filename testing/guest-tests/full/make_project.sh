#!/bin/bash
# make -j of a small project.
for tool in make gcc; do command -v $tool >/dev/null || { echo "no $tool"; exit 0; }; done
for i in $(seq 12); do echo "int f$i(int x){return x*$i;}" > f$i.c; done
{ for i in $(seq 12); do echo "int f$i(int);"; done; echo '#include <stdio.h>'; echo 'int main(void){int s=0;'; for i in $(seq 12); do echo "s+=f$i(2);"; done; echo 'printf("%d\n",s);return 0;}'; } > main.c
printf 'OBJ=$(patsubst %%.c,%%.o,$(wildcard *.c))\nprog: $(OBJ)\n\tgcc -o $@ $^\n%%.o: %%.c\n\tgcc -O2 -c $<\nclean:\n\trm -f *.o prog\n' > Makefile
make -s -j2; ./prog; make -s -j4 clean; make -s -j4 -l 4 && ./prog; make -q; echo $?; touch f1.c; make -n | wc -l; ar rcs l.a *.o; nm l.a | grep -c ' T '; objdump -d f1.o | tail -3; strip prog; ./prog; gcc -S -o - f1.c | md5sum
