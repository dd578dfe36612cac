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
import dev.caisson.kernel.ipc.IpcLimits;
import dev.caisson.kernel.ipc.IpcLimits.Limit;
import dev.caisson.kernel.net.KernelNetwork;
import dev.caisson.vfs.FdTable;
import dev.caisson.vfs.pseudo.PseudoDirectory;
import dev.caisson.vfs.pseudo.PseudoFile;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;

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
        kept(directory, "sched_rt_period_us", "1000000");
        kept(directory, "sched_rt_runtime_us", "950000");
        kept(directory, "sched_rr_timeslice_ms", "100");
        kept(directory, "sched_deadline_period_min_us", "100");
        kept(directory, "sched_deadline_period_max_us", "4194304");
        kept(directory, "sched_autogroup_enabled", "0");
        kept(directory, "sched_child_runs_first", "0");
        kept(directory, "timer_migration", "1");
        kept(directory, "numa_balancing", "0");
        kept(directory, "hung_task_timeout_secs", "120");
        kept(directory, "panic", "0");
        kept(directory, "panic_on_oops", "0");
        kept(directory, "print-fatal-signals", "0");
        kept(directory, "printk", "4\t4\t1\t7");
        kept(directory, "sysrq", "0");
        kept(directory, "ctrl-alt-del", "0");
        fixed(directory, "arch", UtsNamespace.MACHINE);
        fixed(directory, "sysctl_writes_strict", "1");
        fixed(directory, "io_uring_disabled", "2");
        directory.file("ns_last_pid", () -> (task() == null ? kernel.rootPids() : task().pidNamespace()).lastPid() + "\n");
        PseudoDirectory seccomp = directory.directory("seccomp");
        fixed(seccomp, "actions_avail", "kill_process kill_thread trap errno user_notif trace log allow");
        kept(seccomp, "actions_logged", "kill_process kill_thread trap errno user_notif trace log");
        PseudoDirectory terminals = directory.directory("pty");
        kept(terminals, "max", "4096");
        kept(terminals, "reserve", "1024");
        for (Limit limit : new Limit[] {Limit.SHMMAX, Limit.SHMALL, Limit.SHMMNI, Limit.SHM_RMID_FORCED, Limit.MSGMAX, Limit.MSGMNB, Limit.MSGMNI}) {
            limit(directory, limit.name(), limit);
        }
        Limit[] semaphores = {Limit.SEMMSL, Limit.SEMMNS, Limit.SEMOPM, Limit.SEMMNI};
        writable(directory, "sem", () -> limits().get(Limit.SEMMSL) + "\t" + limits().get(Limit.SEMMNS) + "\t"
                + limits().get(Limit.SEMOPM) + "\t" + limits().get(Limit.SEMMNI) + "\n", (text, task) -> {
            long[] values = numbers(text, semaphores.length);
            for (int i = 0; i < values.length; i++) {
                limits().set(semaphores[i], values[i]);
            }
        });
        fixed(directory, "auto_msgmni", "0");
        for (String kind : new String[] {"msg", "sem", "shm"}) {
            fixed(directory, kind + "_next_id", "-1");
        }
        PseudoDirectory random = directory.directory("random");
        random.file("boot_id", () -> bootId() + "\n");
        random.file("uuid", () -> UUID.randomUUID() + "\n");
        fixed(random, "entropy_avail", "256");
        kept(random, "urandom_min_reseed_secs", "60");
        kept(random, "write_wakeup_threshold", "256");
        fixed(random, "poolsize", "256");
    }

    private void memory(PseudoDirectory directory) {
        fixed(directory, "overcommit_memory", "0");
        fixed(directory, "overcommit_ratio", "50");
        fixed(directory, "max_map_count", "65530");
        fixed(directory, "mmap_min_addr", "65536");
        fixed(directory, "overcommit_kbytes", "0");
        fixed(directory, "nr_hugepages", "0");
        fixed(directory, "nr_overcommit_hugepages", "0");
        fixed(directory, "hugetlb_shm_group", "0");
        fixed(directory, "legacy_va_layout", "0");
        fixed(directory, "unprivileged_userfaultfd", "0");
        fixed(directory, "mmap_rnd_bits", "28");
        fixed(directory, "lowmem_reserve_ratio", "256\t256\t32\t0\t0");
        kept(directory, "swappiness", "60");
        kept(directory, "dirty_ratio", "20");
        kept(directory, "dirty_background_ratio", "10");
        kept(directory, "dirty_bytes", "0");
        kept(directory, "dirty_background_bytes", "0");
        kept(directory, "dirty_expire_centisecs", "3000");
        kept(directory, "dirty_writeback_centisecs", "500");
        kept(directory, "min_free_kbytes", "16384");
        kept(directory, "vfs_cache_pressure", "100");
        kept(directory, "page-cluster", "3");
        kept(directory, "panic_on_oom", "0");
        kept(directory, "oom_kill_allocating_task", "0");
        kept(directory, "zone_reclaim_mode", "0");
        kept(directory, "stat_interval", "1");
        kept(directory, "extfrag_threshold", "500");
        kept(directory, "admin_reserve_kbytes", "8192");
        kept(directory, "user_reserve_kbytes", "131072");
        // Orders to let go of memory, which the kernel here does by itself when others want it.
        for (String order : new String[] {"drop_caches", "compact_memory"}) {
            directory.add(order, () -> new PseudoFile(directory.fileSystem(), 0200, () -> "0\n", text -> {
                int value = number(text);
                if (value < 1 || value > 4) {
                    throw EINVAL.error();
                }
            }));
        }
    }

    private void files(PseudoDirectory directory) {
        fixed(directory, "file-max", "9223372036854775807");
        fixed(directory, "file-nr", "0\t0\t9223372036854775807");
        fixed(directory, "nr_open", Integer.toString(FdTable.MAXIMUM));
        fixed(directory, "pipe-max-size", "1048576");
        fixed(directory, "pipe-user-pages-soft", "16384");
        fixed(directory, "pipe-user-pages-hard", "0");
        fixed(directory, "aio-max-nr", "65536");
        fixed(directory, "dentry-state", "0\t0\t45\t0\t0\t0");
        fixed(directory, "inode-nr", "0\t0");
        fixed(directory, "inode-state", "0\t0\t0\t0\t0\t0\t0");
        fixed(directory, "leases-enable", "1");
        fixed(directory, "dir-notify-enable", "1");
        fixed(directory, "mount-max", "100000");
        writable(directory, "lease-break-time", () -> kernel.vfs().leases().breakSeconds() + "\n", (text, task) -> {
            int seconds = number(text);
            if (seconds < 0) {
                throw EINVAL.error();
            }
            kernel.vfs().leases().breakSeconds(seconds);
        });
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
        for (Limit limit : new Limit[] {Limit.MQ_QUEUES_MAX, Limit.MQ_MSG_MAX, Limit.MQ_MSGSIZE_MAX, Limit.MQ_MSG_DEFAULT,
            Limit.MQ_MSGSIZE_DEFAULT}) {
            limit(queues, limit.name().substring("MQ_".length()), limit);
        }
    }

    private void network(PseudoDirectory directory) {
        PseudoDirectory core = directory.directory("core");
        fixed(core, "somaxconn", "4096");
        kept(core, "netdev_max_backlog", "1000");
        kept(core, "optmem_max", "20480");
        kept(core, "busy_poll", "0");
        kept(core, "busy_read", "0");
        fixed(core, "rmem_default", "212992");
        fixed(core, "rmem_max", "212992");
        fixed(core, "wmem_default", "212992");
        fixed(core, "wmem_max", "212992");
        PseudoDirectory ipv4 = directory.directory("ipv4");
        PseudoDirectory ipv6 = directory.directory("ipv6");
        fixed(ipv4, "ip_local_port_range", "32768\t60999");
        fixed(ipv4, "ip_forward", "0");
        writable(ipv4, "ip_unprivileged_port_start", () -> KernelNetwork.of(kernel).firstUnprivilegedPort() + "\n", (text, task) -> {
            int port = number(text);
            if (port < 0 || port > 65535) {
                throw EINVAL.error();
            }
            KernelNetwork.of(kernel).firstUnprivilegedPort(port);
        });
        fixed(ipv4, "tcp_rmem", "4096\t131072\t6291456");
        fixed(ipv4, "tcp_wmem", "4096\t16384\t4194304");
        fixed(ipv4, "tcp_congestion_control", "cubic");
        fixed(ipv4, "tcp_available_congestion_control", "reno cubic");
        fixed(ipv4, "tcp_allowed_congestion_control", "reno cubic");
        kept(ipv4, "tcp_keepalive_time", "7200");
        kept(ipv4, "tcp_keepalive_intvl", "75");
        kept(ipv4, "tcp_keepalive_probes", "9");
        kept(ipv4, "tcp_fin_timeout", "60");
        kept(ipv4, "tcp_syncookies", "1");
        kept(ipv4, "tcp_max_syn_backlog", "2048");
        kept(ipv4, "tcp_timestamps", "1");
        kept(ipv4, "tcp_sack", "1");
        kept(ipv4, "tcp_window_scaling", "1");
        kept(ipv4, "tcp_fastopen", "1");
        kept(ipv4, "tcp_syn_retries", "6");
        kept(ipv4, "tcp_tw_reuse", "2");
        fixed(ipv4, "ip_default_ttl", "64");
        fixed(ipv4, "ip_nonlocal_bind", "0");
        kept(ipv4, "ping_group_range", "1\t0");
        fixed(ipv6, "bindv6only", "0");
        fixed(ipv6.directory("conf").directory("all"), "disable_ipv6", "0");
        fixed(directory.directory("unix"), "max_dgram_qlen", "512");
    }

    /** Takes a setting on behalf of a task. */
    private interface Setting {
        void set(String text, Task task) throws ErrnoException;
    }

    /** A setting that is as it is: only its own value can be written, as tests do that put back what they found. */
    private static void fixed(PseudoDirectory directory, String name, String value) {
        directory.add(name, () -> new PseudoFile(directory.fileSystem(), 0644, () -> value + "\n", text -> {
            if (!words(text).equals(words(value))) {
                throw EINVAL.error();
            }
        }));
    }

    private static List<String> words(String text) {
        return List.of(text.strip().split("\\s+"));
    }

    /** Values of settings without effect, by name: those of the kernel, however often proc is mounted. */
    private record KeptSettings(Map<String, AtomicReference<String>> values) {}

    /** A hint to parts of Linux that are not here: kept, without effect. */
    private void kept(PseudoDirectory directory, String name, String usual) {
        AtomicReference<String> value = kernel.services().of(KeptSettings.class, () -> new KeptSettings(new ConcurrentHashMap<>())).values
                .computeIfAbsent(name, key -> new AtomicReference<>(usual));
        boolean number = !words(usual).getFirst().contains("_");
        writable(directory, name, () -> value.get() + "\n", (text, task) -> {
            List<String> given = words(text);
            if (number) {
                for (String word : given) {
                    number(word);
                }
            }
            // A vector keeps what is not given.
            List<String> next = new ArrayList<>(words(value.get()));
            for (int i = 0; number && i < Math.min(given.size(), next.size()); i++) {
                next.set(i, given.get(i));
            }
            value.set(number ? String.join("\t", next) : String.join(" ", given));
        });
    }

    private static Task task() {
        return Callers.currentOrNull();
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

    private void limit(PseudoDirectory directory, String name, Limit limit) {
        writable(directory, name.toLowerCase(Locale.ROOT), () -> Long.toUnsignedString(limits().get(limit)) + "\n",
                (text, task) -> limits().set(limit, numbers(text, 1)[0]));
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

    private IpcLimits limits() {
        return ProcSysvIpc.namespace(kernel).limits();
    }

    /** Up to {@code most} unsigned numbers between blanks, as Linux takes a vector: what is left out keeps its value. */
    private static long[] numbers(String text, int most) throws ErrnoException {
        String[] words = text.strip().split("\\s+");
        long[] numbers = new long[Math.min(most, words.length)];
        try {
            for (int i = 0; i < numbers.length; i++) {
                numbers[i] = Long.parseUnsignedLong(words[i]);
            }
        } catch (NumberFormatException e) {
            throw EINVAL.error("not a number");
        }
        return numbers;
    }

    private static int number(String text) throws ErrnoException {
        try {
            return Integer.parseInt(text.strip());
        } catch (NumberFormatException e) {
            throw EINVAL.error("not a number");
        }
    }
}
