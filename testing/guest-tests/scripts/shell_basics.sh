#!/bin/sh
# Pipes, here-documents, traps, background jobs, substitution, redirection.
set -u
echo one two | tr a-z A-Z
cat <<END
here $((6 * 7))
END
cat <<'END'
quoted $((6 * 7))
END
x=$(echo nested $(echo deeper))
echo "$x"
(exit 3); echo "status $?"
false || echo "or"
true && echo "and"
for i in 1 2 3; do echo $i; done | while read n; do echo "line $n"; done
trap 'echo "trapped USR1"' USR1
kill -USR1 $$
trap 'echo "on exit"' EXIT
sleep 0.2 & wait $!; echo "waited $?"
sh -c 'kill -TERM $$'; echo "killed $?"
sh -c 'exit 77'; echo "exit $?"
{ echo out; echo err >&2; } 2>&1 | sort
exec 3>fd3; echo three >&3; exec 3>&-; cat fd3
echo a > f; echo b >> f; wc -l < f
set -- $(seq 5); echo "$# $5"
case hello in h*) echo matched;; esac
yes | head -n 1000 | wc -l
printf '%s\n' c a b | sort | xargs echo
cd /; pwd; cd - > /dev/null
test -d /usr && echo "directory"
umask 027; umask; : > masked; stat -c %a masked
nosuchcommand 2>/dev/null; echo "unknown $?"
./f 2>/dev/null; echo "not executable $?"
