package dev.caisson.syscalls.process;

import static dev.caisson.abi.Capability.CAP_SYS_ADMIN;
import static dev.caisson.abi.Capability.CAP_SYS_BOOT;
import static dev.caisson.abi.Capability.CAP_SYSLOG;
import static dev.caisson.abi.Errno.EFAULT;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.ESRCH;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.SystemInformation;
import dev.caisson.host.HostSystem;
import dev.caisson.kernel.PtraceAccess;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.UtsNamespace;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.vfs.FileDescription;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;

/** The machine and its names: uname(2), sethostname(2), sysinfo(2), getrandom(2), syslog(2), reboot(2), ioperm(2). */
public final class SysSystem {
    /** Each of the six fields of struct new_utsname. */
    private static final int NAME_BYTES = 65;
    /** personality(2). */
    private static final int UNAME26 = 0x20000;
    private static final int PER_MASK = 0xff;
    private static final int PER_LINUX32 = 8;
    /** IO_BITMAP_BITS. */
    private static final int PORTS = 65536;
    private static final int GRND_KNOWN = 7;
    private static final int GRND_RANDOM = 2;
    private static final int GRND_INSECURE = 4;
    private static final long LARGEST_READ = 0x7ffff000L;

    private SysSystem() {}

    /** uname(2). */
    public static long uname(Task task, SyscallArgs args) throws ErrnoException {
        UtsNamespace uts = task.uts();
        MemorySegment out = task.scratch();
        out.asSlice(0, 6 * NAME_BYTES).fill((byte) 0);
        put(out, 0, UtsNamespace.SYSTEM);
        put(out, 1, uts.hostName());
        put(out, 2, (task.personality() & UNAME26) != 0 ? oldRelease() : UtsNamespace.RELEASE);
        put(out, 3, UtsNamespace.VERSION);
        put(out, 4, (task.personality() & PER_MASK) == PER_LINUX32 ? "i686" : UtsNamespace.MACHINE);
        put(out, 5, uts.domainName());
        task.memory().copyOut(args.address(0), out, 0, 6 * NAME_BYTES);
        return 0;
    }

    /** For programs that cannot count beyond 2.6: the second number, plus 60, becomes the third. */
    private static String oldRelease() {
        String[] parts = UtsNamespace.RELEASE.split("[.-]", 4);
        return "2.6." + (60 + Integer.parseInt(parts[1])) + "-" + parts[3];
    }

    private static void put(MemorySegment out, int field, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
        MemorySegment.copy(MemorySegment.ofArray(bytes), 0, out, (long) field * NAME_BYTES, Math.min(bytes.length, NAME_BYTES - 1));
    }

    /** sethostname(2). */
    public static long sethostname(Task task, SyscallArgs args) throws ErrnoException {
        task.uts().hostName(newName(task, args));
        return 0;
    }

    /** iopl(2): the level of who has no ports is 0. */
    public static long iopl(Task task, SyscallArgs args) throws ErrnoException {
        int level = args.i32(0);
        if (level < 0 || level > 3) {
            throw EINVAL.error();
        }
        if (level > 0) {
            throw EPERM.error("no I/O ports");
        }
        return 0;
    }

    /** ioperm(2): to give up what one does not have is allowed. */
    public static long ioperm(Task task, SyscallArgs args) throws ErrnoException {
        long first = args.value(0);
        long count = args.value(1);
        if (Long.compareUnsigned(first + count, first) <= 0 || Long.compareUnsigned(first + count, PORTS) > 0) {
            throw EINVAL.error();
        }
        if (args.i32(2) != 0) {
            throw EPERM.error("no I/O ports");
        }
        return 0;
    }

    /** setdomainname(2). */
    public static long setdomainname(Task task, SyscallArgs args) throws ErrnoException {
        task.uts().domainName(newName(task, args));
        return 0;
    }

    private static String newName(Task task, SyscallArgs args) throws ErrnoException {
        if (!task.credentials().has(CAP_SYS_ADMIN)) {
            throw EPERM.error();
        }
        int length = args.i32(1);
        if (length < 0 || length > NAME_BYTES - 1) {
            throw EINVAL.error();
        }
        byte[] bytes = new byte[length];
        task.memory().copyIn(args.address(0), bytes);
        String name = new String(bytes, StandardCharsets.ISO_8859_1);
        int end = name.indexOf(0);
        return end < 0 ? name : name.substring(0, end);
    }

    /** sysinfo(2). */
    public static long sysinfo(Task task, SyscallArgs args) throws ErrnoException {
        MemoryFile memory = task.kernel().memoryFile();
        long total = task.kernel().totalMemoryBytes();
        long used = memory.usedBytes();
        task.memory().write(args.address(0), SystemInformation.CODEC, new SystemInformation(
                (task.kernel().clocks().boottimeNs() + task.process().set().time().boottimeNs()) / 1_000_000_000L, total, Math.max(0, total - used), 0, task.kernel().taskCount()));
        return 0;
    }

