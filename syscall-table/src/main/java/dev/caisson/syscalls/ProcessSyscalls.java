package dev.caisson.syscalls;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOSYS;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.kernel.syscall.Arguments.address;
import static dev.caisson.kernel.syscall.Arguments.fd;
import static dev.caisson.kernel.syscall.Arguments.flags;
import static dev.caisson.kernel.syscall.Arguments.hex;
import static dev.caisson.kernel.syscall.Arguments.hexOutput;
import static dev.caisson.kernel.syscall.Arguments.intOut;
import static dev.caisson.kernel.syscall.Arguments.number;
import static dev.caisson.kernel.syscall.Arguments.path;
import static dev.caisson.kernel.syscall.Arguments.size;
import static dev.caisson.kernel.syscall.Arguments.stringCount;
import static dev.caisson.kernel.syscall.Arguments.strings;
import static dev.caisson.kernel.syscall.Arguments.timespecOut;

import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Ptrace;
import dev.caisson.abi.Sched;
import dev.caisson.abi.Wait;
import dev.caisson.kernel.syscall.FlagNames;
import dev.caisson.kernel.syscall.Flags;
import dev.caisson.kernel.syscall.SyscallTable;
import dev.caisson.kernel.syscall.decode.ProcessStructures;
import dev.caisson.kernel.syscall.decode.Prctls;
import dev.caisson.kernel.syscall.decode.SignalStructures;
import dev.caisson.kernel.syscall.decode.Times;
import dev.caisson.syscalls.process.SysCapability;
import dev.caisson.syscalls.process.SysClone;
import dev.caisson.syscalls.process.SysExec;
import dev.caisson.syscalls.process.SysExit;
import dev.caisson.syscalls.process.SysLimit;
import dev.caisson.syscalls.process.SysPidFd;
import dev.caisson.syscalls.process.SysPrctl;
import dev.caisson.syscalls.process.SysProcess;
import dev.caisson.syscalls.process.SysPtrace;
import dev.caisson.syscalls.process.SysSchedule;
import dev.caisson.syscalls.process.SysSeccomp;
import dev.caisson.syscalls.process.SysSystem;
import dev.caisson.syscalls.process.SysUsage;
import dev.caisson.syscalls.process.SysUser;
import dev.caisson.syscalls.process.SysWait;

/** Processes, credentials, limits, scheduling, and the machine itself. */
final class ProcessSyscalls {
    private static final FlagNames WHICH = FlagNames.oneOf(Sched.class, "PRIO_P");
    private static final FlagNames POLICY = FlagNames.oneOf(Sched.class, "SCHED_");
    private static final FlagNames USAGE = FlagNames.oneOf(dev.caisson.abi.Resource.class, "RUSAGE_").without("RUSAGE_LWP");
    private static final FlagNames RANDOM = FlagNames.mask(Fcntl.class, "GRND_");
    private static final FlagNames ID_TYPE = FlagNames.oneOf(Wait.class, "P_");
    private static final FlagNames REQUEST = FlagNames.oneOf(Ptrace.class, "PTRACE_").without("PTRACE_O_", "PTRACE_EVENT", "PTRACE_SYSCALL_INFO_", "PTRACE_PEEKSIGINFO_");
    private static final FlagNames NONBLOCK = FlagNames.mask(Fcntl.class, "O_NONBLOCK");

    private ProcessSyscalls() {}

