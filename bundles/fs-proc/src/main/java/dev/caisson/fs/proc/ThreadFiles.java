package dev.caisson.fs.proc;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EPERM;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.kernel.CommandLine;
import dev.caisson.kernel.GuestProcess;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.namespace.NamespaceFiles;
import dev.caisson.kernel.namespace.NamespaceKind;
import dev.caisson.kernel.time.TimeOffsets;
import dev.caisson.memory.MemoryManager;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.pseudo.PseudoDirectory;

/** The files of /proc/PID and of /proc/PID/task/TID: which exist, and who may read them. */
final class ThreadFiles {
    private static final long SECOND_NS = 1_000_000_000;

    private ThreadFiles() {}

    static void addTo(OwnedDirectory directory, GuestProcess process, Task task, boolean wholeProcess) {
        StatText stat = new StatText(process, task, wholeProcess);
        directory.owned("stat", 0444, stat::stat);
        directory.owned("status", 0444, stat::status);
        directory.owned("statm", 0444, stat::statm);
        directory.owned("comm", 0644, () -> task.comm() + "\n", text -> task.comm(strip(text)));
        directory.owned("cmdline", 0444, () -> CommandLine.arguments(task));
        directory.owned("environ", 0400, () -> environment(task));
        directory.owned("auxv", 0400, () -> auxiliaryVector(task));
        directory.inspected("maps", () -> MapsText.maps(inspected(task)));
        directory.inspected("smaps", () -> MapsText.smaps(inspected(task)));
        directory.inspected("smaps_rollup", () -> MapsText.rollup(inspected(task)));
        directory.owned("limits", 0444, () -> LimitsText.of(process.limits()));
        directory.owned("oom_score", 0444, () -> "0\n");
        directory.owned("oom_score_adj", 0644, () -> process.oomScoreAdjustment() + "\n", text -> adjustOomScore(process, text));
        directory.owned("oom_adj", 0644, () -> (process.oomScoreAdjustment() == 1000 ? 15 : process.oomScoreAdjustment() * 17 / 1000) + "\n",
                text -> adjustOomScore(process, Integer.toString(oldAdjustment(text))));
        directory.owned("coredump_filter", 0644, () -> String.format("%08x\n", coredumpFilter(process).bits),
                text -> coredumpFilter(process).bits = coredumpBits(text));
        directory.owned("syscall", 0400, () -> "running\n");
        directory.owned("stack", 0400, () -> "");
        directory.owned("timers", 0444, () -> "");
        directory.owned("projid_map", 0644, () -> String.format("%10d %10d %10d\n", 0, 0, 4294967295L));
        directory.owned("timens_offsets", 0644, () -> clockOffsets(process));
        directory.owned("loginuid", 0644, () -> Integer.toUnsignedString(loginUser(process).uid), text -> setLoginUser(process, text));
        directory.owned("sessionid", 0444, () -> "4294967295");
        directory.owned("cgroup", 0444, () -> "0::/\n");
        directory.owned("cpuset", 0444, () -> "/\n");
        directory.owned("wchan", 0444, () -> "0");
        directory.owned("personality", 0400, () -> String.format("%08x\n", task.personality()));
        directory.owned("io", 0400, () -> "rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\nread_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n");
        directory.owned("schedstat", 0444, () -> task.times().userNs() + task.times().systemNs() + " 0 "
                + (task.times().voluntarySwitches() + task.times().involuntarySwitches()) + "\n");
        directory.owned("uid_map", 0644, () -> String.format("%10d %10d %10d\n", 0, 0, 4294967295L));
        directory.owned("gid_map", 0644, () -> String.format("%10d %10d %10d\n", 0, 0, 4294967295L));
        directory.owned("setgroups", 0644, () -> "allow\n");
        directory.owned("timerslack_ns", 0666, () -> task.scheduling().timerSlackNs() + "\n",
                text -> task.scheduling().timerSlackNs(slackNs(text)));
        directory.owned("sched", 0644, () -> SchedulingText.of(process, task), text -> {
            if (!text.strip().equals("0")) {
                throw EINVAL.error(); // 0 sets the counters back, of which there are none
            }
        });
        directory.inspected("numa_maps", () -> MapsText.policies(inspected(task)));
        directory.owned("clear_refs", 0200, () -> "", text -> {
            int what = ProcNames.number(text.strip());
            if (what < 1 || what > 5) {
                throw EINVAL.error(); // there are no referenced bits to clear
            }
        });
        directory.owned("mounts", 0444, () -> MountsText.mounts(task));
        directory.owned("mountinfo", 0444, () -> MountsText.mountInfo(task));
        directory.owned("mountstats", 0400, () -> MountsText.mountStats(task));
        directory.magic("exe", () -> executable(task));
        directory.magic("cwd", () -> task.fs() == null ? null : task.fs().workingDirectory());
        directory.magic("root", () -> task.fs() == null ? null : task.fs().root());
        directory.add("mem", () -> new MemoryFileInode(directory.fileSystem(), task));
        directory.add("fd", () -> new FdDirectory(directory.fileSystem(), ProcNames.inode(task.tid(), 0x1000), task, false));
        directory.add("fdinfo", () -> new FdDirectory(directory.fileSystem(), ProcNames.inode(task.tid(), 0x2000), task, true));
        directory.add("ns", () -> namespaces(directory, task));
        directory.add("net", () -> new ProcNet(task.kernel()).addTo(new PseudoDirectory(directory.fileSystem(), 0555)));
        if (!wholeProcess) {
            directory.owned("children", 0444, () -> children(process, task));
        }
    }