    /** getrandom(2): the host's generator, straight into the guest's buffer. */
    public static long getrandom(Task task, SyscallArgs args) throws ErrnoException {
        int flags = args.i32(2);
        if ((flags & ~GRND_KNOWN) != 0 || (flags & (GRND_RANDOM | GRND_INSECURE)) == (GRND_RANDOM | GRND_INSECURE)) {
            throw EINVAL.error();
        }
        long wanted = Math.min(args.value(1) < 0 ? LARGEST_READ : args.value(1), LARGEST_READ);
        if (wanted == 0) {
            return 0;
        }
        IoBuffer buffer = task.memory().buffer(args.address(0), wanted, true);
        MemorySegment scratch = task.scratch();
        long done = 0;
        while (done < wanted) {
            long step = Math.min(wanted - done, 256);
            fill(scratch, step);
            long put;
            try {
                put = buffer.put(scratch, 0, step);
            } catch (ErrnoException fault) {
                if (done == 0) {
                    throw EFAULT.error();
                }
                break;
            }
            done += put;
            if (put < step || (done & 4095) == 0 && task.isInterrupted()) {
                break;
            }
        }
        return done;
    }

    private static void fill(MemorySegment scratch, long bytes) {
        // Up to 256 bytes the host never gives less.
        HostSystem.random(scratch.address(), bytes, 0);
    }

    /** syslog(2): an empty log. */
    public static long syslog(Task task, SyscallArgs args) throws ErrnoException {
        int type = args.i32(0);
        boolean privileged = task.credentials().has(CAP_SYSLOG) || task.credentials().has(CAP_SYS_ADMIN);
        if (!privileged && type != 3 && type != 10) {
            throw EPERM.error();
        }
        switch (type) {
            case 0, 1, 5, 6, 7, 9 -> {
                return 0;
            }
            case 2, 3, 4 -> {
                if (args.address(1) == 0 || args.i32(2) < 0) {
                    throw EINVAL.error();
                }
                return 0;
            }
            case 8 -> {
                if (args.i32(2) < 1 || args.i32(2) > 8) {
                    throw EINVAL.error();
                }
                return 0;
            }
            case 10 -> {
                return 1 << 17;
            }
            default -> throw EINVAL.error();
        }
    }

    /** reboot(2): the magic numbers are checked; ending the sandbox that way is left to its operator. */
    public static long reboot(Task task, SyscallArgs args) throws ErrnoException {
        if (!task.credentials().has(CAP_SYS_BOOT)) {
            throw EPERM.error();
        }
        int second = args.i32(1);
        if (args.i32(0) != 0xfee1dead || second != 672274793 && second != 85072278 && second != 369367448 && second != 537993216) {
            throw EINVAL.error();
        }
        switch (args.i32(2)) {
            case 0, 0x89abcdef -> {
                return 0;
            }
            case 0x01234567, 0xcdef0123, 0x4321fedc, 0xa1b2c3d4 -> {
                task.kernel().shutdown();
                return 0;
            }
            default -> throw EINVAL.error();
        }
    }

    /** kcmp(2) on what two tasks share. */
    public static long kcmp(Task task, SyscallArgs args) throws ErrnoException {
        Task first = find(task, args.i32(0));
        Task second = find(task, args.i32(1));
        Object a;
        Object b;
        switch (args.i32(2)) {
            case 0 -> {
                a = first.fds().borrowAny(args.i32(3));
                ((FileDescription) a).release();
                b = second.fds().borrowAny(args.i32(4));
                ((FileDescription) b).release();
            }
            case 1 -> {
                a = first.memory();
                b = second.memory();
            }
            case 2 -> {
                a = first.fds();
                b = second.fds();
            }
            case 3 -> {
                a = first.fs();
                b = second.fs();
            }
            case 4 -> {
                a = first.process().signals().handlers();
                b = second.process().signals().handlers();
            }
            case 5, 6 -> {
                return 0;
            }
            default -> throw EINVAL.error();
        }
        return a == b ? 0 : Integer.compare(System.identityHashCode(a), System.identityHashCode(b)) < 0 ? 1 : 2;
    }

    private static Task find(Task task, int pid) throws ErrnoException {
        Task found = task.pidNamespace().task(pid);
        if (found == null || found.memory() == null) {
            throw ESRCH.error();
        }
        if (!PtraceAccess.REAL_IDS.allows(task, found)) {
            throw EPERM.error();
        }
        return found;
    }

}