    static void declare(SyscallTable.Builder table) {
        table.full(24, "sched_yield", SysSchedule::yield)
                .full(39, "getpid", SysProcess::getpid)
                .partial(56, "clone", SysClone::clone, "EINVAL for user, network, cgroup and time namespaces",
                        ProcessStructures.cloneFlags("flags"), ProcessStructures.namedAddress("child_stack", 0),
                        ProcessStructures.namedAddress("parent_tid", Sched.CLONE_PARENT_SETTID | Sched.CLONE_PIDFD),
                        ProcessStructures.namedAddress("child_tidptr", Sched.CLONE_CHILD_SETTID | Sched.CLONE_CHILD_CLEARTID),
                        ProcessStructures.namedAddress("tls", Sched.CLONE_SETTLS))
                .full(57, "fork", SysClone::fork)
                .full(58, "vfork", SysClone::vfork)
                .control(59, "execve", SysExec::execve, path("pathname"), strings("argv"), stringCount("envp"))
                .control(60, "exit", SysExit::exit, number("status"))
                .full(61, "wait4", SysWait::wait4, number("pid"), ProcessStructures.waitStatus("wstatus"),
                        flags("options", Flags.WAIT), ProcessStructures.usage("rusage"))
                .full(63, "uname", SysSystem::uname, ProcessStructures.utsname("buf"))
                .full(97, "getrlimit", SysLimit::getrlimit, flags("resource", Flags.RLIMIT), ProcessStructures.limitOut("rlim"))
                .full(98, "getrusage", SysUsage::getrusage, flags("who", USAGE), ProcessStructures.usage("usage"))
                .full(99, "sysinfo", SysSystem::sysinfo, ProcessStructures.sysinfo("info"))
                .full(100, "times", SysUsage::times, Times.tms("buf"))
                .partial(101, "ptrace", SysPtrace::ptrace, "no hardware breakpoints (ENOSPC) and block steps (EIO); "
                                + "EIO for PTRACE_SECCOMP_GET_METADATA, PTRACE_GET_RSEQ_CONFIGURATION and 32-bit thread areas",
                        flags("request", REQUEST), number("pid"), address("addr"), address("data"))
                .full(102, "getuid", SysUser::getuid)
                .full(103, "syslog", SysSystem::syslog, number("type"), address("bufp"), number("len"))
                .full(104, "getgid", SysUser::getgid)
                .full(105, "setuid", SysUser::setuid, number("uid"))
                .full(106, "setgid", SysUser::setgid, number("gid"))
                .full(107, "geteuid", SysUser::geteuid)
                .full(108, "getegid", SysUser::getegid)
                .full(109, "setpgid", SysProcess::setpgid, number("pid"), number("pgid"))
                .full(110, "getppid", SysProcess::getppid)
                .full(111, "getpgrp", SysProcess::getpgrp)
                .full(112, "setsid", SysProcess::setsid)
                .full(113, "setreuid", SysUser::setreuid, number("ruid"), number("euid"))
                .full(114, "setregid", SysUser::setregid, number("rgid"), number("egid"))
                .full(115, "getgroups", SysUser::getgroups, number("size"), ProcessStructures.groupsOut("list"))
                .full(116, "setgroups", SysUser::setgroups, size("size"), ProcessStructures.groups("list"))
                .full(117, "setresuid", SysUser::setresuid, number("ruid"), number("euid"), number("suid"))
                .full(118, "getresuid", SysUser::getresuid, intOut("ruid"), intOut("euid"), intOut("suid"))
                .full(119, "setresgid", SysUser::setresgid, number("rgid"), number("egid"), number("sgid"))
                .full(120, "getresgid", SysUser::getresgid, intOut("rgid"), intOut("egid"), intOut("sgid"))
                .full(121, "getpgid", SysProcess::getpgid, number("pid"))
                .full(122, "setfsuid", SysUser::setfsuid, number("fsuid"))
                .full(123, "setfsgid", SysUser::setfsgid, number("fsgid"))
                .full(124, "getsid", SysProcess::getsid, number("pid"))
                .full(125, "capget", SysCapability::capget, ProcessStructures.capabilityHeader("hdrp"),
                        ProcessStructures.capabilitiesOut("datap"))
                .full(126, "capset", SysCapability::capset, ProcessStructures.capabilityHeader("hdrp"),
                        ProcessStructures.capabilities("datap"))
                .partial(135, "personality", SysProcess::personality, "ADDR_NO_RANDOMIZE, STICKY_TIMEOUTS, UNAME26 and PER_LINUX32 have effects, the others are kept", number("persona"))
                .full(140, "getpriority", SysSchedule::getpriority, flags("which", WHICH), number("who"))
                .partial(141, "setpriority", SysSchedule::setpriority, "the value is kept; the host's scheduler does not see it",
                        flags("which", WHICH), number("who"), number("prio"));
        declareSystem(table);
        declareNewer(table);
    }

