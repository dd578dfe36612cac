"""Debian's 9P server, for the subjects that want one."""
import os
import shutil
import subprocess
import tempfile
import time


class Diod:
    """Serves all of the machine on a UNIX socket while it is entered."""

    def __init__(self, is_wanted):
        self.is_wanted = is_wanted
        self.process = None
        self.directory = None
        self.socket = None

    def __enter__(self):
        if self.is_wanted:
            self.directory = tempfile.mkdtemp(prefix="caisson-bench-diod-")
            self.socket = os.path.join(self.directory, "socket")
            self.process = subprocess.Popen([shutil.which("diod", path="/usr/sbin:/usr/bin"), "-f", "-n", "-c", "/dev/null", "-e", "/", "-l",
                                             self.socket], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while not os.path.exists(self.socket) and self.process.poll() is None:
                time.sleep(0.02)
        return self

    def __exit__(self, *exception):
        if self.process:
            self.process.terminate()
            self.process.wait()
            shutil.rmtree(self.directory, ignore_errors=True)
