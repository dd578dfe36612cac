"""Measuring the rows about files: group by group, and in each group subject by subject, so that what the machine does meanwhile meets all.

A group runs in one sandbox, where bench/guest/files.c takes the times: the start of a sandbox does not count. The least time of all
repetitions counts, since what else the machine does only adds to it.
"""
import os
import re
import sys

from . import diod, material, measure, process, rows, subjects


class FileMeasurement:
    def __init__(self, only, repeat, is_quick, scratch, tree):
        self.only = only
        self.repeat = repeat
        self.is_quick = is_quick
        self.scratch = scratch
        self.tree = tree
        self.rows = {}

    def groups(self):
        """Those with a row that is wanted: the group's name, and its rows."""
        for group, its_rows in rows.FILES:
            wanted = [row for row in its_rows if not self.only or re.search(self.only, row[0])]
            if wanted and not (self.is_quick and group in rows.LONG_FILES):
                yield group, wanted

    def run(self, compared):
        groups = list(self.groups())
        if not groups:
            return self.rows
        program = measure.guest_program("files")
        try:
            with material.Material(self.scratch) as made, diod.Diod(any(subjects.DIOD in name for name in compared)) as server:
                for group, wanted in groups:
                    self._group(program, made, server, compared, group, wanted)
        finally:
            os.unlink(program)
        return self.rows

    def _group(self, program, made, server, compared, group, wanted):
        least = {}
        for _ in range(self.repeat):
            for name, subject in compared.items():
                if subject.is_rooted and group == "walk":
                    continue  # it does not see that tree
                prefix = subject.prefix([made.path, self.tree] if group == "walk" else [made.path], server)
                above = len(made.path) if subject.is_rooted else 0
                command = [program, group, made.files[above:], made.work()[above:], self.tree]
                status, out, err, _ = process.run(prefix + command, 600)
                for row, value in re.findall(r"^(\w+)\t([0-9.]+)$", out, re.M):
                    least[row, name] = min(float(value), least.get((row, name), float("inf")))
                if status != 0:
                    print("  %s: %s: exit %s %s" % (name, group, status, err.strip()[-300:]), file=sys.stderr)
        for row, title in wanted:
            values = {name: least.get((row, name)) for name in compared}
            self.rows[row] = {"title": title, "unit": "ms", "values": values}
            for subject, value in values.items():
                shown = "failed" if value is None else "%.1f ms" % value
                print("  %-40s %-20s %s" % (title, subject, shown), file=sys.stderr, flush=True)
