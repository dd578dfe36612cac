"""What is compared: the host itself, Caisson on each of its platforms, and other sandboxes."""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CAISSON = os.path.join(ROOT, "distribution/target/caisson/bin/caisson")
NATIVE = "native"

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


def installed_peers():
    peers = {}
    for name, paths, platform in _RUNSC:
        for path in paths:
            if os.access(path, os.X_OK):
                peers[name] = [path, "--network=none", "--ignore-cgroups", "--platform=" + platform, "do"]
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
