package dev.caisson.abi;

import static dev.caisson.abi.CodecCheck.check;
import static dev.caisson.abi.Layouts.U16;
import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Layouts.U64;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

/** Every structure lies in memory as Linux on amd64 has it. */
final class StructureLayoutTest {
    @Test
    void times() {
        check("timespec", Timespec.CODEC, "tv_sec", "tv_nsec");
        check("itimerspec", IntervalTime.CODEC, "it_interval.tv_sec", "it_interval.tv_nsec", "it_value.tv_sec", "it_value.tv_nsec");
        assertEquals(Golden.size("timeval"), Timespec.TIMEVAL.sizeBytes());
        assertEquals(Golden.size("itimerval"), IntervalTime.ITIMERVAL.sizeBytes());
    }

    @Test
    void timevalIsMicrosecondsInMemory() {
        MemorySegment memory = MemorySegment.ofArray(new byte[Golden.size("timeval")]);
        Timespec.TIMEVAL.write(memory, 0, new Timespec(7, 123_456_789));

        assertEquals(7, memory.get(U64, Golden.field("timeval.tv_sec").offset()));
        assertEquals(123_456, memory.get(U64, Golden.field("timeval.tv_usec").offset()));
        assertEquals(new Timespec(7, 123_456_000), Timespec.TIMEVAL.read(memory, 0));
    }

    @Test
    void signals() {
        check("sigaction", SignalAction.CODEC, "handler", "flags", "restorer", "mask");
        check("sigaltstack", SignalStack.CODEC, "ss_sp", "ss_flags", "ss_size");
        assertEquals(Golden.size("siginfo"), SignalInfo.BYTES);
        assertEquals(Golden.size("siginfo"), SignalInfo.CODEC.sizeBytes());
    }

    @Test
    void signalInformationOfAChild() {
        MemorySegment memory = written(SignalInfo.child(17, SignalCodes.CLD_KILLED, 41, 42, 43, 44, 45));
        assertEquals(17, u32(memory, "si_signo"));
        assertEquals(SignalCodes.CLD_KILLED, u32(memory, "si_code"));
        assertEquals(41, u32(memory, "si_pid"));
        assertEquals(42, u32(memory, "si_uid"));
        assertEquals(43, u32(memory, "si_status"));
        assertEquals(44, u64(memory, "si_utime"));
        assertEquals(45, u64(memory, "si_stime"));
    }

    @Test
    void signalInformationOfATimerAFaultAndADescriptor() {
        MemorySegment timer = written(SignalInfo.timer(34, 41, 42, 0x1122334455667788L));
        assertEquals(41, u32(timer, "si_timerid"));
        assertEquals(42, u32(timer, "si_overrun"));
        assertEquals(0x1122334455667788L, u64(timer, "si_value"));

        MemorySegment fault = written(SignalInfo.fault(11, SignalCodes.SEGV_ACCERR, 0x7fff_1234_5678L));
        assertEquals(0x7fff_1234_5678L, u64(fault, "si_addr"));

        MemorySegment io = written(SignalInfo.io(29, SignalCodes.POLL_IN, 0x41, 5));
        assertEquals(0x41, u64(io, "si_band"));
        assertEquals(5, u32(io, "si_fd"));
    }

    @Test
    void files() {
        check("flock", FileLock.CODEC, "l_type", "l_whence", "l_start", "l_len", "l_pid");
        check("open_how", OpenHow.CODEC, "flags", "mode", "resolve");
        check("epoll_event", EpollEvent.CODEC, "events", "data");
    }

