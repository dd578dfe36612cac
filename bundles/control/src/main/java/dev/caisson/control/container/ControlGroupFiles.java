package dev.caisson.control.container;

import dev.caisson.abi.Mount;
import dev.caisson.kernel.GuestProcess;
import dev.caisson.kernel.Kernel;
import dev.caisson.kernel.PidNamespace;
import dev.caisson.kernel.Task;
import dev.caisson.oci.spec.OciResources;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.vfs.pseudo.PseudoDirectory;
import dev.caisson.vfs.pseudo.PseudoFileSystem;
import java.util.function.ToIntFunction;

/**
 * What a container sees of its control group: the files of cgroups version 2 (Documentation/admin-guide/cgroup-v2.rst) that programs size
 * themselves by. They can only be read: limits are kept by the host, outside. Deviation: a group of version 2 also where the host has
 * version 1.
 */
final class ControlGroupFiles {
    private static final long DEFAULT_PERIOD_US = 100_000;
    private static final long DEFAULT_SHARES = 1024;

    private ControlGroupFiles() {}

    /**
     * Makes the filesystem.
     *
     * @param kernel whose memory is shown
     * @param pids whose processes are shown
     * @param limits what the configuration limits
     * @return a filesystem to mount
     */
    static FileSystem of(Kernel kernel, PidNamespace pids, OciResources limits) {
        PseudoFileSystem files = new PseudoFileSystem("cgroup2", Integer.toUnsignedLong(Mount.CGROUP2_SUPER_MAGIC));
        PseudoDirectory root = new PseudoDirectory(files, 0555);
        root.file("cgroup.controllers", () -> "cpu memory pids\n");
        root.file("cgroup.subtree_control", () -> "\n");
        root.file("cgroup.type", () -> "domain\n");
        root.file("cgroup.events", () -> "populated 1\nfrozen 0\n");
        root.file("cgroup.stat", () -> "nr_descendants 0\nnr_dying_descendants 0\n");
        root.file("cgroup.max.depth", () -> "max\n");
        root.file("cgroup.max.descendants", () -> "max\n");
        root.file("cgroup.procs", () -> numbers(pids, process -> process.identity().in(viewer(pids))));
        root.file("cgroup.threads", () -> threads(pids));
        OciResources.Memory memory = limits.memory();
        root.file("memory.max", () -> limit(memory.limit()));
        root.file("memory.low", () -> "0\n");
        root.file("memory.min", () -> "0\n");
        root.file("memory.high", () -> "max\n");
        root.file("memory.swap.max", () -> memory.swap() == null || memory.limit() == null ? "max\n"
                : limit(memory.swap() < 0 ? memory.swap() : Long.valueOf(memory.swap() - Math.max(0, memory.limit()))));
        root.file("memory.swap.current", () -> "0\n");
        root.file("memory.current", () -> kernel.memoryFile().usedBytes() + "\n");
        root.file("memory.stat", () -> "anon " + kernel.memoryFile().usedBytes() + "\nfile 0\ninactive_file 0\n");
        root.file("memory.events", () -> "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n");
        root.file("pids.max", () -> limit(pids.taskLimit() == Long.MAX_VALUE ? null : Long.valueOf(pids.taskLimit())));
        root.file("pids.current", () -> tasks(pids) + "\n");
        OciResources.Cpu cpu = limits.cpu();
        long period = cpu.period() == null || cpu.period() == 0 ? DEFAULT_PERIOD_US : cpu.period();
        root.file("cpu.max", () -> (cpu.quota() == null || cpu.quota() <= 0 ? "max" : cpu.quota().toString()) + " " + period + "\n");
        root.file("cpu.max.burst", () -> (cpu.burst() == null ? 0 : cpu.burst()) + "\n");
        root.file("cpu.weight", () -> weight(cpu.shares()) + "\n");
        root.file("cpu.stat", () -> usage(pids));
        return files.root(root);
    }

    private static PidNamespace viewer(PidNamespace otherwise) {
        Task task = Task.current();
        return task == null ? otherwise : task.pidNamespace();
    }

    private static String limit(Long value) {
        return value == null || value < 0 ? "max\n" : value + "\n";
    }

    /** The weight that runc gives for shares of version 1: 2 to 262144 become 1 to 10000. */
    private static long weight(Long shares) {
        long given = shares == null || shares == 0 ? DEFAULT_SHARES : Math.clamp(shares, 2, 262_144);
        return 1 + (given - 2) * 9999 / 262_142;
    }

    private static String numbers(PidNamespace pids, ToIntFunction<GuestProcess> number) {
        StringBuilder text = new StringBuilder();
        for (GuestProcess process : pids.processes()) {
            if (!process.isZombie()) {
                text.append(number.applyAsInt(process)).append('\n');
            }
        }
        return text.toString();
    }

    private static String threads(PidNamespace pids) {
        StringBuilder text = new StringBuilder();
        PidNamespace viewer = viewer(pids);
        for (GuestProcess process : pids.processes()) {
            process.tasks().forEach(task -> text.append(task.identity().in(viewer)).append('\n'));
        }
        return text.toString();
    }

    private static int tasks(PidNamespace pids) {
        return pids.processes().stream().mapToInt(GuestProcess::threadCount).sum();
    }

    private static String usage(PidNamespace pids) {
        long user = 0;
        long system = 0;
        for (GuestProcess process : pids.processes()) {
            var used = process.usage();
            user += used.userNs() / 1000;
            system += used.systemNs() / 1000;
        }
        return "usage_usec " + (user + system) + "\nuser_usec " + user + "\nsystem_usec " + system + "\n";
    }
}
