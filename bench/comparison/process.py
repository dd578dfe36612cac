"""Running commands, and the memory they use."""
import os
import re
import signal
import subprocess
import time


def environment():
    keep = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "CAISSON_JAVA_HOME", "JAVA_HOME", "TERM")}
    keep.setdefault("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    return keep


def run(command, timeout=900):
    """Runs to the end, reading its output through a pipe (never a file: runsc's output to a file is slow or lost)."""
    started = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env=environment(), cwd="/", start_new_session=True)
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return None, "", "no end within %d s" % timeout, timeout
    return process.returncode, out.decode("latin-1"), err.decode("latin-1"), time.monotonic() - started


def _processes():
    """Pairs of a process id and the fields of its stat behind the name."""
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open("/proc/%s/stat" % entry) as stat:
                    yield int(entry), stat.read().rsplit(")", 1)[1].split()
            except OSError:
                pass


def family(pid):
    """A process, its descendants, and whoever is in its session."""
    children, found = {}, [pid]
    for each, fields in _processes():
        children.setdefault(int(fields[1]), []).append(each)
        if int(fields[3]) == pid:
            found.append(each)
    todo = [pid]
    while todo:
        todo += children.get(todo.pop(), [])
        found += todo
    return found


def family_of_commands(word):
    """Processes whose command lines have a word in them, and their descendants."""
    found = []
    for pid, _ in _processes():
        try:
            with open("/proc/%d/cmdline" % pid, "rb") as line:
                if word.encode() in line.read():
                    found += family(pid)
        except OSError:
            pass
    return found


def _runsc_processes():
    """runsc starts its sandbox and gofer in sessions of their own."""
    found = []
    for pid, _ in _processes():
        try:
            with open("/proc/%d/cmdline" % pid, "rb") as line:
                if re.match(rb"(runsc-(sandbox|gofer)|/.*/runsc|exe)\b", line.read()):
                    found.append(pid)
        except OSError:
            pass
    return found


def pss_mib(pids):
    total = 0
    for pid in set(pids):
        try:
            with open("/proc/%d/smaps_rollup" % pid) as rollup:
                total += sum(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
        except OSError:
            pass
    return total / 1024


def _processor_seconds(pids):
    ticks = sum(int(fields[11]) + int(fields[12]) for pid, fields in _processes() if pid in pids)
    return ticks / os.sysconf("SC_CLK_TCK")


def idle(prefix, is_runsc):
    """Of all processes of a sandbox in which a program sleeps: proportional memory in MiB, and processor time in percent of one."""
    before = set(_runsc_processes()) if is_runsc else set()
    process = subprocess.Popen(prefix + ["/bin/sleep", "30"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, env=environment(), cwd="/", start_new_session=True)
    try:
        time.sleep(8)
        pids = set(family(process.pid))
        if is_runsc:
            pids |= {pid for pid in _runsc_processes() if pid not in before}
        used, since = _processor_seconds(pids), time.monotonic()
        time.sleep(10)
        used = (_processor_seconds(pids) - used) / (time.monotonic() - since)
        return pss_mib(pids), 100 * used
    finally:
        for sent in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, sent)
                process.wait(5)
                break
            except ProcessLookupError:
                break
            except subprocess.TimeoutExpired:
                continue
        process.wait()