    private static void declareSystem(SyscallTable.Builder table) {
        String kept = "the values are kept; the host's scheduler does not see them";
        table.partial(142, "sched_setparam", SysSchedule::setparam, kept, number("pid"), ProcessStructures.priority("param"))
                .full(143, "sched_getparam", SysSchedule::getparam, number("pid"), intOut("param"))
                .partial(144, "sched_setscheduler", SysSchedule::setscheduler, kept, number("pid"), flags("policy", POLICY),
                        ProcessStructures.priority("param"))
                .full(145, "sched_getscheduler", SysSchedule::getscheduler, number("pid"))
                .full(146, "sched_get_priority_max", SysSchedule::priorityMax, flags("policy", POLICY))
                .full(147, "sched_get_priority_min", SysSchedule::priorityMin, flags("policy", POLICY))
                .full(148, "sched_rr_get_interval", SysSchedule::interval, number("pid"), timespecOut("tp"))
                .full(153, "vhangup", SysProcess::vhangup)
                .absent(154, "modify_ldt", ENOSYS, "as a kernel without 16-bit segments", number("func"), address("ptr"), size("bytecount"))
                .absent(156, "_sysctl", ENOSYS, "removed from Linux 5.5")
                .partial(157, "prctl", SysPrctl::prctl, "EINVAL for names of mappings and other processors' options",
                        Prctls.prctl("option"), Prctls.prctlArgument("arg2", 1), Prctls.prctlArgument("arg3", 2),
                        Prctls.prctlArgument("arg4", 3), Prctls.prctlArgument("arg5", 4))
                .partial(158, "arch_prctl", SysPrctl::archPrctl, "no CPUID faulting (ENODEV), no AMX permission (EINVAL)",
                        flags("code", Flags.ARCH_PRCTL), Prctls.archPrctlArgument("addr"))
                .full(160, "setrlimit", SysLimit::setrlimit, flags("resource", Flags.RLIMIT), ProcessStructures.limit("rlim"))
                .absent(163, "acct", ENOSYS, "no process accounting", path("filename"))
                .partial(169, "reboot", SysSystem::reboot, "halting, restarting and powering off end the sandbox; no kexec, no suspend",
                        number("magic"), number("magic2"), number("op"), address("arg"))
                .full(170, "sethostname", SysSystem::sethostname, path("name"), size("len"))
                .full(171, "setdomainname", SysSystem::setdomainname, path("name"), size("len"))
                .partial(172, "iopl", SysSystem::iopl, "guests have no I/O ports: to ask for them is EPERM", number("level"))
                .partial(173, "ioperm", SysSystem::ioperm, "guests have no I/O ports: to ask for them is EPERM", size("from"), size("num"), number("turn_on"))
                .absent(174, "create_module", ENOSYS, "removed from Linux 2.6")
                .absent(175, "init_module", EPERM, "the sandbox has no loadable modules", address("image"), size("len"), path("params"))
                .absent(176, "delete_module", EPERM, "the sandbox has no loadable modules", path("name"), number("flags"))
                .absent(177, "get_kernel_syms", ENOSYS, "removed from Linux 2.6")
                .absent(178, "query_module", ENOSYS, "removed from Linux 2.6")
                .absent(181, "getpmsg", ENOSYS, "never in Linux")
                .absent(182, "putpmsg", ENOSYS, "never in Linux")
                .absent(183, "afs_syscall", ENOSYS, "never in Linux")
                .absent(184, "tuxcall", ENOSYS, "never in Linux")
                .absent(185, "security", ENOSYS, "never in Linux")
                .full(186, "gettid", SysProcess::gettid)
                .partial(203, "sched_setaffinity", SysSchedule::setaffinity, "the mask is kept; the platform places threads",
                        number("pid"), size("cpusetsize"), ProcessStructures.processors("mask"))
                .full(204, "sched_getaffinity", SysSchedule::getaffinity, number("pid"), size("cpusetsize"),
                        ProcessStructures.processorsOut("mask"))
                .absent(205, "set_thread_area", ENOSYS, "32-bit only")
                .absent(211, "get_thread_area", ENOSYS, "32-bit only")
                .full(218, "set_tid_address", SysProcess::setTidAddress, address("tidptr"))
                .control(231, "exit_group", SysExit::exitGroup, number("status"))
                .absent(236, "vserver", ENOSYS, "never in Linux")
                .absent(246, "kexec_load", EPERM, "the sandbox has no kernel to replace", address("entry"), size("nr_segments"),
                        address("segments"), size("flags"))
                .full(247, "waitid", SysWait::waitid, flags("idtype", ID_TYPE), number("id"), SignalStructures.infoOut("infop"),
                        flags("options", Flags.WAIT), ProcessStructures.usage("rusage"))
                .absent(248, "add_key", ENOSYS, "no key rings", path("type"), path("description"), address("payload"), size("plen"),
                        number("keyring"))
                .absent(249, "request_key", ENOSYS, "no key rings", path("type"), path("description"), path("callout_info"),
                        number("dest_keyring"))
                .absent(250, "keyctl", ENOSYS, "no key rings", number("operation"), address("arg2"), address("arg3"), address("arg4"),
                        address("arg5"))
                .partial(251, "ioprio_set", SysSchedule::ioprioSet, "the value is kept, and has no effect", number("which"),
                        number("who"), number("ioprio"))
                .full(252, "ioprio_get", SysSchedule::ioprioGet, number("which"), number("who"));
    }

