#!/bin/bash
# Process substitution, arrays, job control, coproc, here-strings, traps in functions.
diff <(seq 3) <(seq 4) ; echo "diff $?"
a=(one two three); echo "${a[@]:1}" "${#a[@]}"
cat <<< "here string"
set -m # before the coprocess, which is a job too
sleep 100 & kill -STOP %1; until [[ $(jobs) == *Stopped* ]]; do /bin/true; done
jobs -l | sed 's/[0-9]* Stopped/PID Stopped/; s/(signal)//; s/  */ /g'; kill -CONT %1; kill %1; wait %1 2>/dev/null; echo "job $?"
set +m
coproc cat; echo through coproc >&"${COPROC[1]}"; read -r line <&"${COPROC[0]}"; echo "$line"; exec {COPROC[1]}>&-; wait
mapfile -t lines < <(printf '1\n2\n3\n'); echo "${lines[*]}"
set -o pipefail; false | true; echo "pipefail $?"; set +o pipefail
read -t 0.1 nothing < <(sleep 1); echo "timeout $(( $? > 128 ))"
declare -A map=([x]=1 [y]=2); for k in x y; do echo "$k=${map[$k]}"; done
time_out=$( { time sleep 0.01; } 2>&1 ); [[ $time_out == *real* ]] && echo timed
f() { local v=$1; trap 'echo return trap' RETURN; echo "f $v"; }; f 1; trap - RETURN
[[ abc =~ b(.) ]] && echo "${BASH_REMATCH[1]}"
printf '%(%Y)T\n' 0
echo {a..e} $((2**40))
exec 5<>/tmp/caisson-bash-$$; echo data >&5; exec 5>&-; cat /tmp/caisson-bash-$$; rm /tmp/caisson-bash-$$
trap 'echo child; ' CHLD; sleep 0.05 & wait; trap - CHLD
for ((i = 0; i < 50; i++)); do /bin/true & done; wait; echo "fifty"
