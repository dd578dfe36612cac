package dev.caisson.control.container;

import dev.caisson.abi.Mount;
import dev.caisson.kernel.GuestProcess;
import dev.caisson.kernel.PidNamespace;
import dev.caisson.kernel.ProcessSet;
import dev.caisson.kernel.Task;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.vfs.pseudo.PseudoDirectory;
import dev.caisson.vfs.pseudo.PseudoFileSystem;
import java.util.function.ToIntFunction;

/**
 * What a container sees of its control group: the files of cgroups version 2 (Documentation/admin-guide/cgroup-v2.rst) that programs size
 * themselves by. They can only be read: limits are kept by the host, outside, and by the kernel. Deviation: a group of version 2 also where the host has
 * version 1.
 */
final class ControlGroupFiles {
    private ControlGroupFiles() {}

    /**
     * Makes the filesystem.
     *
     * @param set whose processes are shown
     * @param own in which they are numbered for a reader outside of the sandbox
     * @param limits what is limited
     * @return a filesystem to mount
     */
    static FileSystem of(ProcessSet set, PidNamespace own, ContainerLimits limits) {
        PseudoFileSystem files = new PseudoFileSystem("cgroup2", Integer.toUnsignedLong(Mount.CGROUP2_SUPER_MAGIC));
        PseudoDirectory root = new PseudoDirectory(files, 0555);
        root.file("cgroup.controllers", () -> "cpu memory pids\n");
        root.file("cgroup.subtree_control", () -> "\n");
        root.file("cgroup.type", () -> "domain\n");
        root.file("cgroup.events", () -> "populated 1\nfrozen 0\n");
        root.file("cgroup.stat", () -> "nr_descendants 0\nnr_dying_descendants 0\n");
        root.file("cgroup.max.depth", () -> "max\n");
        root.file("cgroup.max.descendants", () -> "max\n");
        root.file("cgroup.procs", () -> numbers(set, process -> process.identity().in(viewer(own))));
        root.file("cgroup.threads", () -> threads(set, own));
        root.file("memory.max", limits::memoryMax);
        root.file("memory.low", () -> "0\n");
        root.file("memory.min", () -> "0\n");
        root.file("memory.high", () -> "max\n");
        root.file("memory.swap.max", limits::swapMax);
        root.file("memory.swap.current", () -> "0\n");
        root.file("memory.current", () -> set.memoryBytes() + "\n");
        root.file("memory.peak", () -> set.peakMemoryBytes() + "\n");
        root.file("memory.stat", () -> "anon " + set.memoryBytes() + "\nfile 0\ninactive_file 0\n");
        root.file("memory.events", () -> "low 0\nhigh 0\nmax " + set.memoryRefusals() + "\noom " + set.memoryKills() + "\noom_kill " + set.memoryKills() + "\n");
        root.file("memory.oom.group", () -> set.diesTogether() ? "1\n" : "0\n");
        root.file("pids.max", () -> limit(set.taskLimit() == Long.MAX_VALUE ? null : Long.valueOf(set.taskLimit())));
        root.file("pids.current", () -> set.taskCount() + "\n");
        root.file("cpu.max", limits::cpuMax);
        root.file("cpu.max.burst", limits::burst);
        root.file("cpu.weight", limits::weight);
        root.file("cpu.stat", () -> usage(set));
        return files.root(root);
    }

    private static PidNamespace viewer(PidNamespace otherwise) {
        Task task = Task.current();
        return task == null ? otherwise : task.pidNamespace();
    }

    private static String limit(Long value) {
        return value == null || value < 0 ? "max\n" : value + "\n";
    }

    private static String numbers(ProcessSet set, ToIntFunction<GuestProcess> number) {
        StringBuilder text = new StringBuilder();
        for (GuestProcess process : set.processes()) {
            if (!process.isZombie()) {
                text.append(number.applyAsInt(process)).append('\n');
            }
        }
        return text.toString();
    }

    private static String threads(ProcessSet set, PidNamespace own) {
        StringBuilder text = new StringBuilder();
        PidNamespace viewer = viewer(own);
        for (GuestProcess process : set.processes()) {
            process.tasks().forEach(task -> text.append(task.identity().in(viewer)).append('\n'));
        }
        return text.toString();
    }

    private static String usage(ProcessSet set) {
        long user = 0;
        long system = 0;
        for (GuestProcess process : set.processes()) {
            var used = process.usage();
            user += used.userNs() / 1000;
            system += used.systemNs() / 1000;
        }
        return "usage_usec " + (user + system) + "\nuser_usec " + user + "\nsystem_usec " + system + "\n";
    }
}