    private static void declareNewer(SyscallTable.Builder table) {
        table.partial(272, "unshare", SysClone::unshare, "EINVAL for user, network, cgroup and time namespaces",
                        flags("flags", Flags.CLONE))
                .absent(298, "perf_event_open", EPERM, "no performance counters", address("attr"), number("pid"), number("cpu"),
                        fd("group_fd"), size("flags"))
                .full(302, "prlimit64", SysLimit::prlimit, number("pid"), flags("resource", Flags.RLIMIT),
                        ProcessStructures.limit("new_limit"), ProcessStructures.limitOut("old_limit"))
                .full(308, "setns", SysPidFd::setns, fd("fd"), flags("nstype", Flags.CLONE))
                .full(309, "getcpu", SysProcess::getcpu, intOut("cpu"), intOut("node"), address("tcache"))
                .full(312, "kcmp", SysSystem::kcmp, number("pid1"), number("pid2"), number("type"), size("idx1"), size("idx2"))
                .absent(313, "finit_module", EPERM, "the sandbox has no loadable modules", fd("fd"), path("param_values"), number("flags"))
                .partial(314, "sched_setattr", SysSchedule::setattr, "the values are kept; no utilisation clamps (EOPNOTSUPP)", number("pid"),
                        ProcessStructures.attributes("attr"), number("flags"))
                .full(315, "sched_getattr", SysSchedule::getattr, number("pid"), ProcessStructures.attributesOut("attr"), number("size"), number("flags"))
                .partial(317, "seccomp", SysSeccomp::seccomp, "EINVAL for SECCOMP_FILTER_FLAG_NEW_LISTENER", Prctls.seccomp("operation"), Prctls.seccompFlags("flags"),
                        Prctls.seccompArgument("args"))
                .full(318, "getrandom", SysSystem::getrandom, hexOutput("buf"), size("buflen"), flags("flags", RANDOM))
                .absent(320, "kexec_file_load", EPERM, "the sandbox has no kernel to replace", fd("kernel_fd"), fd("initrd_fd"),
                        size("cmdline_len"), path("cmdline"), size("flags"))
                .absent(321, "bpf", EPERM, "no programs in the kernel", number("cmd"), address("attr"), number("size"))
                .control(322, "execveat", SysExec::execveat, fd("dirfd"), path("pathname"), strings("argv"), stringCount("envp"),
                        flags("flags", Flags.AT))
                .absent(334, "rseq", ENOSYS, "as a kernel without restartable sequences: threads are not bound to processors that guests could count on", address("rseq"), hex("rseq_len"),
                        number("flags"), hex("sig"))
                .full(434, "pidfd_open", SysPidFd::open, number("pid"), flags("flags", NONBLOCK))
                .partial(435, "clone3", SysClone::clone3, "EINVAL for cgroups and for user, network, cgroup and time namespaces",
                        ProcessStructures.cloneArguments("cl_args"), size("size"))
                .full(438, "pidfd_getfd", SysPidFd::getfd, fd("pidfd"), fd("targetfd"), number("flags"))
                .full(448, "process_mrelease", SysPidFd::mrelease, fd("pidfd"), number("flags"));
    }
}
