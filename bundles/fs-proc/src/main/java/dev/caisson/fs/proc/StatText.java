package dev.caisson.fs.proc;

import dev.caisson.abi.Resource;
import dev.caisson.kernel.CpuTimes;
import dev.caisson.kernel.GuestProcess;
import dev.caisson.kernel.Kernel;
import dev.caisson.kernel.Pid;
import dev.caisson.kernel.PidNamespace;
import dev.caisson.kernel.ProcessGroup;
import dev.caisson.kernel.Session;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.ptrace.Tracee;
import dev.caisson.kernel.seccomp.SeccompState;
import dev.caisson.kernel.time.TimeOffsets;
import dev.caisson.memory.AddressLayout;
import dev.caisson.memory.MemoryManager;
import dev.caisson.memory.MemoryUsage;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.ControllingTerminal;
import dev.caisson.spi.fs.DeviceNumbers;
import dev.caisson.spi.fs.TerminalGroup;

/** /proc/PID/stat, status and statm: proc(5), fs/proc/array.c. */
final class StatText {
    /** USER_HZ: clock ticks per second. */
    static final long TICK_NS = 10_000_000L;

    private static final MemoryUsage NOTHING = new MemoryUsage(0, 0, 0, 0, 0, 0, 0, 0, 0);

    private final GuestProcess process;
    private final Task task;
    private final boolean wholeProcess;

    StatText(GuestProcess process, Task task, boolean wholeProcess) {
        this.process = process;
        this.task = task;
        this.wholeProcess = wholeProcess;
    }

    /** The pid namespace of who reads. */
    private PidNamespace viewer() {
        Task reader = Callers.currentOrNull();
        return (reader != null ? reader : task).pidNamespace();
    }

    private char state() {
        if (process.isZombie()) {
            return 'Z';
        }
        Tracee tracee = task.tracee();
        if (tracee != null && tracee.isStopped()) {
            return 't';
        }
        if (tracee == null && process.isStopped()) {
            return 'T';
        }
        return task.isSleeping() ? 'S' : 'R';
    }

    private int tracerId() {
        Tracee tracee = task.tracee();
        Task tracer = tracee == null ? null : tracee.tracer();
        return tracer == null ? 0 : tracer.identity().in(task.pidNamespace());
    }

    private CpuTimes times() {
        return wholeProcess ? process.usage() : task.times();
    }

    private MemoryUsage usage() {
        MemoryManager memory = task.memory();
        return memory == null || process.isZombie() ? NOTHING : memory.usage();
    }

    private int id(ProcessGroup group) {
        return group == null ? 0 : group.identity().in(task.pidNamespace());
    }

    String stat() {
        Session session = process.session();
        ControllingTerminal terminal = session == null ? null : process.terminal();
        TerminalGroup foreground = terminal == null ? null : terminal.foreground();
        CpuTimes own = times();
        CpuTimes children = process.childrenUsage();
        MemoryUsage usage = usage();
        MemoryManager memory = task.memory();
        AddressLayout layout = memory == null || process.isZombie() ? null : memory.layout();
        int nice = task.scheduling().nice();
        StringBuilder text = new StringBuilder(400);
        text.append(wholeProcess ? process.pid() : task.tid()).append(" (").append(task.comm()).append(") ").append(state());
        add(text, process.parentPid());
        add(text, id(process.group()));
        add(text, session == null ? 0 : session.identity().in(task.pidNamespace()));
        add(text, terminal == null ? 0 : DeviceNumbers.of(terminal.major(), terminal.minor()));
        add(text, foreground instanceof ProcessGroup group ? id(group) : -1);
        add(text, 0x400000); // flags: PF_RANDOMIZE
        add(text, own.minorFaults());
        add(text, children.minorFaults());
        add(text, own.majorFaults());
        add(text, children.majorFaults());
        add(text, own.userNs() / TICK_NS);
        add(text, own.systemNs() / TICK_NS);
        add(text, children.userNs() / TICK_NS);
        add(text, children.systemNs() / TICK_NS);
        add(text, 20 + nice);
        add(text, nice);
        add(text, process.threadCount());
        add(text, 0);
        add(text, (process.startNs() - process.kernel().bootNs() + readersUptimeNs(process.kernel())) / TICK_NS);
        add(text, usage.size() * 4096);
        add(text, usage.resident());
        text.append(' ').append(Long.toUnsignedString(process.limits().soft(Resource.RLIMIT_RSS)));
        add(text, layout == null ? 0 : layout.codeStart);
        add(text, layout == null ? 0 : layout.codeEnd);
        add(text, layout == null ? 0 : layout.stackStart);
        add(text, 0);
        add(text, 0);
        add(text, process.signals().pendingSet() & 0x7fffffff);
        add(text, task.signals().mask() & 0x7fffffff);
        add(text, process.signals().handlers().ignoredSet() & 0x7fffffff);
        add(text, process.signals().handlers().caughtSet() & 0x7fffffff);
        add(text, state() == 'S' ? 1 : 0);
        add(text, 0);
        add(text, 0);
        add(text, process.isInit() ? 0 : 17);
        add(text, 0);
        add(text, task.scheduling().priority());
        add(text, task.scheduling().policy());
        add(text, 0);
        add(text, 0);
        add(text, 0);
        add(text, layout == null ? 0 : layout.dataStart);
        add(text, layout == null ? 0 : layout.dataEnd);
        add(text, layout == null ? 0 : layout.brkStart);
        add(text, layout == null ? 0 : layout.argumentsStart);
        add(text, layout == null ? 0 : layout.argumentsEnd);
        add(text, layout == null ? 0 : layout.environmentStart);
        add(text, layout == null ? 0 : layout.environmentEnd);
        add(text, process.exitStatus());
        return text.append('\n').toString();
    }

