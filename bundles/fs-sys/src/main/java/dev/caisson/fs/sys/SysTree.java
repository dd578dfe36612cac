package dev.caisson.fs.sys;

import dev.caisson.kernel.Kernel;
import dev.caisson.kernel.net.KernelNetwork;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.net.NetworkInterface;
import dev.caisson.vfs.pseudo.PseudoDirectory;
import java.util.ArrayList;
import java.util.List;

/** The directories of sysfs. */
final class SysTree {
    private SysTree() {}

    static PseudoDirectory of(FileSystem fileSystem, Kernel kernel) {
        PseudoDirectory root = new PseudoDirectory(fileSystem, 0555);
        PseudoDirectory system = root.directory("devices").directory("system");
        processors(system.directory("cpu"), kernel.options().cpuCount());
        PseudoDirectory node = system.directory("node");
        for (String name : new String[] {"online", "possible", "has_cpu", "has_memory", "has_normal_memory"}) {
            node.file(name, () -> "0\n");
        }
        onlyNode(node.directory("node0"), kernel);
        PseudoDirectory kernelDirectory = root.directory("kernel");
        PseudoDirectory hugePages = kernelDirectory.directory("mm").directory("transparent_hugepage");
        hugePages.file("enabled", () -> "always madvise [never]\n");
        hugePages.file("defrag", () -> "always defer defer+madvise [madvise] never\n");
        hugePages.file("shmem_enabled", () -> "always within_size advise [never] deny force\n");
        hugePages.file("use_zero_page", () -> "0\n");
        hugePages.file("hpage_pmd_size", () -> "2097152\n");
        PseudoDirectory fs = root.directory("fs");
        fs.directory("cgroup");
        PseudoDirectory classes = root.directory("class");
        classes.add("net", () -> new NetworkClass(fileSystem, kernel));
        classes.directory("block");
        classes.directory("tty");
        root.directory("block");
        root.directory("bus");
        PseudoDirectory numbers = root.directory("dev");
        numbers.directory("block");
        numbers.directory("char");
        root.directory("firmware");
        root.directory("module");
        root.directory("power");
        return root;
    }

    private static void processors(PseudoDirectory directory, int count) {
        for (String name : new String[] {"online", "possible", "present"}) {
            directory.file(name, () -> range(count));
        }
        directory.file("offline", () -> "\n");
        directory.file("isolated", () -> "\n");
        PseudoDirectory siblings = directory.directory("smt");
        siblings.file("active", () -> "0\n");
        siblings.file("control", () -> "notsupported\n");
        directory.file("kernel_max", () -> "8191\n");
        for (int cpu = 0; cpu < count; cpu++) {
            int id = cpu;
            PseudoDirectory one = directory.directory("cpu" + cpu);
            one.file("online", () -> "1\n");
            PseudoDirectory topology = one.directory("topology");
            topology.file("core_id", () -> id + "\n");
            topology.file("physical_package_id", () -> "0\n");
            topology.file("die_id", () -> "0\n");
            for (String name : new String[] {"thread_siblings", "core_cpus"}) {
                topology.file(name, () -> mask(id, 1, count));
                topology.file(name + "_list", () -> id + "\n");
            }
            for (String name : new String[] {"core_siblings", "package_cpus", "die_cpus"}) {
                topology.file(name, () -> mask(0, count, count));
                topology.file(name + "_list", () -> range(count));
            }
        }
    }

    /** All memory and all processors are in one node. */
    private static void onlyNode(PseudoDirectory directory, Kernel kernel) {
        int count = kernel.options().cpuCount();
        directory.file("cpulist", () -> range(count));
        directory.file("cpumap", () -> mask(0, count, count));
        directory.file("distance", () -> "10\n");
        directory.file("numastat", () -> "numa_hit 0\nnuma_miss 0\nnuma_foreign 0\ninterleave_hit 0\nlocal_node 0\nother_node 0\n");
        directory.file("meminfo", () -> {
            long totalKib = Math.min(kernel.memoryFile().limitBytes(), kernel.memoryFile().sizeBytes()) >>> 10;
            long usedKib = Math.min(totalKib, kernel.memoryFile().usedBytes() >>> 10);
            return memory("MemTotal", totalKib) + memory("MemFree", totalKib - usedKib) + memory("MemUsed", usedKib);
        });
        for (int cpu = 0; cpu < count; cpu++) {
            directory.directory("cpu" + cpu);
        }
    }

    private static String memory(String name, long kib) {
        return String.format("Node 0 %-14s %8d kB\n", name + ":", kib);
    }

    /** A set of processors as Linux prints a bit map: hexadecimal words of 32 bits between commas, with leading zeros up to the count. */
    private static String mask(int first, int size, int count) {
        StringBuilder text = new StringBuilder();
        for (int word = (count - 1) / 32; word >= 0; word--) {
            int bits = 0;
            for (int bit = 0; bit < 32; bit++) {
                int cpu = word * 32 + bit;
                bits |= cpu >= first && cpu < first + size ? 1 << bit : 0;
            }
            int digits = word == (count - 1) / 32 ? ((count - 1) % 32) / 4 + 1 : 8;
            text.append(text.isEmpty() ? "" : ",").append(String.format("%0" + digits + "x", bits));
        }
        return text.append('\n').toString();
    }

    private static String range(int count) {
        return count == 1 ? "0\n" : "0-" + (count - 1) + "\n";
    }

    /** /sys/class/net: one directory per interface. */
    private static final class NetworkClass extends PseudoDirectory {
        private final Kernel kernel;

        NetworkClass(FileSystem fileSystem, Kernel kernel) {
            super(fileSystem, 0555);
            this.kernel = kernel;
        }

        @Override
        protected Inode lookupDynamic(String name) {
            for (NetworkInterface each : KernelNetwork.of(kernel).interfaces()) {
                if (each.name().equals(name)) {
                    return describe(each);
                }
            }
            return null;
        }

        private Inode describe(NetworkInterface each) {
            PseudoDirectory directory = new PseudoDirectory(fileSystem(), 0555);
            directory.file("ifindex", () -> each.index() + "\n");
            directory.file("mtu", () -> each.mtu() + "\n");
            directory.file("flags", () -> "0x" + Integer.toHexString(each.flags() & 0xffff) + "\n");
            directory.file("type", () -> each.hardwareType() + "\n");
            directory.file("address", () -> address(each.hardwareAddress()));
            directory.file("operstate", () -> "unknown\n");
            directory.file("carrier", () -> "1\n");
            return directory;
        }

        private static String address(byte[] bytes) {
            StringBuilder text = new StringBuilder();
            for (byte b : bytes) {
                text.append(text.isEmpty() ? "" : ":").append(String.format("%02x", b & 0xff));
            }
            return text.append('\n').toString();
        }

        @Override
        protected List<DynamicEntry> listDynamic() {
            List<DynamicEntry> entries = new ArrayList<>();
            for (NetworkInterface each : KernelNetwork.of(kernel).interfaces()) {
                entries.add(new DynamicEntry(each.index(), each.name(), number() + (1L << 40) + each.index(), 040555));
            }
            return entries;
        }
    }
}
