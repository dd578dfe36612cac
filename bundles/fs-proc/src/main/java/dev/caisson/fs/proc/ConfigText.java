package dev.caisson.fs.proc;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.zip.GZIPOutputStream;

/** /proc/config.gz: which of Linux's options this kernel is like. Test suites ask it before they try something. */
final class ConfigText {
    private static final String[] PRESENT = {"64BIT", "ADVISE_SYSCALLS", "AIO", "BINFMT_ELF", "BINFMT_SCRIPT", "CROSS_MEMORY_ATTACH",
        "DEVTMPFS", "DNOTIFY", "EPOLL", "EVENTFD", "FHANDLE", "FILE_LOCKING", "FUTEX", "HIGH_RES_TIMERS", "INET", "INOTIFY_USER", "IPC_NS",
        "IPV6", "MEMBARRIER", "MEMFD_CREATE", "MMU", "MULTIUSER", "NAMESPACES", "NET", "NET_NS", "PID_NS", "POSIX_MQUEUE", "POSIX_TIMERS",
        "PROC_FS", "PROC_SYSCTL", "RSEQ", "SECCOMP", "SECCOMP_FILTER", "SHMEM", "SIGNALFD", "SMP", "SYSCTL", "SYSFS", "SYSVIPC", "TIMERFD",
        "TMPFS", "TMPFS_POSIX_ACL", "TMPFS_XATTR", "TTY", "UNIX", "UNIX98_PTYS", "UTS_NS", "X86", "X86_64"};
    private static final String[] ABSENT = {"BLK_DEV_LOOP", "BPF_SYSCALL", "BSD_PROCESS_ACCT", "CGROUPS", "FANOTIFY", "HUGETLBFS", "HUGETLB_PAGE", "IO_URING",
        "KEYS", "KSM", "MODULES", "NUMA", "QUOTA", "SECURITY_LANDLOCK", "SWAP", "USERFAULTFD", "USER_NS", "WATCH_QUEUE"};

    private ConfigText() {}

    static String compressed() {
        StringBuilder text = new StringBuilder("# Linux/x86 configuration that Caisson is like\n");
        for (String name : PRESENT) {
            text.append("CONFIG_").append(name).append("=y\n");
        }
        for (String name : ABSENT) {
            text.append("# CONFIG_").append(name).append(" is not set\n");
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(bytes)) {
            out.write(text.toString().getBytes(StandardCharsets.ISO_8859_1));
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible);
        }
        return bytes.toString(StandardCharsets.ISO_8859_1);
    }
}
