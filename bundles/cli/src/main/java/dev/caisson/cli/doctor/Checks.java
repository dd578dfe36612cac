package dev.caisson.cli.doctor;

import dev.caisson.cli.doctor.Machine.Access;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What the host's kernel and processors have. */
final class Checks {
    private static final int LEAST_JDK = 25;
    private static final String SECCOMP_ACTIONS = "/proc/sys/kernel/seccomp/actions_avail";
    private static final String PTRACE_SCOPE = "/proc/sys/kernel/yama/ptrace_scope";
    private static final long LEAST_MEMORY_KIB = 256 << 10;
    private static final long LEAST_PROCESSES = 4096, LEAST_DESCRIPTORS = 4096;

    private final Machine machine;
    private final List<Finding> findings = new ArrayList<>();

    private Checks(Machine machine) {
        this.machine = machine;
    }

    /**
     * Runs all checks.
     *
     * @param machine what to look at
     * @param home of this installation
     * @param runtimeDirectory where control sockets are
     * @return what was found, in the order in which it matters
     */
    static List<Finding> run(Machine machine, Path home, Path runtimeDirectory) {
        Checks checks = new Checks(machine);
        checks.java();
        checks.processor();
        checks.ptrace();
        checks.seccomp();
        checks.platforms();
        checks.kvm();
        checks.cgroups();
        checks.namespaces();
        checks.openat2();
        checks.memory();
        checks.limits();
        checks.findings.addAll(InstallationChecks.run(machine, home, runtimeDirectory));
        return checks.findings;
    }

    private void java() {
        String version = machine.property("java.specification.version");
        String found = "Java " + machine.property("java.vm.version") + " in " + machine.property("java.home");
        int number = version == null || !version.matches("\\d+") ? 0 : Integer.parseInt(version);
        findings.add(number >= LEAST_JDK ? Finding.ok("java", found) : Finding.error("java", found,
                "Caisson needs JDK " + LEAST_JDK + " or newer.", "Install one and set CAISSON_JAVA_HOME to its directory."));
    }

    private void processor() {
        String architecture = machine.property("os.arch");
        String release = first(machine.text("/proc/sys/kernel/osrelease"), "unknown");
        String found = architecture + ", Linux " + release;
        findings.add("amd64".equals(architecture) ? Finding.ok("host", found)
                : Finding.error("host", found, "Guests are programs for amd64, and run on such processors only.", "Use another machine."));
    }

    private void ptrace() {
        String scope = first(machine.text(PTRACE_SCOPE), "0");
        boolean hasCapability = (capabilities() >> 19 & 1) != 0; // CAP_SYS_PTRACE
        String found = "ptrace_scope is " + scope;
        findings.add(switch (scope) {
            case "3" -> Finding.warning("ptrace", found, "Nobody may trace processes until the next boot: platform ptrace does not work.",
                    "Use systrap or kvm, or boot with kernel.yama.ptrace_scope=1.");
            case "2" -> hasCapability ? Finding.ok("ptrace", found + ", and this process may") : Finding.warning("ptrace", found,
                    "Only processes with CAP_SYS_PTRACE may trace: platform ptrace does not work for this user.",
                    "Use systrap or kvm, or: sysctl kernel.yama.ptrace_scope=1");
            default -> Finding.ok("ptrace", found + ": children may be traced");
        });
    }

    private long capabilities() {
        String line = value(machine.text("/proc/self/status"), "CapEff:");
        return line == null ? 0 : Long.parseUnsignedLong(line, 16);
    }

    private void seccomp() {
        String actions = machine.text(SECCOMP_ACTIONS);
        String mode = value(machine.text("/proc/self/status"), "Seccomp:");
        if (actions == null) {
            findings.add(Finding.error("seccomp", "the kernel of this host has no seccomp filters",
                    "Platform systrap and the gofer need them.", "Boot a kernel with CONFIG_SECCOMP_FILTER."));
            return;
        }
        List<String> available = List.of(actions.strip().split("\\s+"));
        if (!available.contains("trap")) {
            findings.add(Finding.error("seccomp", "actions: " + actions.strip(), "Platform systrap needs the action trap.", "Boot a newer kernel."));
        } else if ("2".equals(mode)) {
            findings.add(Finding.warning("seccomp", "this process is under somebody's filter, as in a container",
                    "The filter may refuse calls that platforms need; the trials below say whether it does.",
                    "In Docker: --security-opt seccomp=unconfined --cap-add SYS_PTRACE"));
        } else {
            findings.add(Finding.ok("seccomp", "filters with " + (available.contains("user_notif") ? "trap and user notification" : "trap")));
        }
    }

