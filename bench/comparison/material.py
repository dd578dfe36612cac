"""What the rows about files work on, made here, the same every time: a tree, an archive and a repository of it, a large file, SQL."""
import os
import random
import shutil
import subprocess
import tempfile

_WHEN = "1700000000 +0000"


class Material:
    """
    A directory that every subject sees by the same path; removed at the end. For root it is a filesystem in memory: what a disk does
    would be the same for all subjects, only different each time (and ext4 is slow to create files for minutes after many were removed).
    """

    def __init__(self, scratch):
        self.path = tempfile.mkdtemp(prefix="caisson-bench-", dir=scratch or "/tmp")
        self.is_mounted = not scratch and os.geteuid() == 0 and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=3g", "caisson-bench", self.path], check=False, stderr=subprocess.DEVNULL).returncode == 0
        self.files = self._below("files")
        os.mkdir(self.files)
        self._tree(os.path.join(self.files, "tree"))
        self._run("tar", "cf", "tree.tar", "tree")
        self._repository()
        self._data()
        self._sql()
        self.count = 0
        for name in ("bin", "sbin", "lib", "lib64"):  # for a sandbox of which this is the root
            if os.path.islink("/" + name):
                os.symlink(os.readlink("/" + name), self._below(name))

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self.is_mounted:
            subprocess.run(["umount", "-l", self.path], check=False)
        shutil.rmtree(self.path, ignore_errors=True)

    def _below(self, name):
        return os.path.join(self.path, name)

    def work(self):
        """A new empty directory for what a subject writes; the one before is gone."""
        shutil.rmtree(self._below("work-%d" % self.count), ignore_errors=True)
        self.count += 1
        made = self._below("work-%d" % self.count)
        os.mkdir(made)
        return made

    def _run(self, *command):
        environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": self.path, "GIT_CONFIG_NOSYSTEM": "1",
                       "GIT_AUTHOR_NAME": "bench", "GIT_AUTHOR_EMAIL": "bench@localhost", "GIT_AUTHOR_DATE": _WHEN,
                       "GIT_COMMITTER_NAME": "bench", "GIT_COMMITTER_EMAIL": "bench@localhost", "GIT_COMMITTER_DATE": _WHEN}
        subprocess.run(command, cwd=self.files, env=environment, check=True, stdout=subprocess.DEVNULL)

    @staticmethod
    def _tree(tree):
        """4000 files of 0 to 12 KiB in 200 directories, three levels deep."""
        source = random.Random(5)
        for directory in range(200):
            parent = os.path.join(tree, "area-%d" % (directory // 40), "part-%d" % (directory // 8 % 5), "unit-%03d" % directory)
            os.makedirs(parent)
            for file in range(20):
                with open(os.path.join(parent, "file-%02d.txt" % file), "wb") as out:
                    lines = source.randrange(0, 200)
                    out.write(b"".join(b"%04d %016x of a line, %d\n" % (line, source.getrandbits(64), file) for line in range(lines)))

    def _repository(self):
        """A bare repository with the branches main (the tree) and other (a third of its files changed, some gone)."""
        for command in (["init", "-q", "-b", "main", "."], ["add", "tree"], ["commit", "-q", "-m", "tree"], ["checkout", "-q", "-b", "other"]):
            self._run("git", *command)
        changed = sorted(os.path.join(where, name) for where, _, names in os.walk(os.path.join(self.files, "tree")) for name in names)
        for index, name in enumerate(changed):
            if index % 3 == 0:
                with open(name, "ab") as out:
                    out.write(b"changed\n")
            elif index % 50 == 1:
                os.unlink(name)
        for command in (["commit", "-q", "-a", "-m", "other"], ["checkout", "-q", "main"], ["clone", "-q", "--bare", ".", "repository.git"]):
            self._run("git", *command)
        shutil.rmtree(os.path.join(self.files, ".git"))

    def _data(self):
        block = random.Random(7).randbytes(1 << 20)
        with open(os.path.join(self.files, "data"), "wb") as out:
            for _ in range(256):
                out.write(block)

    def _sql(self):
        with open(os.path.join(self.files, "transactions.sql"), "w") as out:
            out.write("create table a(x integer primary key, y text);\n")
            out.writelines("insert into a(y) values('row %d of its own transaction');\n" % row for row in range(3000))
        with open(os.path.join(self.files, "inserts.sql"), "w") as out:
            out.write("create table b(x integer primary key, y text, z integer);\ncreate index bz on b(z);\nbegin;\n")
            out.writelines("insert into b(y, z) values('row %d', %d);\n" % (row, row * 7919 % 100003) for row in range(50000))
            out.write("commit;\nselect count(*), sum(z) from b where y like '%9';\n")
