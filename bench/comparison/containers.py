"""The rows about containers: what an OCI runtime takes, by itself and below Docker, and the memory of containers that do nothing."""
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from . import process, rows, subjects

_WAIT_S = 60
_TYPE, _SANDBOX = "io.kubernetes.cri.container-type", "io.kubernetes.cri.sandbox-id"


class Containers:
    """A directory with a bundle, an image, a root for each runtime, and a dockerd of its own; all removed at the end."""

    def __init__(self, runtimes, only, repeat):
        self.runtimes = runtimes
        self.only = only
        self.repeat = repeat
        self.rows = {}
        self.daemon = None
        self.count = 0

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="caisson-containers-", dir="/tmp")
        self._root_directory()
        return self

    def __exit__(self, *exception):
        if self.daemon:
            self.daemon.terminate()
            self.daemon.wait()
        with open("/proc/self/mounts") as mounts:
            for line in sorted(mounts, reverse=True):
                if self.path in line.split()[1]:
                    subprocess.run(["umount", "-l", line.split()[1]], check=False)
        shutil.rmtree(self.path, ignore_errors=True)

    def _root_directory(self):
        programs = os.path.join(self.path, "rootfs/bin")
        os.makedirs(programs)
        shutil.copy(shutil.which("busybox"), os.path.join(programs, "busybox"))
        for name in ("sh", "true", "sleep", "echo"):
            os.symlink("busybox", os.path.join(programs, name))
        for name in ("proc", "dev", "tmp", "etc", "sys"):
            os.mkdir(os.path.join(self.path, "rootfs", name))

    def _bundle(self, annotations=None, paths=None):
        """config.json of a program that sleeps. Each bundle has its own root: runsc keeps a file of its own in there."""
        self.count += 1
        bundle = os.path.join(self.path, "bundle-%d" % self.count)
        os.mkdir(bundle)
        shutil.copytree(os.path.join(self.path, "rootfs"), os.path.join(bundle, "rootfs"), symlinks=True)
        namespaces = [dict({"type": name}, **({"path": paths[name]} if paths and name in paths else {}))
                      for name in ("pid", "ipc", "uts", "mount", "network")]
        with open(os.path.join(bundle, "config.json"), "w") as out:
            json.dump({"ociVersion": "1.0.2", "annotations": annotations or {}, "hostname": "bench",
                       "process": {"args": ["/bin/sleep", "1000"], "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}},
                       "root": {"path": "rootfs"},
                       "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}, {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"}],
                       "linux": {"namespaces": namespaces}}, out)
        return bundle

    def _note(self, name, title, unit, subject, value):
        self.rows.setdefault(name, {"title": title, "unit": unit, "values": {}})["values"][subject] = value
        print("  %-44s %-16s %s" % (title, subject, "failed" if value is None else "%.1f %s" % (value, unit)), file=sys.stderr, flush=True)

    @staticmethod
    def _name(text):
        """Control groups are named after containers, and others run some as well."""
        return "bench-%d-%s" % (os.getpid(), text)

    def _wanted(self, name):
        return not self.only or re.search(self.only, name)

    # ---- the runtimes themselves

    def _run(self, subject, *words):
        """Seconds that a command took. What it leaves running has its streams: they are no pipes."""
        log = os.path.join(self.path, "log")
        command = self.runtimes[subject] + ["--root", os.path.join(self.path, "root-" + subject)] + list(words)
        with open(log, "w") as err:
            started = time.monotonic()
            status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=err, stderr=err, env=self._environment(subject), check=False,
                                    timeout=_WAIT_S).returncode
            seconds = time.monotonic() - started
        if status:
            with open(log) as text:
                raise RuntimeError("%s: exit %d: %s" % (" ".join(words), status, text.read().strip()[-300:]))
        return seconds

    def _state(self, subject, container):
        command = self.runtimes[subject] + ["--root", os.path.join(self.path, "root-" + subject), "state", container]
        return json.loads(subprocess.run(command, capture_output=True, env=self._environment(subject), check=True, timeout=_WAIT_S).stdout)

    @staticmethod
    def _environment(subject):
        environment = process.environment()
        if subject != subjects.POOLED:
            environment["CAISSON_POOL"] = "off"
        return environment

    def _life(self, subject):
        """Seconds of the steps in the life of one container."""
        bundle = self._bundle()
        container = self._name("life-%d" % self.count)
        times = {}
        try:
            times["create"] = self._run(subject, "create", "--bundle", bundle, "--pid-file", os.path.join(bundle, "pid"), container)
            times["start"] = self._run(subject, "start", container)
            times["state"] = self._run(subject, "state", container)
            times["exec"] = self._run(subject, "exec", container, "/bin/true")
            times["kill"] = self._run(subject, "kill", container, "CONT")
        finally:
            times["delete"] = self._run(subject, "delete", "--force", container)
        times["life"] = times["create"] + times["start"] + times["delete"]
        return times

    def _lives(self):
        samples = {name: {subject: [] for subject in self.runtimes} for name, _ in rows.CONTAINER_STEPS}
        for _ in range(self.repeat):
            for subject in self.runtimes:
                self._refill(subject)
                try:
                    for name, seconds in self._life(subject).items():
                        if name in samples:
                            samples[name][subject].append(seconds * 1e3)
                except (RuntimeError, subprocess.SubprocessError) as e:
                    print("  %s: %s" % (subject, e), file=sys.stderr)
        for name, title in rows.CONTAINER_STEPS:
            for subject, values in samples[name].items():
                self._note(name, title, "ms", subject, statistics.median(values) if values else None)

    @staticmethod
    def _refill(subject):
        if subject == subjects.POOLED:
            subprocess.run([subjects.CAISSON, "pool", "start", "1"], check=True, stdout=subprocess.DEVNULL, timeout=5 * _WAIT_S)

    # ---- memory

    def _pss(self, subject, containers):
        pids = set(process.family_of_commands(os.path.join(self.path, "root-" + subject)))
        for container in containers:
            pids |= set(process.family(self._state(subject, container)["pid"]))
        return process.pss_mib(pids)

    def _memory(self, subject):
        """Of a sandbox with one container, and how much another one in it adds."""
        first, second = self._name("pause"), self._name("second")
        self._run(subject, "create", "--bundle", self._bundle({_TYPE: "sandbox"}), first)
        try:
            self._run(subject, "start", first)
            time.sleep(5)
            one = self._pss(subject, [first])
            self._note("idle", "idle container, all processes", "MiB PSS", subject, one)
            if subject == "runc":
                return
            pid = self._state(subject, first)["pid"]
            paths = {name: "/proc/%d/ns/%s" % (pid, file) for name, file in (("ipc", "ipc"), ("uts", "uts"), ("network", "net"))}
            self._run(subject, "create", "--bundle", self._bundle({_TYPE: "container", _SANDBOX: first}, paths), second)
            try:
                self._run(subject, "start", second)
                time.sleep(5)
                self._note("second", "second container of a pod", "MiB PSS", subject, self._pss(subject, [first, second]) - one)
            finally:
                self._run(subject, "delete", "--force", second)
        finally:
            self._run(subject, "delete", "--force", first)

    # ---- Docker

    def _docker(self, *words):
        return subprocess.run(["docker", "-H", "unix://" + self.path + "/docker.sock"] + list(words), stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, check=False, timeout=2 * _WAIT_S)

    def _start_docker(self):
        """A daemon that shares nothing with the machine's own."""
        runtimes = {}
        for subject, command in self.runtimes.items():
            if subject not in ("runc", subjects.POOLED):
                runtimes[subject] = {"path": command[0], "runtimeArgs": command[1:]}
        with open(os.path.join(self.path, "daemon.json"), "w") as out:
            json.dump({"runtimes": runtimes}, out)
        words = ["dockerd", "--config-file", self.path + "/daemon.json", "--host", "unix://" + self.path + "/docker.sock", "--data-root", self.path + "/data",
                 "--exec-root", self.path + "/exec", "--pidfile", self.path + "/docker.pid", "--bridge", "none", "--iptables=false",
                 "--ip-forward=false", "--storage-driver", "vfs"]
        with open(self.path + "/docker.log", "w") as log:
            self.daemon = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + _WAIT_S
        while self._docker("version").returncode:
            if self.daemon.poll() is not None or time.monotonic() > deadline:
                with open(self.path + "/docker.log") as log:
                    print("  without Docker: dockerd does not start: " + log.read()[-300:], file=sys.stderr)
                return False
            time.sleep(0.2)
        tar = os.path.join(self.path, "image.tar")
        subprocess.run(["tar", "cf", tar, "-C", os.path.join(self.path, "rootfs"), "."], check=True)
        return self._docker("import", tar, "bench").returncode == 0

    def _docker_runs(self):
        if not shutil.which("dockerd"):
            print("  without rows of Docker: apt-get install docker.io", file=sys.stderr)
            return
        if not self._start_docker():
            return
        samples = {subject: [] for subject in self.runtimes}
        for _ in range(self.repeat + 1):
            for subject in self.runtimes:
                self._refill(subject)
                if subject == "caisson" and subjects.POOLED in self.runtimes:
                    self._empty_pool()
                started = time.monotonic()
                runtime = "caisson" if subject == subjects.POOLED else subject
                done = self._docker("run", "--rm", "--network", "none", "--runtime", runtime, "bench", "/bin/true")
                if done.returncode == 0:
                    samples[subject].append((time.monotonic() - started) * 1e3)
                else:
                    print("  %s: docker run: %s" % (subject, done.stderr.strip()[-300:]), file=sys.stderr)
        for subject, values in samples.items():  # the first run of each warms caches
            self._note("docker_run", "docker run --rm IMAGE true", "ms", subject, statistics.median(values[1:]) if values[1:] else None)

    @staticmethod
    def _empty_pool():
        subprocess.run([subjects.CAISSON, "pool", "stop"], check=False, stdout=subprocess.DEVNULL, timeout=5 * _WAIT_S)

    def run(self):
        try:
            if any(self._wanted(name) for name, _ in rows.CONTAINER_STEPS):
                self._lives()
            if self._wanted("docker_run"):
                self._docker_runs()
            if self._wanted("idle") or self._wanted("second"):
                for subject in self.runtimes:
                    if subject != subjects.POOLED:
                        try:
                            self._memory(subject)
                        except (RuntimeError, subprocess.SubprocessError) as e:
                            print("  %s: %s" % (subject, e), file=sys.stderr)
        finally:
            if subjects.POOLED in self.runtimes:
                self._empty_pool()
        return self.rows