    private void platforms() {
        Map<String, Machine.Trial> platforms = machine.platforms();
        if (platforms == null) {
            findings.add(Finding.error("platforms", "not tried", "Without a boot plan that fits the installation it is not known which there are.",
                    "Run bin/caisson-prepare."));
            return;
        }
        boolean isAnyGood = platforms.values().stream().anyMatch(Machine.Trial::isGood);
        platforms.forEach((name, trial) -> {
            String check = "platform-" + name;
            if (trial.isGood()) {
                findings.add(Finding.ok(check, trial.text()));
            } else if (isAnyGood) {
                findings.add(Finding.warning(check, trial.text(), "Sandboxes cannot use this platform; another one works.", ""));
            } else {
                findings.add(Finding.error(check, trial.text(), "No platform works here: no program can run.",
                        "See the findings above; ptrace is the one that asks for least."));
            }
        });
    }

    private void kvm() {
        boolean hasHardware = Pattern.compile("(?m)^flags\\s*:.*\\b(vmx|svm)\\b").matcher(first(machine.text("/proc/cpuinfo"), "", "\0")).find();
        if (!machine.can("/dev/kvm", Access.EXISTS)) {
            findings.add(Finding.warning("kvm", "no /dev/kvm", "Platform kvm does not work; systrap needs no hardware support.",
                    hasHardware ? "modprobe kvm_intel or kvm_amd" : "On a virtual machine: let it have nested virtualization."));
        } else if (!machine.can("/dev/kvm", Access.READ) || !machine.can("/dev/kvm", Access.WRITE)) {
            findings.add(Finding.warning("kvm", "/dev/kvm is there, and this user may not open it", "Platform kvm does not work for this user.",
                    "usermod -aG kvm USER, and log in again"));
        } else if (!hasHardware) {
            findings.add(Finding.warning("kvm", "/dev/kvm without hardware virtualization (no vmx or svm in /proc/cpuinfo)",
                    "Platform kvm works, but each fault and exit is emulated and slow.", "Stay with systrap, the default."));
        } else {
            findings.add(Finding.ok("kvm", "/dev/kvm with hardware virtualization"));
        }
    }

    private void cgroups() {
        String mounts = first(machine.text("/proc/self/mounts"), "", "\0");
        boolean hasTwo = Pattern.compile("(?m)^\\S+ /sys/fs/cgroup cgroup2 ").matcher(mounts).find();
        boolean hasOne = Pattern.compile("(?m)^\\S+ \\S+ cgroup ").matcher(mounts).find();
        if (!hasOne && !hasTwo) {
            findings.add(Finding.warning("cgroups", "none are mounted", "Limits of processors and processes of a container cannot be enforced by the host.",
                    "mount -t cgroup2 none /sys/fs/cgroup, or let systemd do it"));
            return;
        }
        String kind = hasTwo ? "version 2" : "version 1";
        String controllers = hasTwo ? first(machine.text("/sys/fs/cgroup/cgroup.controllers"), "") : controllersOfOne(mounts);
        List<String> missing = new ArrayList<>(List.of("memory", "cpu", "pids"));
        missing.removeAll(List.of(controllers.split("[ ,]+")));
        String found = kind + ": " + controllers;
        if (!missing.isEmpty()) {
            findings.add(Finding.warning("cgroups", found, "Limits that need " + String.join(", ", missing) + " cannot be enforced by the host.",
                    "Boot without cgroup_disable=, or enable the controllers in cgroup.subtree_control."));
        } else if (machine.user() != 0 && !canWriteGroup(hasTwo)) {
            findings.add(Finding.warning("cgroups", found + "; this user may not make groups",
                    "Containers of this user run without limits of the host.",
                    "With systemd: run below a delegated unit, systemd-run --user --scope -p Delegate=yes COMMAND"));
        } else {
            findings.add(Finding.ok("cgroups", found));
        }
    }

    private static String controllersOfOne(String mounts) {
        List<String> names = new ArrayList<>();
        Matcher mount = Pattern.compile("(?m)^\\S+ \\S+ cgroup (\\S+)").matcher(mounts);
        while (mount.find()) {
            for (String option : mount.group(1).split(",")) {
                if (List.of("memory", "cpu", "pids", "cpuset", "blkio", "devices", "freezer").contains(option)) {
                    names.add(option);
                }
            }
        }
        return String.join(" ", names);
    }

    private boolean canWriteGroup(boolean isTwo) {
        String own = machine.text("/proc/self/cgroup");
        Matcher line = Pattern.compile("(?m)^0::(/.*)$").matcher(own == null ? "" : own);
        return isTwo && line.find() && machine.can("/sys/fs/cgroup" + line.group(1), Access.WRITE);
    }

