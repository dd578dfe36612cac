package dev.caisson.syscalls.memory;

import static dev.caisson.abi.Capability.CAP_SYS_NICE;
import static dev.caisson.abi.Errno.EFAULT;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENODEV;
import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.ESRCH;

import dev.caisson.abi.ErrnoException;
import dev.caisson.kernel.PtraceAccess;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.memory.MemoryManager;

/**
 * Memory policies on a machine of one node: set_mempolicy(2), get_mempolicy(2), mbind(2), migrate_pages(2), move_pages(2). Policies are
 * kept and told. One byte holds one: the mode, {@link #HAS_NODE} when the node belongs to it, and the two flags of modes; 0 is the default.
 */
public final class SysNuma {
    private static final int MPOL_DEFAULT = 0;
    private static final int MPOL_PREFERRED = 1;
    private static final int MPOL_BIND = 2;
    private static final int MPOL_INTERLEAVE = 3;
    private static final int MPOL_LOCAL = 4;
    private static final int MPOL_MAX = 6;
    private static final int MPOL_F_STATIC_NODES = 1 << 15;
    private static final int MPOL_F_RELATIVE_NODES = 1 << 14;
    private static final int MPOL_F_NUMA_BALANCING = 1 << 13;
    private static final int MODE_FLAGS = MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES | MPOL_F_NUMA_BALANCING;
    private static final int MPOL_F_NODE = 1;
    private static final int MPOL_F_ADDR = 2;
    private static final int MPOL_F_MEMS_ALLOWED = 4;
    private static final int MPOL_MF_STRICT = 1;
    private static final int MPOL_MF_MOVE = 2;
    private static final int MPOL_MF_MOVE_ALL = 4;
    private static final int MODE = 7;
    private static final int HAS_NODE = 8;
    /** Where the flags of a mode are in a byte: 0x70. */
    private static final int FLAGS_DOWN = 9;
    /** Bits of a mask that fit a page: what Linux takes at most. */
    private static final long MOST_BITS = 4096 * 8;
    private static final int WORD_BITS = 64;

    private SysNuma() {}

    /** set_mempolicy(2). */
    public static long setMempolicy(Task task, SyscallArgs args) throws ErrnoException {
        checkMode(args.i32(0));
        boolean node = nodes(task, args.address(1), args.value(2));
        task.scheduling().memoryPolicy(policy(args.i32(0), node));
        return 0;
    }

    /** mbind(2). */
    public static long mbind(Task task, SyscallArgs args) throws ErrnoException {
        long start = args.address(0);
        int mode = args.i32(2);
        int flags = args.i32(5);
        checkMode(mode);
        boolean node = nodes(task, args.address(3), args.value(4));
        if ((flags & ~(MPOL_MF_STRICT | MPOL_MF_MOVE | MPOL_MF_MOVE_ALL)) != 0) {
            throw EINVAL.error("mbind: unknown flag");
        }
        if ((flags & MPOL_MF_MOVE_ALL) != 0 && !task.credentials().has(CAP_SYS_NICE)) {
            throw EPERM.error();
        }
        long end = start + (args.value(1) + 4095 & -4096);
        if ((start & 4095) != 0 || Long.compareUnsigned(end, start) < 0) {
            throw EINVAL.error("mbind: no range of pages");
        }
        if (end == start) {
            return 0;
        }
        int policy = policy(mode, node);
        if (start < 0 || end < 0 || end > task.memory().layout().addressLimit) {
            throw EFAULT.error();
        }
        task.memory().policy(start, end, policy);
        return 0;
    }

    /** get_mempolicy(2). */
    public static long getMempolicy(Task task, SyscallArgs args) throws ErrnoException {
        long modeAt = args.address(0);
        long maskAt = args.address(1);
        long bits = args.value(2);
        long address = args.address(3);
        long flags = args.value(4);
        if (maskAt != 0 && Long.compareUnsigned(bits, 1) < 0) {
            throw EINVAL.error("get_mempolicy: no room for the nodes");
        }
        if ((flags & ~(long) (MPOL_F_NODE | MPOL_F_ADDR | MPOL_F_MEMS_ALLOWED)) != 0) {
            throw EINVAL.error("get_mempolicy: unknown flag");
        }
        int mode = MPOL_DEFAULT;
        boolean node = true;
        if ((flags & MPOL_F_MEMS_ALLOWED) != 0) {
            if ((flags & (MPOL_F_NODE | MPOL_F_ADDR)) != 0) {
                throw EINVAL.error();
            }
        } else {
            if ((flags & MPOL_F_ADDR) == 0 && address != 0) {
                throw EINVAL.error();
            }
            int policy = (flags & MPOL_F_ADDR) != 0 ? task.memory().policyAt(address) : task.scheduling().memoryPolicy();
            mode = policy & MODE | (policy & 0x70) << FLAGS_DOWN;
            node = (policy & HAS_NODE) != 0;
            if ((flags & MPOL_F_NODE) != 0) {
                if ((flags & MPOL_F_ADDR) != 0) {
                    task.memory().readByte(address); // the node is that of the page, which comes in
                } else if ((policy & MODE) != MPOL_INTERLEAVE) {
                    throw EINVAL.error();
                }
                mode = 0; // the number of the node
            }
        }
        if (modeAt != 0) {
            task.memory().writeInt(modeAt, mode);
        }
        if (maskAt != 0) {
            writeNodes(task, maskAt, bits, node);
        }
        return 0;
    }

