"""What is compared: the host itself, Caisson on each of its platforms, and other sandboxes."""
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CAISSON = os.path.join(ROOT, "distribution/target/caisson/bin/caisson")
NATIVE = "native"
DIOD = "diod"
FILES_PLATFORM = "systrap"
POOLED = "caisson-pool"

_RUNSC = [  # name, where it may be, its platform
    ("runsc-2022", ["/usr/bin/runsc", "/usr/sbin/runsc"], "ptrace"),
    ("runsc-2026", [os.path.expanduser("~/go/bin/runsc"), "/usr/local/bin/runsc"], "systrap"),
]


def is_caisson(name):
    return name.startswith("caisson")


def is_runsc(prefix):
    return "runsc" in " ".join(prefix)


def platforms():
    """Those that run a program here, the reference first."""
    unknown = subprocess.run([CAISSON, "do", "--platform", "?", "--", "true"], capture_output=True, text=True, check=False).stderr
    listed = re.search(r"there are: ([a-z0-9, -]+)", unknown)
    names = [name for name in (listed.group(1).split(", ") if listed else ["ptrace"]) if name != "auto"]
    usable = []
    for name in sorted(names, key=lambda name: (name != "ptrace", name)):
        tried = subprocess.run([CAISSON, "do", "--platform", name, "--", "/bin/true"], capture_output=True, text=True, check=False)
        if tried.returncode == 0:
            usable.append(name)
        else:
            print("bench: without platform %s: %s" % (name, tried.stderr.strip()), file=sys.stderr)
    return usable


def caisson(names):
    return {"caisson-" + name: [CAISSON, "do", "--platform", name, "--"] for name in names}


def _runsc(path, platform):
    return [path, "--network=none", "--ignore-cgroups", "--platform=" + platform]


def installed_peers():
    peers = {}
    for name, paths, platform in _RUNSC:
        for path in paths:
            if os.access(path, os.X_OK):
                peers[name] = _runsc(path, platform) + ["do"]
                break
    return peers


def named_peers(texts):
    peers = {}
    for text in texts:
        name, _, prefix = text.partition("=")
        if not prefix:
            sys.exit("bench: --peer takes NAME='COMMAND PREFIX', not " + text)
        peers[name] = prefix.split()
    return peers


# ---- subjects of the rows about files


class FileSubject:
    """Where a row about files runs."""

    def __init__(self, prefix, is_rooted=False):
        """
        prefix: from the directories that the row uses, and a 9P server, to the words before the command.
        is_rooted: the material is the root directory of the sandbox.
        """
        self.prefix = prefix
        self.is_rooted = is_rooted


def _plain(words):
    return FileSubject(lambda directories, server: words)


def _caisson_volumes(platform, suffix):
    return FileSubject(lambda directories, server: [CAISSON, "do", "--platform", platform]
                       + [word for each in directories for word in ("--volume", each + ":" + each + suffix)] + ["--"])


def _caisson_diod(platform):
    # diod does not cross mount points. The programs come from a volume; material.py makes the links that lead there.
    return FileSubject(lambda directories, server: [CAISSON, "do", "--platform", platform, "--rootfs", "9p", "--9p-server",
                                                    "unix:%s,aname=%s" % (server.socket, directories[0]), "--volume", "/usr:/usr:ro", "--"],
                       is_rooted=True)


def _runsc_volumes(path, platform, flags):
    # Without --force-overlay=false a volume lies under a layer in memory as well.
    return FileSubject(lambda directories, server: _runsc(path, platform) + flags + ["do", "--force-overlay=false"]
                       + [word for each in directories for word in ("--volume", each + ":" + each)])


def file_subjects(platform, has_peers, peers):
    """The host; Caisson: overlay, and 9P by its gofer and by diod; each runsc as it is, and the newer one with volumes; named peers."""
    overlay = [CAISSON, "do", "--platform", platform, "--rootfs", "overlay", "--"]
    compared = {NATIVE: _plain([]), "caisson-overlay": _plain(overlay), "caisson-9p": _caisson_volumes(platform, ":9p"),
                "caisson-9p-exclusive": _caisson_volumes(platform, ":9p:cache=exclusive")}
    if os.access("/usr/sbin/diod", os.X_OK) and os.geteuid() == 0:
        compared["caisson-9p-" + DIOD] = _caisson_diod(platform)
    for name, paths, peer_platform in _RUNSC if has_peers else []:
        path = next((path for path in paths if os.access(path, os.X_OK)), None)
        if path:
            compared[name + "-overlay"] = _plain(_runsc(path, peer_platform) + ["do"])
            if name == "runsc-2026":
                compared[name + "-directfs"] = _runsc_volumes(path, peer_platform, [])
                compared[name + "-gofer"] = _runsc_volumes(path, peer_platform, ["--directfs=false"])
    compared.update({name: _plain(words) for name, words in named_peers(peers).items()})
    return compared


def runtimes(has_peers):
    """OCI runtimes, as the words before a command: runc, both runsc's, and Caisson, cold and with a pool."""
    compared = {}
    path = shutil.which("runc") if has_peers else None
    if path:
        compared["runc"] = [path]
    for name, paths, platform in _RUNSC if has_peers else []:
        path = next((path for path in paths if os.access(path, os.X_OK)), None)
        if path:
            compared[name] = _runsc(path, platform)
    compared["caisson"] = [CAISSON]
    compared[POOLED] = [CAISSON]
    return compared
