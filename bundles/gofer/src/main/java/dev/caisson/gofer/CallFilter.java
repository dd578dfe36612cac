package dev.caisson.gofer;

import dev.caisson.abi.Seccomp;
import dev.caisson.host.code.SeccompProgram;
import dev.caisson.host.raw.SyscallNumber;
import java.util.List;

/**
 * The system calls that the gofer makes, once it serves: a seccomp filter over all its threads, and the page of the documentation that
 * lists them. Calls on no list fail with ENOSYS; those that only somebody who has taken the process over would make end it.
 */
public final class CallFilter {
    private static final int X32_BIT = 0x4000_0000;
    private static final int CLONE_THREAD = 0x10000;
    private static final int PR_SET_NAME = 15;
    private static final int PR_SET_VMA = 0x53564d41;

    /**
     * Calls for one purpose.
     *
     * @param purpose what for
     * @param calls names and numbers
     */
    record Group(String purpose, List<Call> calls) {}

    /**
     * A call.
     *
     * @param name as in the manual
     * @param number on amd64
     */
    record Call(String name, int number) {}

    private static Call call(String name, int number) {
        return new Call(name, number);
    }

    /** Allowed without a look at the arguments. */
    static final List<Group> ALLOWED = List.of(
        new Group("to reach files below an export, one name at a time", List.of(
            call("openat2", SyscallNumber.OPENAT2), call("statx", SyscallNumber.STATX), call("readlinkat", SyscallNumber.READLINKAT),
            call("close", SyscallNumber.CLOSE))),
        new Group("to open a regular file or a directory that was reached, by the link of its descriptor", List.of(
            call("openat", SyscallNumber.OPENAT))),
        new Group("for the content of open files and directories", List.of(
            call("pread64", SyscallNumber.PREAD64), call("pwrite64", SyscallNumber.PWRITE64),
            call("getdents64", SyscallNumber.GETDENTS64), call("lseek", SyscallNumber.LSEEK), call("ftruncate", SyscallNumber.FTRUNCATE),
            call("fsync", SyscallNumber.FSYNC), call("fdatasync", SyscallNumber.FDATASYNC), call("fcntl", SyscallNumber.FCNTL))),
        new Group("to change directories", List.of(
            call("mkdirat", SyscallNumber.MKDIRAT), call("mknodat", SyscallNumber.MKNODAT), call("symlinkat", SyscallNumber.SYMLINKAT),
            call("linkat", SyscallNumber.LINKAT), call("renameat2", SyscallNumber.RENAMEAT2), call("unlinkat", SyscallNumber.UNLINKAT))),
        new Group("for attributes", List.of(
            call("fchmod", SyscallNumber.FCHMOD), call("fchmodat", SyscallNumber.FCHMODAT), call("fchown", SyscallNumber.FCHOWN),
            call("fchownat", SyscallNumber.FCHOWNAT), call("utimensat", SyscallNumber.UTIMENSAT), call("fstatfs", SyscallNumber.FSTATFS),
            call("getxattr", SyscallNumber.GETXATTR), call("setxattr", SyscallNumber.SETXATTR),
            call("listxattr", SyscallNumber.LISTXATTR), call("removexattr", SyscallNumber.REMOVEXATTR))),
        new Group("to work as the user of an attach", List.of(
            call("setfsuid", SyscallNumber.SETFSUID), call("setfsgid", SyscallNumber.SETFSGID),
            call("setgroups", SyscallNumber.SETGROUPS))),
        new Group("for clients", List.of(
            call("accept4", SyscallNumber.ACCEPT4), call("read", SyscallNumber.READ), call("sendmsg", SyscallNumber.SENDMSG),
            call("poll", SyscallNumber.POLL), call("shutdown", SyscallNumber.SHUTDOWN), call("getsockopt", SyscallNumber.GETSOCKOPT),
            call("setsockopt", SyscallNumber.SETSOCKOPT))),
        new Group("to run on the processor of who asks", List.of(call("sched_setaffinity", SyscallNumber.SCHED_SETAFFINITY))),
        new Group("of the Java runtime: memory", List.of(
            call("mmap", SyscallNumber.MMAP), call("munmap", SyscallNumber.MUNMAP), call("mprotect", SyscallNumber.MPROTECT),
            call("mremap", SyscallNumber.MREMAP), call("madvise", SyscallNumber.MADVISE), call("brk", 12))),
        new Group("of the Java runtime: threads and time", List.of(
            call("futex", SyscallNumber.FUTEX), call("set_robust_list", 273), call("rseq", 334), call("gettid", SyscallNumber.GETTID),
            call("sched_yield", SyscallNumber.SCHED_YIELD), call("sched_getaffinity", SyscallNumber.SCHED_GETAFFINITY),
            call("membarrier", SyscallNumber.MEMBARRIER), call("clock_gettime", SyscallNumber.CLOCK_GETTIME),
            call("clock_nanosleep", SyscallNumber.CLOCK_NANOSLEEP), call("restart_syscall", 219), call("getrusage", 98),
            call("exit", SyscallNumber.EXIT), call("exit_group", SyscallNumber.EXIT_GROUP))),
        new Group("of the Java runtime: signals it takes itself", List.of(
            call("rt_sigaction", SyscallNumber.RT_SIGACTION), call("rt_sigprocmask", SyscallNumber.RT_SIGPROCMASK),
            call("rt_sigreturn", 15), call("sigaltstack", 131))),
        new Group("of the Java runtime: its own files, opened before, and messages to standard error", List.of(
            call("fstat", SyscallNumber.FSTAT), call("newfstatat", SyscallNumber.NEWFSTATAT), call("write", SyscallNumber.WRITE),
            call("getpid", SyscallNumber.GETPID), call("getrandom", SyscallNumber.GETRANDOM), call("sysinfo", SyscallNumber.SYSINFO),
            call("uname", SyscallNumber.UNAME))));