    private static void add(StringBuilder text, long value) {
        text.append(' ').append(value);
    }

    String statm() {
        MemoryUsage usage = usage();
        return usage.size() + " " + usage.resident() + " " + usage.residentFile() + " " + usage.text() + " 0 " + (usage.data() + usage.stack())
                + " 0\n";
    }

    String status() {
        Credentials who = task.credentials();
        StringBuilder text = new StringBuilder(1500);
        char state = state();
        row(text, "Name", task.comm());
        if (task.fs() != null) {
            row(text, "Umask", String.format("%04o", task.fs().umask()));
        }
        row(text, "State", state + " " + switch (state) {
            case 'Z' -> "(zombie)";
            case 'T' -> "(stopped)";
            case 't' -> "(tracing stop)";
            case 'S' -> "(sleeping)";
            default -> "(running)";
        });
        Pid own = wholeProcess ? process.identity() : task.identity();
        PidNamespace viewer = viewer();
        row(text, "Tgid", process.identity().in(viewer));
        row(text, "Ngid", 0);
        row(text, "Pid", own.in(viewer));
        row(text, "PPid", process.parentPid());
        row(text, "TracerPid", tracerId());
        row(text, "Uid", who.uid() + "\t" + who.euid() + "\t" + who.suid() + "\t" + who.fsuid());
        row(text, "Gid", who.gid() + "\t" + who.egid() + "\t" + who.sgid() + "\t" + who.fsgid());
        row(text, "FDSize", task.fds() == null ? 0 : task.fds().capacity());
        StringBuilder groups = new StringBuilder();
        for (int group : who.groups()) {
            groups.append(group).append(' ');
        }
        row(text, "Groups", groups.isEmpty() ? " " : groups.toString());
        row(text, "NStgid", process.identity().inEach(viewer));
        row(text, "NSpid", own.inEach(viewer));
        row(text, "NSpgid", process.group() == null ? "0" : process.group().identity().inEach(viewer));
        row(text, "NSsid", process.session() == null ? "0" : process.session().identity().inEach(viewer));
        if (!process.isZombie() && task.memory() != null) {
            memory(text, usage());
        }
        row(text, "Threads", process.threadCount());
        row(text, "SigQ", "0/" + Long.toUnsignedString(process.limits().soft(Resource.RLIMIT_SIGPENDING)));
        mask(text, "SigPnd", task.signals().pendingSet() & ~process.signals().pendingSet());
        mask(text, "ShdPnd", process.signals().pendingSet());
        mask(text, "SigBlk", task.signals().mask());
        mask(text, "SigIgn", process.signals().handlers().ignoredSet());
        mask(text, "SigCgt", process.signals().handlers().caughtSet());
        mask(text, "CapInh", who.inheritable());
        mask(text, "CapPrm", who.permitted());
        mask(text, "CapEff", who.effective());
        mask(text, "CapBnd", who.bounding());
        mask(text, "CapAmb", who.ambient());
        row(text, "NoNewPrivs", task.noNewPrivileges() ? 1 : 0);
        SeccompState filters = task.seccomp();
        row(text, "Seccomp", filters == null ? 0 : filters.mode());
        row(text, "Seccomp_filters", filters == null ? 0 : filters.filters());
        long[] affinity = task.scheduling().affinity();
        long cpus = affinity == null ? (1L << task.kernel().options().cpuCount()) - 1 : affinity[0];
        row(text, "Cpus_allowed", Long.toHexString(cpus));
        row(text, "Cpus_allowed_list", CpuLists.format(cpus));
        row(text, "Mems_allowed", "1");
        row(text, "Mems_allowed_list", "0");
        row(text, "voluntary_ctxt_switches", task.times().voluntarySwitches());
        row(text, "nonvoluntary_ctxt_switches", task.times().involuntarySwitches());
        return text.toString();
    }

    private static void memory(StringBuilder text, MemoryUsage usage) {
        kib(text, "VmPeak", usage.peakSize());
        kib(text, "VmSize", usage.size());
        kib(text, "VmLck", usage.locked());
        kib(text, "VmPin", 0);
        kib(text, "VmHWM", usage.peakResident());
        kib(text, "VmRSS", usage.resident());
        kib(text, "RssAnon", usage.resident() - usage.residentFile());
        kib(text, "RssFile", usage.residentFile());
        kib(text, "RssShmem", 0);
        kib(text, "VmData", usage.data());
        kib(text, "VmStk", usage.stack());
        kib(text, "VmExe", usage.text());
        kib(text, "VmLib", 0);
        kib(text, "VmPTE", usage.resident() / 512 + 8);
        kib(text, "VmSwap", 0);
        row(text, "CoreDumping", 0);
        row(text, "THP_enabled", 1);
    }

    private static void kib(StringBuilder text, String name, long pages) {
        text.append(String.format("%s:\t%8d kB\n", name, pages * 4));
    }

    private static void mask(StringBuilder text, String name, long mask) {
        text.append(String.format("%s:\t%016x\n", name, mask));
    }

    private static void row(StringBuilder text, String name, Object value) {
        text.append(name).append(":\t").append(value).append('\n');
    }

    /** How long the machine of a reader with clocks of its own had run when the sandbox began; 0 for who sees the sandbox as the machine. */
    static long readersUptimeNs(Kernel kernel) {
        Task reader = Task.current();
        TimeOffsets offsets = reader == null ? TimeOffsets.NONE : reader.process().set().time();
        return offsets == TimeOffsets.NONE ? 0
                : kernel.clocks().boottimeNs() + offsets.boottimeNs() - (System.nanoTime() - kernel.bootNs());
    }
}
