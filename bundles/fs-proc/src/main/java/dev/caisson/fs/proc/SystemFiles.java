package dev.caisson.fs.proc;

import dev.caisson.kernel.GuestProcess;
import dev.caisson.kernel.Kernel;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.UtsNamespace;
import dev.caisson.spi.fs.FileSystemProvider;
import dev.caisson.vfs.DeviceRegistry;
import dev.caisson.vfs.pseudo.PseudoDirectory;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** The files of /proc about the whole system: what programs read there describes the sandbox. */
final class SystemFiles {
    private final Kernel kernel;
    /** The processor's description does not change; it is read from the host once, before the sandbox is confined. */
    private final String cpuInfo;

    SystemFiles(Kernel kernel) {
        this.kernel = kernel;
        this.cpuInfo = hostCpuInfo();
    }

    void addTo(PseudoDirectory root) {
        root.file("version", () -> "Linux version " + UtsNamespace.RELEASE + " (caisson) " + UtsNamespace.VERSION + "\n");
        root.file("cmdline", () -> "\n");
        root.file("cpuinfo", () -> cpuInfo);
        root.file("meminfo", this::memory);
        root.file("stat", this::stat);
        root.file("uptime", this::uptime);
        root.file("loadavg", this::load);
        root.file("filesystems", this::fileSystems);
        root.file("devices", this::devices);
        root.file("partitions", () -> "major minor  #blocks  name\n\n");
        root.file("diskstats", () -> "");
        root.file("swaps", () -> "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
        root.file("modules", () -> "");
        root.file("misc", () -> "");
        root.file("interrupts", () -> "");
        root.file("softirqs", () -> "");
        root.file("cgroups", () -> "#subsys_name\thierarchy\tnum_cgroups\tenabled\n");
        root.file("vmstat", this::vmstat);
        root.file("zoneinfo", () -> "");
        root.file("buddyinfo", () -> "");
        root.file("locks", () -> LockText.all(kernel));
        root.file("config.gz", ConfigText::compressed);
        root.file("key-users", () -> "");
        root.file("keys", () -> "");
        root.file("kallsyms", () -> "");
        root.file("iomem", () -> "");
        root.file("ioports", () -> "");
        root.file("crypto", () -> "");
        root.file("consoles", () -> "");
        root.file("execdomains", () -> "0-0\tLinux           \t[kernel]\n");
    }

    private static String hostCpuInfo() {
        try {
            return Files.readString(Path.of("/proc/cpuinfo"), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            // Confined already, or no proc on the host: programs find no processors listed, as on some architectures.
            return "";
        }
    }

    private long totalBytes() {
        long limit = kernel.memoryFile().limitBytes();
        return Math.min(limit, kernel.memoryFile().sizeBytes());
    }

    private String memory() {
        long total = totalBytes() >>> 10;
        long used = kernel.memoryFile().usedBytes() >>> 10;
        long free = Math.max(0, total - used);
        StringBuilder text = new StringBuilder(1500);
        row(text, "MemTotal", total);
        row(text, "MemFree", free);
        row(text, "MemAvailable", free);
        for (String name : new String[] {"Buffers", "Cached", "SwapCached"}) {
            row(text, name, 0);
        }
        row(text, "Active", used);
        for (String name : new String[] {"Inactive", "Active(anon)", "Inactive(anon)", "Active(file)", "Inactive(file)", "Unevictable", "Mlocked",
            "SwapTotal", "SwapFree", "Dirty", "Writeback"}) {
            row(text, name, name.equals("Active(anon)") ? used : 0);
        }
        row(text, "AnonPages", used);
        for (String name : new String[] {"Mapped", "Shmem", "KReclaimable", "Slab", "SReclaimable", "SUnreclaim", "KernelStack", "PageTables",
            "NFS_Unstable", "Bounce", "WritebackTmp"}) {
            row(text, name, 0);
        }
        row(text, "CommitLimit", total);
        row(text, "Committed_AS", used);
        row(text, "VmallocTotal", 34359738367L);
        row(text, "VmallocUsed", 0);
        row(text, "VmallocChunk", 0);
        text.append("HugePages_Total:       0\nHugePages_Free:        0\nHugePages_Rsvd:        0\nHugePages_Surp:        0\n");
        row(text, "Hugepagesize", 2048);
        row(text, "Hugetlb", 0);
        return text.toString();
    }

    private static void row(StringBuilder text, String name, long kib) {
        text.append(String.format("%-16s%8d kB\n", name + ":", kib));
    }

    private String stat() {
        long user = 0;
        long system = 0;
        int running = 0;
        for (GuestProcess process : kernel.rootPids().processes()) {
            user += process.usage().userNs();
            system += process.usage().systemNs();
            for (Task task : process.tasks()) {
                running += task.isSleeping() ? 0 : 1;
            }
        }
        int cpus = kernel.options().cpuCount();
        long upTicks = (System.nanoTime() - kernel.bootNs()) / StatText.TICK_NS;
        long userTicks = user / StatText.TICK_NS;
        long systemTicks = system / StatText.TICK_NS;
        long idle = Math.max(0, upTicks * cpus - userTicks - systemTicks);
        StringBuilder text = new StringBuilder(600);
        text.append(String.format("cpu  %d 0 %d %d 0 0 0 0 0 0\n", userTicks, systemTicks, idle));
        for (int cpu = 0; cpu < cpus; cpu++) {
            text.append(String.format("cpu%d %d 0 %d %d 0 0 0 0 0 0\n", cpu, userTicks / cpus, systemTicks / cpus, idle / cpus));
        }
        text.append("intr 0\nctxt 0\nbtime ").append((kernel.clocks().realtimeNs() - (System.nanoTime() - kernel.bootNs())
                - StatText.readersUptimeNs(kernel)) / 1_000_000_000L).append("\nprocesses ")
                .append(kernel.rootPids().lastPid()).append("\nprocs_running ").append(Math.max(1, running))
                .append("\nprocs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n");
        return text.toString();
    }

    private String uptime() {
        long up = (System.nanoTime() - kernel.bootNs() + StatText.readersUptimeNs(kernel)) / StatText.TICK_NS;
        long idle = up * kernel.options().cpuCount();
        return String.format("%d.%02d %d.%02d\n", up / 100, up % 100, idle / 100, idle % 100);
    }

    private String load() {
        int tasks = 0;
        int running = 0;
        for (GuestProcess process : kernel.rootPids().processes()) {
            for (Task task : process.tasks()) {
                tasks++;
                running += task.isSleeping() ? 0 : 1;
            }
        }
        return "0.00 0.00 0.00 " + Math.max(1, running) + "/" + tasks + " " + kernel.rootPids().lastPid() + "\n";
    }

    private String fileSystems() {
        StringBuilder text = new StringBuilder();
        for (FileSystemProvider provider : kernel.fileSystems().all()) {
            text.append("nodev\t").append(provider.name()).append('\n');
        }
        return text.toString();
    }

    private String devices() {
        StringBuilder characters = new StringBuilder("Character devices:\n");
        StringBuilder blocks = new StringBuilder("\nBlock devices:\n");
        for (DeviceRegistry.Range range : kernel.vfs().devices().ranges()) {
            (range.isBlock() ? blocks : characters).append(String.format("%3d %s\n", range.major(), range.name()));
        }
        return characters.append(blocks).toString();
    }

    private String vmstat() {
        long free = Math.max(0, totalBytes() - kernel.memoryFile().usedBytes()) / 4096;
        return "nr_free_pages " + free + "\npgpgin 0\npgpgout 0\npswpin 0\npswpout 0\npgfault 0\npgmajfault 0\n";
    }
}