    /** They end the process. */
    static final List<Group> DEADLY = List.of(
        new Group("other programs and processes", List.of(
            call("execve", SyscallNumber.EXECVE), call("execveat", SyscallNumber.EXECVEAT), call("fork", 57), call("vfork", 58),
            call("ptrace", SyscallNumber.PTRACE), call("process_vm_readv", SyscallNumber.PROCESS_VM_READV),
            call("process_vm_writev", 311), call("kill", SyscallNumber.KILL), call("pidfd_open", SyscallNumber.PIDFD_OPEN),
            call("pidfd_getfd", SyscallNumber.PIDFD_GETFD))),
        new Group("another root, other mounts and namespaces", List.of(
            call("chroot", SyscallNumber.CHROOT), call("pivot_root", SyscallNumber.PIVOT_ROOT), call("chdir", SyscallNumber.CHDIR),
            call("fchdir", SyscallNumber.FCHDIR), call("mount", SyscallNumber.MOUNT), call("umount2", SyscallNumber.UMOUNT2),
            call("open_tree", SyscallNumber.OPEN_TREE), call("move_mount", SyscallNumber.MOVE_MOUNT),
            call("fsopen", SyscallNumber.FSOPEN), call("fsmount", SyscallNumber.FSMOUNT),
            call("mount_setattr", SyscallNumber.MOUNT_SETATTR), call("unshare", SyscallNumber.UNSHARE),
            call("setns", SyscallNumber.SETNS), call("open_by_handle_at", 304))),
        new Group("more rights", List.of(
            call("capset", SyscallNumber.CAPSET), call("setuid", 105), call("setgid", 106), call("setreuid", 113), call("setregid", 114),
            call("setresuid", SyscallNumber.SETRESUID), call("setresgid", SyscallNumber.SETRESGID))),
        new Group("the network and the host's kernel", List.of(
            call("socket", SyscallNumber.SOCKET), call("connect", SyscallNumber.CONNECT), call("bind", SyscallNumber.BIND),
            call("bpf", 321), call("perf_event_open", 298), call("userfaultfd", 323), call("io_uring_setup", 425),
            call("init_module", 175), call("finit_module", 313), call("kexec_load", 246), call("keyctl", 250))));

    private CallFilter() {}

    /**
     * Puts the filter over all threads of the process.
     *
     * @return 0, or the thread that could not get it, or a negated error number
     */
    static long install() {
        return Program.PROGRAM.install(Seccomp.SECCOMP_FILTER_FLAG_TSYNC);
    }

    /** Makes the filter; a gofer that has shut itself in has no way to its classes any more. */
    static void prepare() {
        Program.PROGRAM.getClass();
    }

    private static final class Program {
        private static final SeccompProgram PROGRAM = program();

        private Program() {}
    }

    private static SeccompProgram program() {
        SeccompProgram program = SeccompProgram.ofAmd64(SeccompProgram.KILL_PROCESS)
            .load(SeccompProgram.NUMBER).endIfAtLeast(X32_BIT, SeccompProgram.KILL_PROCESS);
        judge(program, ALLOWED, SeccompProgram.ALLOW);
        judge(program, DEADLY, SeccompProgram.KILL_PROCESS);
        return program
            // clone: threads only. clone3 keeps its flags in memory, where no filter sees them; without it the C library uses clone.
            .branchIf(SyscallNumber.CLONE, SeccompProgram.branch().load(SeccompProgram.FIRST_ARGUMENT)
                .endIfAny(CLONE_THREAD, SeccompProgram.ALLOW).end(SeccompProgram.KILL_PROCESS))
            // prctl: names of threads and of memory
            .branchIf(SyscallNumber.PRCTL, SeccompProgram.branch().load(SeccompProgram.FIRST_ARGUMENT)
                .endIf(PR_SET_NAME, SeccompProgram.ALLOW).endIf(PR_SET_VMA, SeccompProgram.ALLOW).end(SeccompProgram.REFUSE))
            .end(SeccompProgram.REFUSE);
    }

    private static void judge(SeccompProgram program, List<Group> groups, int verdict) {
        for (Group group : groups) {
            for (Call call : group.calls) {
                program.endIf(call.number, verdict);
            }
        }
    }

    /** {@return the page docs/gofer-calls.md} */
    static String page() {
        StringBuilder page = new StringBuilder("""
            # System calls of the gofer

            `caisson gofer` makes these calls of the host once it serves clients. A seccomp filter over all its threads sees to it. This page
            is written by `dev.caisson.gofer.CallFilter`, from the table that the filter is made of; a test compares them.

            ## Allowed

            """);
        table(page, ALLOWED);
        page.append("""
            | of the Java runtime: new threads | `clone` with `CLONE_THREAD`; without it the process ends |
            | of the Java runtime: names of threads and memory | `prctl` with `PR_SET_NAME` or `PR_SET_VMA` |

            ## Calls that end the process

            Nothing in the gofer makes them: who does has taken it over.

            """);
        table(page, DEADLY);
        page.append("""

            Everything else fails with `ENOSYS`, and calls by the 32-bit and x32 gates end the process.
            """);
        return page.toString();
    }

    private static void table(StringBuilder page, List<Group> groups) {
        page.append("| what for | calls |\n| --- | --- |\n");
        for (Group group : groups) {
            page.append("| ").append(group.purpose).append(" | `")
                .append(String.join("`, `", group.calls.stream().map(Call::name).toList())).append("` |\n");
        }
    }

    /**
     * Prints the page.
     *
     * @param arguments none
     */
    public static void main(String[] arguments) {
        System.out.print(page());
    }
}