    private static PseudoDirectory namespaces(OwnedDirectory parent, Task task) {
        OwnedDirectory directory = new OwnedDirectory(parent.fileSystem(), 0511, ProcNames.inode(task.tid(), 0x3000), task);
        for (NamespaceKind kind : NamespaceKind.values()) {
            directory.magic(kind.link(), () -> NamespaceFiles.of(task.kernel()).location(task, kind));
        }
        return directory;
    }

    private static String children(GuestProcess process, Task task) {
        StringBuilder text = new StringBuilder();
        if (process.leader() == task) {
            for (GuestProcess child : process.children()) {
                text.append(child.identity().in(task.pidNamespace())).append(' ');
            }
        }
        return text.toString();
    }

    private static Location executable(Task task) {
        MemoryManager memory = task.memory();
        return memory != null && memory.layout().executable instanceof FileDescription file ? file.location() : null;
    }

    /** Whoever may trace a process may see where its memory lies. */
    private static Task inspected(Task task) throws ErrnoException {
        ProcLink.checkMayInspect(task, Callers.current().credentials());
        return task;
    }

    private static String environment(Task task) throws ErrnoException {
        MemoryManager memory = inspected(task).memory();
        return memory == null ? "" : CommandLine.environment(memory);
    }

    private static String auxiliaryVector(Task task) throws ErrnoException {
        MemoryManager memory = inspected(task).memory();
        if (memory == null) {
            return "";
        }
        StringBuilder bytes = new StringBuilder();
        for (long word : memory.layout().auxiliaryVector) {
            for (int shift = 0; shift < 64; shift += 8) {
                bytes.append((char) (word >>> shift & 0xff));
            }
        }
        return bytes.toString();
    }

    /** What a core dump would hold: kept for its user, since no core is ever written. */
    private static final class CoredumpFilter {
        volatile int bits = 0x33;
    }

    /** Who logged in, as PAM notes it. Deviation: children do not inherit it. */
    private static final class LoginUser {
        static final int NOBODY = -1;
        volatile int uid = NOBODY;
    }

    private static LoginUser loginUser(GuestProcess process) {
        return process.attachments().of(LoginUser.class, LoginUser::new);
    }

    /** One's own, and only once without CAP_AUDIT_CONTROL. */
    private static void setLoginUser(GuestProcess process, String text) throws ErrnoException {
        Task caller = Callers.current();
        LoginUser user = loginUser(process);
        if (caller.process() != process || user.uid != LoginUser.NOBODY && !caller.credentials().has(Capability.CAP_AUDIT_CONTROL)) {
            throw EPERM.error();
        }
        try {
            user.uid = Integer.parseUnsignedInt(text.strip());
        } catch (NumberFormatException e) {
            throw EINVAL.error("not a number");
        }
    }

    private static CoredumpFilter coredumpFilter(GuestProcess process) {
        return process.attachments().of(CoredumpFilter.class, CoredumpFilter::new);
    }

    private static int coredumpBits(String text) throws ErrnoException {
        try {
            return Integer.decode(text.strip()) & 0x1ff;
        } catch (NumberFormatException e) {
            throw EINVAL.error("not a number");
        }
    }

    /** oom_adj, the older scale: -17 to 15. */
    private static long slackNs(String text) throws ErrnoException {
        try {
            return Long.parseUnsignedLong(text.strip());
        } catch (NumberFormatException e) {
            throw EINVAL.error("not a number");
        }
    }

    private static int oldAdjustment(String text) throws ErrnoException {
        int value;
        try {
            value = Integer.parseInt(text.strip());
        } catch (NumberFormatException e) {
            throw EINVAL.error("not a number");
        }
        if (value < -17 || value > 15) {
            throw EINVAL.error("-17 to 15");
        }
        return value == 15 ? 1000 : value * 1000 / 17;
    }

    private static String strip(String text) {
        String name = text.endsWith("\n") ? text.substring(0, text.length() - 1) : text;
        return name.length() > 15 ? name.substring(0, 15) : name;
    }

    private static void adjustOomScore(GuestProcess process, String text) throws ErrnoException {
        int value;
        try {
            value = Integer.parseInt(text.strip());
        } catch (NumberFormatException e) {
            throw EINVAL.error("not a number");
        }
        if (value < -1000 || value > 1000) {
            throw EINVAL.error("-1000 to 1000");
        }
        if (value < process.oomScoreAdjustment() && !Callers.current().credentials().has(dev.caisson.abi.Capability.CAP_SYS_RESOURCE)) {
            throw dev.caisson.abi.Errno.EACCES.error();
        }
        process.oomScoreAdjustment(value);
    }

    /** As {@code proc_timens_show_offsets}: seconds, nanoseconds that are not negative. */
    private static String clockOffsets(GuestProcess process) {
        TimeOffsets offsets = process.set().time();
        return String.format("%-10s %10d %9d\n%-10s %10d %9d\n", "monotonic", Math.floorDiv(offsets.monotonicNs(), SECOND_NS),
                Math.floorMod(offsets.monotonicNs(), SECOND_NS), "boottime", Math.floorDiv(offsets.boottimeNs(), SECOND_NS),
                Math.floorMod(offsets.boottimeNs(), SECOND_NS));
    }
}
