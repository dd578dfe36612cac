package dev.caisson.fs.proc;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EPERM;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.kernel.Kernel;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.UtsNamespace;
import dev.caisson.kernel.event.InotifyFile;
import dev.caisson.kernel.event.InotifyQuota;
import dev.caisson.vfs.FdTable;
import dev.caisson.vfs.pseudo.PseudoDirectory;
import dev.caisson.vfs.pseudo.PseudoFile;
import java.util.UUID;

/** /proc/sys: the settings of sysctl(8) that programs ask for. Those that Caisson cannot change are read-only (EACCES to writers). */
final class ProcSys {
    private final Kernel kernel;
    /** Made when it is first read: the generator takes its time to start. Guarded by this. */
    private String bootId;

    ProcSys(Kernel kernel) {
        this.kernel = kernel;
    }

    void addTo(PseudoDirectory sys) {
        kernel(sys.directory("kernel"));
        memory(sys.directory("vm"));
        files(sys.directory("fs"));
        network(sys.directory("net"));
        PseudoDirectory user = sys.directory("user");
        for (String kind : new String[] {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"}) {
            user.file("max_" + kind + "_namespaces", () -> "32768\n");
        }
        sys.directory("dev");
        sys.directory("debug");
    }

    private synchronized String bootId() {
        if (bootId == null) {
            bootId = UUID.randomUUID().toString();
        }
        return bootId;
    }

    private void kernel(PseudoDirectory directory) {
        writable(directory, "hostname", () -> uts().hostName() + "\n", (text, task) -> task.uts().hostName(name(text)));
        writable(directory, "domainname", () -> uts().domainName() + "\n", (text, task) -> task.uts().domainName(name(text)));
        writable(directory, "pid_max", () -> kernel.rootPids().pidMax() + "\n", (text, task) -> kernel.rootPids().pidMax(number(text)));
        fixed(directory, "ostype", UtsNamespace.SYSTEM);
        fixed(directory, "osrelease", UtsNamespace.RELEASE);
        fixed(directory, "version", UtsNamespace.VERSION);
        fixed(directory, "threads-max", Integer.toString(kernel.options().maximumTasks()));
        fixed(directory, "ngroups_max", "65536");
        fixed(directory, "cap_last_cap", "40");
        fixed(directory, "overflowuid", "65534");
        fixed(directory, "overflowgid", "65534");
        fixed(directory, "core_pattern", "core");
        fixed(directory, "core_uses_pid", "0");
        fixed(directory, "randomize_va_space", "2");
        fixed(directory, "tainted", "0");
        fixed(directory, "dmesg_restrict", "1");
        fixed(directory, "kptr_restrict", "1");
        fixed(directory, "perf_event_paranoid", "3");
        fixed(directory, "unprivileged_bpf_disabled", "2");
        fixed(directory, "sched_rt_period_us", "1000000");
        fixed(directory, "sched_rt_runtime_us", "950000");
        fixed(directory, "sched_child_runs_first", "0");
        fixed(directory, "panic", "0");
        fixed(directory, "printk", "4\t4\t1\t7");
        fixed(directory, "sysrq", "0");
        fixed(directory, "shmmax", "18446744073692774399");
        fixed(directory, "shmall", "18446744073692774399");
        fixed(directory, "shmmni", "4096");
        fixed(directory, "msgmax", "8192");
        fixed(directory, "msgmnb", "16384");
        fixed(directory, "msgmni", "32000");
        fixed(directory, "sem", "32000\t1024000000\t500\t32000");
        PseudoDirectory random = directory.directory("random");
        random.file("boot_id", () -> bootId() + "\n");
        random.file("uuid", () -> UUID.randomUUID() + "\n");
        fixed(random, "entropy_avail", "256");
        fixed(random, "poolsize", "256");
    }

    private static void memory(PseudoDirectory directory) {
        fixed(directory, "overcommit_memory", "0");
        fixed(directory, "overcommit_ratio", "50");
        fixed(directory, "max_map_count", "65530");
        fixed(directory, "mmap_min_addr", "65536");
        fixed(directory, "swappiness", "60");
        fixed(directory, "nr_hugepages", "0");
        fixed(directory, "dirty_ratio", "20");
        fixed(directory, "dirty_background_ratio", "10");
        fixed(directory, "min_free_kbytes", "0");
        fixed(directory, "legacy_va_layout", "0");
        fixed(directory, "vfs_cache_pressure", "100");
    }

    private static void files(PseudoDirectory directory) {
        fixed(directory, "file-max", "9223372036854775807");
        fixed(directory, "file-nr", "0\t0\t9223372036854775807");
        fixed(directory, "nr_open", Integer.toString(FdTable.MAXIMUM));
        fixed(directory, "pipe-max-size", "1048576");
        fixed(directory, "pipe-user-pages-soft", "16384");
        fixed(directory, "pipe-user-pages-hard", "0");
        fixed(directory, "aio-max-nr", "0");
        fixed(directory, "aio-nr", "0");
        fixed(directory, "protected_symlinks", "0");
        fixed(directory, "protected_hardlinks", "0");
        fixed(directory, "protected_fifos", "0");
        fixed(directory, "protected_regular", "0");
        fixed(directory, "suid_dumpable", "0");
        fixed(directory, "overflowuid", "65534");
        fixed(directory, "overflowgid", "65534");
        PseudoDirectory inotify = directory.directory("inotify");
        fixed(inotify, "max_queued_events", String.valueOf(InotifyFile.MAX_EVENTS));
        fixed(inotify, "max_user_instances", String.valueOf(InotifyQuota.MAX_INSTANCES));
        fixed(inotify, "max_user_watches", String.valueOf(InotifyQuota.MAX_WATCHES));
        fixed(directory.directory("epoll"), "max_user_watches", "1048576");
        PseudoDirectory queues = directory.directory("mqueue");
        fixed(queues, "msg_max", "10");
        fixed(queues, "msgsize_max", "8192");
        fixed(queues, "queues_max", "256");
    }

    private static void network(PseudoDirectory directory) {
        PseudoDirectory core = directory.directory("core");
        fixed(core, "somaxconn", "4096");
        fixed(core, "rmem_default", "212992");
        fixed(core, "rmem_max", "212992");
        fixed(core, "wmem_default", "212992");
        fixed(core, "wmem_max", "212992");
        PseudoDirectory ipv4 = directory.directory("ipv4");
        fixed(ipv4, "ip_local_port_range", "32768\t60999");
        fixed(ipv4, "ip_forward", "0");
        fixed(ipv4, "ip_unprivileged_port_start", "1024");
        fixed(ipv4, "tcp_rmem", "4096\t131072\t6291456");
        fixed(ipv4, "tcp_wmem", "4096\t16384\t4194304");
        fixed(ipv4, "tcp_congestion_control", "reno");
        fixed(ipv4, "tcp_keepalive_time", "7200");
        fixed(ipv4, "tcp_fin_timeout", "60");
        PseudoDirectory ipv6 = directory.directory("ipv6");
        fixed(ipv6.directory("conf").directory("all"), "disable_ipv6", "0");
        fixed(directory.directory("unix"), "max_dgram_qlen", "512");
    }

    /** Takes a setting on behalf of a task. */
    private interface Setting {
        void set(String text, Task task) throws ErrnoException;
    }

    private static void fixed(PseudoDirectory directory, String name, String value) {
        directory.file(name, () -> value + "\n");
    }

    private static void writable(PseudoDirectory directory, String name, PseudoFile.Content content, Setting setting) {
        directory.add(name, () -> new PseudoFile(directory.fileSystem(), 0644, content, text -> {
            Task task = Callers.current();
            if (!task.credentials().has(Capability.CAP_SYS_ADMIN)) {
                throw EPERM.error();
            }
            setting.set(text, task);
        }));
    }

    private UtsNamespace uts() {
        Task task = Callers.currentOrNull();
        return task != null ? task.uts() : kernel.rootUts();
    }

    private static String name(String text) {
        int end = text.indexOf('\n');
        String name = end < 0 ? text : text.substring(0, end);
        return name.length() > 64 ? name.substring(0, 64) : name;
    }

    private static int number(String text) throws ErrnoException {
        try {
            return Integer.parseInt(text.strip());
        } catch (NumberFormatException e) {
            throw EINVAL.error("not a number");
        }
    }
}
