"""Measuring: row by row, and in each row subject by subject, so that what the machine does meanwhile meets all of them."""
import os
import re
import shutil
import statistics
import subprocess
import sys

from . import process, rows, subjects

HERE = os.path.dirname(os.path.abspath(__file__))


class Measurement:
    def __init__(self, compared, only, repeat, is_quick, has_share):
        self.compared = compared
        self.only = only
        self.repeat = repeat
        self.is_quick = is_quick
        self.has_share = has_share
        self.rows = {}

    def _wanted(self, name):
        return not self.only or re.search(self.only, name)

    def _note(self, name, title, unit, subject, value):
        self.rows.setdefault(name, {"title": title, "unit": unit, "values": {}})["values"][subject] = value
        shown = "failed" if value is None else "%.3f %s" % (value, unit)
        print("  %-36s %-16s %s" % (title, subject, shown), file=sys.stderr, flush=True)

    @staticmethod
    def _complain(subject, name, status, err):
        print("  %s: %s: exit %s %s" % (subject, name, status, err.strip()[-300:]), file=sys.stderr)

    def run(self):
        program = guest_program("bench")
        try:
            for name, title, iterations in rows.INSIDE:
                if self._wanted(name):
                    self._inside(program, name, title, iterations)
        finally:
            os.unlink(program)
        for name, title, unit, command, repetitions in rows.OUTSIDE:
            if self._wanted(name) and not (self.is_quick and name in rows.LONG):
                self._outside(name, title, unit, command, 1 if self.is_quick else repetitions)
        if any(self._wanted(name) for name, _, _ in rows.REDIS_ROWS):
            self._redis()
        if self._wanted("idle"):
            for subject, prefix in self.compared.items():
                memory, processor = process.idle(prefix, subjects.is_runsc(prefix))
                self._note("idle_memory", "idle memory", "MiB PSS", subject, memory)
                self._note("idle_processor", "idle processor time", "% of one", subject, processor)
        return self.rows

    def _inside(self, program, name, title, iterations):
        samples = {subject: [] for subject in self.compared}
        for _ in range(self.repeat):
            for subject, prefix in self.compared.items():
                status, out, err, _ = process.run(prefix + [program, "--row", name], 120)
                match = re.search(r"^%s\t([0-9.]+)" % name, out, re.M)
                if match:
                    samples[subject].append(float(match.group(1)))
                else:
                    self._complain(subject, name, status, err)
        for subject, values in samples.items():
            self._note(name, title, "µs", subject, statistics.median(values) if values else None)
        if self.has_share:
            shares = {s: kernel_share(p, program, name, iterations) for s, p in self.compared.items() if subjects.is_caisson(s)}
            self.rows[name]["kernel_share_us"] = shares

    def _outside(self, name, title, unit, command, repetitions):
        times = {subject: [] for subject in self.compared}
        outputs = set()
        for _ in range(repetitions):
            for subject, prefix in self.compared.items():
                status, out, err, seconds = process.run(prefix + command)
                if status == 0:
                    times[subject].append(seconds * (1e3 if unit == "ms" else 1))
                    outputs.add(out)
                else:
                    self._complain(subject, name, status, err)
        if len(outputs) > 1:
            print("  %s: the subjects do not print the same" % name, file=sys.stderr)
        for subject, values in times.items():
            self._note(name, title, unit, subject, statistics.median(values) if values else None)

    def _redis(self):
        if not shutil.which("redis-server") or not shutil.which("redis-benchmark"):
            print("  without redis rows: apt-get install redis-server redis-tools", file=sys.stderr)
            return
        for subject, prefix in self.compared.items():
            status, out, err, _ = process.run(prefix + ["/bin/sh", "-c", rows.REDIS], 180)
            for name, title, command in rows.REDIS_ROWS:
                if self._wanted(name):
                    rates = re.findall(r'^"%s","([0-9.]+)"' % command, out, re.M)
                    if not rates:
                        self._complain(subject, name, status, err)
                    self._note(name, title, "µs", subject, 1e6 / float(rates[-1]) if rates else None)


def guest_program(name):
    """Compiles bench/guest/NAME.c to where every sandbox sees it."""
    directory = "/usr/local/bin" if os.access("/usr/local/bin", os.W_OK) else "/var/tmp"
    target = os.path.join(directory, "caisson-" + name)
    source = os.path.join(os.path.dirname(HERE), "guest", name + ".c")
    subprocess.run(["gcc", "-O2", "-pthread", "-o", target, source], check=True)
    return target


def kernel_share(prefix, program, name, iterations):
    """Time between leaving and entering the guest, per operation in µs, from a profile of the platform's boundary."""
    profile = "/tmp/caisson-bench-profile.%d" % os.getpid()
    try:
        process.run(["env", "CAISSON_PROFILE=" + profile] + prefix + [program, "--row", name, "--iterations", str(iterations)], 300)
        total = 0.0
        with open(profile) as lines:
            for line in lines:
                _, count, median_ns = line.rstrip("\n").split("\t")[:3]
                per_operation = int(count) / iterations
                if per_operation > 0.9:
                    total += round(per_operation) * float(median_ns) / 1e3
                elif per_operation >= 0.4:  # every other operation; what is rarer belongs to the program's start
                    total += 0.5 * float(median_ns) / 1e3
        return total
    except OSError:
        return None
    finally:
        if os.path.exists(profile):
            os.unlink(profile)