    @Test
    void fileStatus() {
        assertEquals(Golden.size("stat"), StatLayout.BYTES);
        long[] words = new long[StatLayout.WORDS];
        MemorySegment memory = MemorySegment.ofArray(words);
        StatLayout.writeFile(words, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
        StatLayout.writeTimes(words, 11_000_000_012L, 13_000_000_014L, -1);
        String[] fields = {"st_dev", "st_ino", "st_nlink", "st_mode", "st_uid", "st_gid", "st_rdev", "st_size", "st_blksize",
            "st_blocks", "st_atim.tv_sec", "st_atim.tv_nsec", "st_mtim.tv_sec", "st_mtim.tv_nsec"};
        for (int i = 0; i < fields.length; i++) {
            assertEquals(i + 1, get(memory, "stat." + fields[i]), fields[i]);
        }
        assertEquals(-1, get(memory, "stat.st_ctim.tv_sec"), "before the epoch");
        assertEquals(999_999_999, get(memory, "stat.st_ctim.tv_nsec"));
    }

    @Test
    void extendedFileStatus() {
        assertEquals(Golden.size("statx"), StatxLayout.BYTES);
        long[] words = new long[StatxLayout.WORDS];
        MemorySegment memory = MemorySegment.ofArray(words);
        StatxLayout.writeHead(words, 1, 2, 3, 4, 5);
        StatxLayout.writeFile(words, 6, 7, 8, 9, 10, 11, 12);
        StatxLayout.writeDevices(words, 13, 14, 15, 16);
        StatxLayout.writeTimes(words, 17_000_000_018L, 19_000_000_020L, 21_000_000_022L, 23_000_000_024L);
        String[] fields = {"stx_mask", "stx_blksize", "stx_attributes", "stx_attributes_mask", "stx_mnt_id", "stx_nlink", "stx_uid",
            "stx_gid", "stx_mode", "stx_ino", "stx_size", "stx_blocks", "stx_rdev_major", "stx_rdev_minor", "stx_dev_major",
            "stx_dev_minor", "stx_atime.tv_sec", "stx_atime.tv_nsec", "stx_btime.tv_sec", "stx_btime.tv_nsec", "stx_ctime.tv_sec",
            "stx_ctime.tv_nsec", "stx_mtime.tv_sec", "stx_mtime.tv_nsec"};
        for (int i = 0; i < fields.length; i++) {
            assertEquals(i + 1, get(memory, "statx." + fields[i]), fields[i]);
        }
    }

    @Test
    void fileSystemStatus() {
        assertEquals(Golden.size("statfs"), StatfsValue.CODEC.sizeBytes());
        MemorySegment memory = MemorySegment.ofArray(new byte[Golden.size("statfs")]);
        StatfsValue.CODEC.write(memory, 0, new StatfsValue(1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
        String[] fields = {"f_type", "f_bsize", "f_blocks", "f_bfree", "f_bavail", "f_files", "f_ffree", "f_fsid", "f_namelen", "f_flags"};
        for (int i = 0; i < fields.length; i++) {
            assertEquals(i + 1, get(memory, "statfs." + fields[i]), fields[i]);
        }
        assertEquals(2, get(memory, "statfs.f_frsize"));
        assertEquals(new StatfsValue(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), StatfsValue.CODEC.read(memory, 0));
    }

    @Test
    void processes() {
        check("clone_args", CloneArguments.CODEC, "flags", "pidfd", "child_tid", "parent_tid", "exit_signal", "stack", "stack_size",
                "tls", "set_tid", "set_tid_size", "cgroup");
        assertEquals(CloneArguments.BYTES, CloneArguments.CODEC.sizeBytes());
    }

    @Test
    void resourceUsage() {
        assertEquals(Golden.size("rusage"), ResourceUsage.BYTES);
        assertEquals(Golden.size("rusage"), ResourceUsage.CODEC.sizeBytes());
        MemorySegment memory = MemorySegment.ofArray(new byte[ResourceUsage.BYTES]);
        ResourceUsage.CODEC.write(memory, 0, new ResourceUsage(1_000_002, 3_000_004, 5, 6, 7, 8, 9));
        String[] fields = {"ru_utime.tv_sec", "ru_utime.tv_usec", "ru_stime.tv_sec", "ru_stime.tv_usec", "ru_maxrss", "ru_minflt",
            "ru_majflt", "ru_nvcsw", "ru_nivcsw"};
        for (int i = 0; i < fields.length; i++) {
            assertEquals(i + 1, get(memory, "rusage." + fields[i]), fields[i]);
        }
        assertEquals(new ResourceUsage(1_000_002, 3_000_004, 5, 6, 7, 8, 9), ResourceUsage.CODEC.read(memory, 0));
    }

    @Test
    void systemInformation() {
        assertEquals(Golden.size("sysinfo"), SystemInformation.CODEC.sizeBytes());
        MemorySegment memory = MemorySegment.ofArray(new byte[SystemInformation.BYTES]);
        SystemInformation.CODEC.write(memory, 0, new SystemInformation(1, 2, 3, 4, 5));
        String[] fields = {"uptime", "totalram", "freeram", "sharedram", "procs"};
        for (int i = 0; i < fields.length; i++) {
            assertEquals(i + 1, get(memory, "sysinfo." + fields[i]), fields[i]);
        }
        assertEquals(1, get(memory, "sysinfo.mem_unit"));
    }

    @Test
    void sockets() {
        check("msghdr", MessageHeader.CODEC, "msg_name", "msg_namelen", "msg_iov", "msg_iovlen", "msg_control", "msg_controllen",
                "msg_flags");
        assertEquals(Golden.size("mmsghdr"), MessageHeader.MULTIPLE_BYTES);
        assertEquals(Golden.field("mmsghdr.msg_len").offset(), MessageHeader.MULTIPLE_LENGTH);
        check("ucred", UserCredentials.CODEC, "pid", "uid", "gid");
    }

    @Test
    void socketAddresses() {
        assertEquals(Golden.size("sockaddr_in"), SocketAddress.INET_BYTES);
        assertEquals(Golden.size("sockaddr_in6"), SocketAddress.INET6_BYTES);
        assertEquals(Golden.size("sockaddr_un"), SocketAddress.UNIX_BYTES);
        assertEquals(Golden.size("sockaddr_nl"), SocketAddress.NETLINK_BYTES);
        assertEquals(Golden.size("sockaddr_storage"), SocketAddress.MAX_BYTES);
        byte[] address = SocketAddress.of(new byte[] {127, 0, 0, 1}, 0x1234);
        assertEquals(0x12, address[Golden.field("sockaddr_in.sin_port").offset()], "ports are in network order");
        assertEquals(127, address[Golden.field("sockaddr_in.sin_addr").offset()]);
        byte[] address6 = SocketAddress.of(new byte[] {9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 0x1234);
        assertEquals(0x12, address6[Golden.field("sockaddr_in6.sin6_port").offset()]);
        assertEquals(9, address6[Golden.field("sockaddr_in6.sin6_addr").offset()]);
        assertEquals(0x1234, SocketAddress.port(address6));
    }

    @Test
    void interProcessCommunication() {
        check("ipc_perm", IpcPermissions.CODEC, "key", "uid", "gid", "cuid", "cgid", "mode", "seq");
        check("sembuf", SemaphoreOperation.CODEC, "sem_num", "sem_op", "sem_flg");
        assertEquals(Golden.size("shmid_ds"), SharedMemoryStatus.CODEC.sizeBytes());
        assertEquals(Golden.size("semid_ds"), SemaphoreStatus.CODEC.sizeBytes());
        assertEquals(Golden.size("msqid_ds"), MessageQueueStatus.CODEC.sizeBytes());
    }

    @Test
    void interProcessCommunicationStatus() {
        IpcPermissions permissions = new IpcPermissions(101, 102, 103, 104, 105, 106, 107);
        MemorySegment shared = MemorySegment.ofArray(new byte[Golden.size("shmid_ds")]);
        SharedMemoryStatus.CODEC.write(shared, 0, new SharedMemoryStatus(permissions, 1, 2, 3, 4, 5, 6, 7));
        expect(shared, "shmid_ds", "shm_segsz", "shm_atime", "shm_dtime", "shm_ctime", "shm_cpid", "shm_lpid", "shm_nattch");
        assertEquals(permissions, IpcPermissions.CODEC.read(shared, Golden.field("shmid_ds.shm_perm").offset()));

        MemorySegment semaphores = MemorySegment.ofArray(new byte[Golden.size("semid_ds")]);
        SemaphoreStatus.CODEC.write(semaphores, 0, new SemaphoreStatus(permissions, 1, 2, 3));
        expect(semaphores, "semid_ds", "sem_otime", "sem_ctime", "sem_nsems");
        assertEquals(permissions, IpcPermissions.CODEC.read(semaphores, Golden.field("semid_ds.sem_perm").offset()));

        MemorySegment queue = MemorySegment.ofArray(new byte[Golden.size("msqid_ds")]);
        MessageQueueStatus.CODEC.write(queue, 0, new MessageQueueStatus(permissions, 1, 2, 3, 4, 5, 6, 7, 8));
        expect(queue, "msqid_ds", "msg_stime", "msg_rtime", "msg_ctime", "msg_cbytes", "msg_qnum", "msg_qbytes", "msg_lspid",
                "msg_lrpid");
        assertEquals(permissions, IpcPermissions.CODEC.read(queue, Golden.field("msqid_ds.msg_perm").offset()));
    }

    /** The fields hold 1, 2, 3 and so on. */
    private static void expect(MemorySegment memory, String structure, String... fields) {
        for (int i = 0; i < fields.length; i++) {
            assertEquals(i + 1, get(memory, structure + "." + fields[i]), fields[i]);
        }
    }

    private static MemorySegment written(SignalInfo info) {
        MemorySegment memory = MemorySegment.ofArray(new byte[SignalInfo.BYTES]);
        SignalInfo.CODEC.write(memory, 0, info);
        assertEquals(info, SignalInfo.CODEC.read(memory, 0));
        return memory;
    }

    private static long u32(MemorySegment memory, String field) {
        assertEquals(4, Golden.field("siginfo." + field).size());
        return get(memory, "siginfo." + field);
    }

    private static long u64(MemorySegment memory, String field) {
        assertEquals(8, Golden.field("siginfo." + field).size());
        return get(memory, "siginfo." + field);
    }

    private static long get(MemorySegment memory, String name) {
        Golden.Field field = Golden.field(name);
        return switch (field.size()) {
            case 2 -> memory.get(U16, field.offset());
            case 4 -> memory.get(U32, field.offset());
            case 8 -> memory.get(U64, field.offset());
            default -> throw new AssertionError(name + " has " + field.size() + " bytes");
        };
    }
}