    private static void writeNodes(Task task, long address, long bits, boolean node) throws ErrnoException {
        long bytes = (bits - 1 + WORD_BITS - 1) / WORD_BITS * 8;
        if (bytes > 8) {
            if (Long.compareUnsigned(bytes, 4096) > 0) {
                throw EINVAL.error();
            }
            task.memory().clear(address + 8, bytes - 8);
        }
        if (bytes > 0) {
            task.memory().writeLong(address, node ? 1 : 0);
        }
    }

    /** migrate_pages(2). */
    public static long migratePages(Task task, SyscallArgs args) throws ErrnoException {
        nodes(task, args.address(2), args.value(1));
        boolean target = nodes(task, args.address(3), args.value(1));
        memory(task, args.i32(0));
        if (!target) {
            throw EINVAL.error("migrate_pages: to no node");
        }
        return 0;
    }

    /** move_pages(2): every page there is, is on node 0. */
    public static long movePages(Task task, SyscallArgs args) throws ErrnoException {
        long count = args.value(1);
        long pages = args.address(2);
        long nodes = args.address(3);
        long status = args.address(4);
        int flags = args.i32(5);
        if ((flags & ~(MPOL_MF_MOVE | MPOL_MF_MOVE_ALL)) != 0) {
            throw EINVAL.error("move_pages: unknown flag");
        }
        if ((flags & MPOL_MF_MOVE_ALL) != 0 && !task.credentials().has(CAP_SYS_NICE)) {
            throw EPERM.error();
        }
        MemoryManager memory = memory(task, args.i32(0));
        byte[] present = new byte[1];
        for (long i = 0; Long.compareUnsigned(i, count) < 0; i++) {
            long page = task.memory().readLong(pages + 8 * i);
            if (nodes != 0 && task.memory().readInt(nodes + 4 * i) != 0) {
                throw ENODEV.error("move_pages: no such node");
            }
            task.memory().writeInt(status + 4 * i, pageStatus(memory, page & -4096, present));
        }
        return 0;
    }

    private static int pageStatus(MemoryManager memory, long page, byte[] present) {
        if (!memory.isMapped(page, 4096)) {
            return -EFAULT.number();
        }
        try {
            memory.residency(page, 1, present);
            return present[0] != 0 ? 0 : -ENOENT.number();
        } catch (ErrnoException gone) {
            return -EFAULT.number();
        }
    }

    private static MemoryManager memory(Task task, int pid) throws ErrnoException {
        Task target = pid == 0 ? task : task.pidNamespace().task(pid);
        if (target == null) {
            throw ESRCH.error();
        }
        if (target.process() != task.process() && !PtraceAccess.REAL_IDS.allows(task, target)) {
            throw EPERM.error();
        }
        MemoryManager memory = target.process().memory();
        if (memory == null) {
            throw EINVAL.error();
        }
        return memory;
    }

    /** Reads a set of nodes; whether node 0, the only one, is in it. */
    private static boolean nodes(Task task, long address, long bits) throws ErrnoException {
        long count = bits - 1;
        if (address == 0 || count == 0 || bits == 0) {
            return false;
        }
        if (Long.compareUnsigned(count, MOST_BITS) > 0) {
            throw EINVAL.error("more nodes than fit a page");
        }
        boolean node = false;
        for (long word = 0; word * WORD_BITS < count; word++) {
            long value = task.memory().readLong(address + 8 * word);
            long valid = count - word * WORD_BITS;
            if (valid < WORD_BITS) {
                value &= (1L << valid) - 1;
            }
            if (word == 0) {
                node = (value & 1) != 0;
                value &= ~1L;
            }
            if (value != 0) {
                throw EINVAL.error("no such node");
            }
        }
        return node;
    }

    private static void checkMode(int mode) throws ErrnoException {
        int policy = mode & ~MODE_FLAGS;
        int flags = mode & MODE_FLAGS;
        if (policy < 0 || policy >= MPOL_MAX
                || (flags & MPOL_F_STATIC_NODES) != 0 && (flags & MPOL_F_RELATIVE_NODES) != 0
                || (flags & MPOL_F_NUMA_BALANCING) != 0 && policy != MPOL_BIND) {
            throw EINVAL.error("no such memory policy");
        }
    }

    /** A policy as a byte; Linux's mpol_new. */
    private static int policy(int mode, boolean node) throws ErrnoException {
        int policy = mode & ~MODE_FLAGS;
        int flags = (mode & MODE_FLAGS) >> FLAGS_DOWN;
        boolean placed = (mode & (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES)) != 0;
        if (policy == MPOL_DEFAULT) {
            if (node) {
                throw EINVAL.error();
            }
            return 0;
        }
        if (policy == MPOL_LOCAL || policy == MPOL_PREFERRED && !node) {
            if (node || placed) {
                throw EINVAL.error();
            }
            return MPOL_LOCAL;
        }
        if (!node) {
            throw EINVAL.error();
        }
        return policy | HAS_NODE | flags;
    }
}
