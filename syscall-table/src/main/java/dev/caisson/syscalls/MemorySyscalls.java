package dev.caisson.syscalls;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOSPC;
import static dev.caisson.abi.Errno.ENOSYS;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.kernel.syscall.Arguments.address;
import static dev.caisson.kernel.syscall.Arguments.fd;
import static dev.caisson.kernel.syscall.Arguments.flags;
import static dev.caisson.kernel.syscall.Arguments.hex;
import static dev.caisson.kernel.syscall.Arguments.number;
import static dev.caisson.kernel.syscall.Arguments.size;

import dev.caisson.abi.Mman;
import dev.caisson.abi.Prctl;
import dev.caisson.kernel.syscall.FlagNames;
import dev.caisson.kernel.syscall.Flags;
import dev.caisson.kernel.syscall.SyscallTable;
import dev.caisson.kernel.syscall.decode.Sockets;
import dev.caisson.syscalls.memory.SysMadvise;
import dev.caisson.syscalls.memory.SysMembarrier;
import dev.caisson.syscalls.memory.SysMmap;
import dev.caisson.syscalls.memory.SysNuma;
import dev.caisson.syscalls.memory.SysProcessMemory;

/** Mappings and memory. */
final class MemorySyscalls {
    private static final FlagNames MSYNC = FlagNames.mask(Mman.class, "MS_");
    private static final FlagNames MLOCKALL = FlagNames.mask(Mman.class, "MCL_");
    private static final FlagNames MLOCK = FlagNames.mask(Mman.class, "MLOCK_");
    private static final FlagNames MEMBARRIER = FlagNames.oneOf(Prctl.class, "MEMBARRIER_CMD_");

    private MemorySyscalls() {}

    static void declare(SyscallTable.Builder table) {
        table.partial(9, "mmap", SysMmap::mmap, "MAP_HUGETLB is ENOMEM", address("addr"), size("length"), flags("prot", Flags.PROT),
                        flags("flags", Flags.MAP), fd("fd"), hex("offset"))
                .full(10, "mprotect", SysMmap::mprotect, address("addr"), size("len"), flags("prot", Flags.PROT))
                .full(11, "munmap", SysMmap::munmap, address("addr"), size("length"))
                .full(12, "brk", SysMmap::brk, address("addr"))
                .full(25, "mremap", SysMmap::mremap, address("old_address"), size("old_size"), size("new_size"),
                        flags("flags", Flags.MREMAP), address("new_address"))
                .full(26, "msync", SysMadvise::msync, address("addr"), size("length"), flags("flags", MSYNC))
                .full(27, "mincore", SysMadvise::mincore, address("addr"), size("length"), address("vec"))
                .full(28, "madvise", SysMadvise::madvise, address("addr"), size("length"), flags("advice", Flags.MADVISE))
                .full(149, "mlock", SysMadvise::mlock, address("addr"), size("len"))
                .full(150, "munlock", SysMadvise::munlock, address("addr"), size("len"))
                .full(151, "mlockall", SysMadvise::mlockall, flags("flags", MLOCKALL))
                .full(152, "munlockall", SysMadvise::munlockall)
                .full(216, "remap_file_pages", SysMmap::remapFilePages, address("addr"), size("size"), flags("prot", Flags.PROT),
                        size("pgoff"), flags("flags", Flags.MAP))
                .partial(237, "mbind", SysNuma::mbind, "there is one node, the policy is kept and has no effect", address("addr"), size("len"),
                        number("mode"), address("nodemask"), size("maxnode"), number("flags"))
                .partial(238, "set_mempolicy", SysNuma::setMempolicy, "there is one node, the policy is kept and has no effect",
                        number("mode"), address("nodemask"), size("maxnode"))
                .full(239, "get_mempolicy", SysNuma::getMempolicy, address("mode"),
                        address("nodemask"), size("maxnode"), address("addr"), number("flags"))
                .partial(256, "migrate_pages", SysNuma::migratePages, "there is one node, nothing moves", number("pid"), size("maxnode"), address("old_nodes"),
                        address("new_nodes"))
                .partial(279, "move_pages", SysNuma::movePages, "there is one node, nothing moves", number("pid"), size("count"), address("pages"), address("nodes"),
                        address("status"), number("flags"))
                .full(310, "process_vm_readv", SysProcessMemory::readv, number("pid"),
                        Sockets.vectorOfAddresses("local_iov", 2), size("liovcnt"), Sockets.vectorOfAddresses("remote_iov", 4),
                        size("riovcnt"), size("flags"))
                .full(311, "process_vm_writev", SysProcessMemory::writev, number("pid"),
                        Sockets.vectorOfAddresses("local_iov", 2), size("liovcnt"), Sockets.vectorOfAddresses("remote_iov", 4),
                        size("riovcnt"), size("flags"))
                .absent(323, "userfaultfd", EPERM, "faults of guests are not handed to guests", number("flags"))
                .partial(324, "membarrier", SysMembarrier::membarrier, "EINVAL for the RSEQ commands",
                        flags("cmd", MEMBARRIER), number("flags"), number("cpu_id"))
                .full(325, "mlock2", SysMadvise::mlock2, address("addr"), size("len"), flags("flags", MLOCK))
                .partial(329, "pkey_mprotect", SysMmap::pkeyMprotect, "EINVAL for every key but -1, as on a processor without keys",
                        address("addr"), size("len"), flags("prot", Flags.PROT), number("pkey"))
                .absent(330, "pkey_alloc", ENOSPC, "as on a processor without protection keys", number("flags"), number("access_rights"))
                .absent(331, "pkey_free", EINVAL, "as on a processor without protection keys", number("pkey"))
                .full(440, "process_madvise", SysProcessMemory::madvise, fd("pidfd"), Sockets.vectorOfAddresses("iovec", 2), size("vlen"),
                        flags("advice", Flags.MADVISE), number("flags"))
                .absent(447, "memfd_secret", ENOSYS, "as in kernels without secret memory", number("flags"))
                .absent(450, "set_mempolicy_home_node", ENOSYS, "there is one node", address("start"), size("len"), size("home_node"),
                        number("flags"))
                .absent(453, "map_shadow_stack", ENOSYS, "guests have no shadow stacks", address("addr"), size("size"), number("flags"))
                .full(462, "mseal", SysMadvise::mseal, address("addr"), size("len"), number("flags"));
    }
}