    private void namespaces() {
        List<String> missing = new ArrayList<>();
        for (String name : List.of("user", "pid", "mnt", "ipc", "uts", "net")) {
            if (!machine.can("/proc/self/ns/" + name, Access.EXISTS)) {
                missing.add(name);
            }
        }
        if (!missing.isEmpty()) {
            findings.add(Finding.error("namespaces", "the kernel has none for " + String.join(", ", missing),
                    "The sandbox's own process cannot be shut in.", "Boot a kernel with CONFIG_NAMESPACES and all below it."));
            return;
        }
        Machine.Trial trial = machine.userNamespace();
        if (trial.isGood()) {
            findings.add(Finding.ok("namespaces", "user, pid, mnt, ipc, uts, net; user namespaces can be made"));
            return;
        }
        String advice = "0".equals(first(machine.text("/proc/sys/user/max_user_namespaces"), "")) ? "sysctl user.max_user_namespaces=10000"
                : "0".equals(first(machine.text("/proc/sys/kernel/unprivileged_userns_clone"), "")) ? "sysctl kernel.unprivileged_userns_clone=1"
                : "1".equals(first(machine.text("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"), ""))
                        ? "sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile for the JDK's java with the rule userns"
                : "See who refuses it: a security module, or the container around this process.";
        findings.add(Finding.warning("namespaces", "user namespaces cannot be made: " + trial.text(),
                machine.user() == 0 ? "The sandbox's process keeps the host's user ids." : "Containers of users who are not root cannot be shut in.", advice));
    }

    private void openat2() {
        findings.add(machine.hasOpenat2() ? Finding.ok("openat2", "there: gofers open files below their directory only")
                : Finding.error("openat2", "the kernel does not have it", "Gofers, and with them 9P volumes, do not work.", "Boot Linux 5.6 or newer."));
    }

    private void memory() {
        String available = value(machine.text("/proc/meminfo"), "MemAvailable:");
        long kib = available == null ? Long.MAX_VALUE : Long.parseLong(available.split(" ")[0]);
        String found = available == null ? "unknown" : (kib >> 10) + " MiB available";
        if (kib < LEAST_MEMORY_KIB) {
            findings.add(Finding.warning("memory", found, "A sandbox takes about 90 MiB before its program has any.", "Free some, or run fewer sandboxes."));
        } else if ("2".equals(first(machine.text("/proc/sys/vm/overcommit_memory"), "0"))) {
            findings.add(Finding.warning("memory", found + ", overcommit_memory is 2",
                    "The kernel counts what programs reserve, not what they use: large guests may get ENOMEM early.", "sysctl vm.overcommit_memory=0"));
        } else {
            findings.add(Finding.ok("memory", found));
        }
    }

    private void limits() {
        String text = machine.text("/proc/self/limits");
        long processes = limit(text, "Max processes");
        long descriptors = limit(text, "Max open files");
        String found = "processes " + shown(processes) + ", open files " + shown(descriptors);
        if (machine.user() != 0 && processes < LEAST_PROCESSES) {
            findings.add(Finding.warning("limits", found, "Each guest thread takes three threads of the host: forks in large guests fail with EAGAIN.",
                    "ulimit -u unlimited, or nproc in /etc/security/limits.conf"));
        } else if (descriptors < LEAST_DESCRIPTORS) {
            findings.add(Finding.warning("limits", found, "Guests with many open files of the host may get EMFILE.",
                    "ulimit -Hn 1048576, or LimitNOFILE= of the service that starts containers"));
        } else {
            findings.add(Finding.ok("limits", found));
        }
    }

    /** The hard limit: the soft one is the sandbox's to raise. */
    private static long limit(String text, String name) {
        Matcher line = Pattern.compile("(?m)^" + name + "\\s+\\S+\\s+(\\S+)").matcher(text == null ? "" : text);
        return !line.find() || line.group(1).equals("unlimited") ? Long.MAX_VALUE : Long.parseLong(line.group(1));
    }

    private static String shown(long limit) {
        return limit == Long.MAX_VALUE ? "unlimited" : Long.toString(limit);
    }

    private static String value(String text, String key) {
        if (text != null) {
            for (String line : text.split("\n")) {
                if (line.startsWith(key)) {
                    return line.substring(key.length()).strip();
                }
            }
        }
        return null;
    }

    private static String first(String text, String otherwise) {
        return first(text, otherwise, "\n");
    }

    private static String first(String text, String otherwise, String end) {
        return text == null ? otherwise : text.split(end, 2)[0].strip();
    }
}
