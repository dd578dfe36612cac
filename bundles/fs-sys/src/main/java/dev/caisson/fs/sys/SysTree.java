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
        node.file("online", () -> "0\n");
        node.file("possible", () -> "0\n");
        node.file("has_cpu", () -> "0\n");
        node.directory("node0").file("cpulist", () -> range(kernel.options().cpuCount()));
        PseudoDirectory kernelDirectory = root.directory("kernel");
        PseudoDirectory hugePages = kernelDirectory.directory("mm").directory("transparent_hugepage");
        hugePages.file("enabled", () -> "always madvise [never]\n");
        hugePages.file("hpage_pmd_size", () -> "2097152\n");
        PseudoDirectory fs = root.directory("fs");
        fs.directory("cgroup");
        PseudoDirectory classes = root.directory("class");
        classes.add("net", () -> new NetworkClass(fileSystem, kernel));
        classes.directory("block");
        classes.directory("tty");
        root.directory("block");
        root.directory("bus");
        root.directory("dev");
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
        directory.file("kernel_max", () -> "8191\n");
        for (int cpu = 0; cpu < count; cpu++) {
            int id = cpu;
            PseudoDirectory one = directory.directory("cpu" + cpu);
            one.file("online", () -> "1\n");
            PseudoDirectory topology = one.directory("topology");
            topology.file("core_id", () -> id + "\n");
            topology.file("physical_package_id", () -> "0\n");
            topology.file("thread_siblings_list", () -> id + "\n");
            topology.file("thread_siblings", () -> String.format("%x\n", 1L << id));
            topology.file("core_siblings_list", () -> range(count));
        }
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
