package dev.caisson.fs.host;

import dev.caisson.host.HostFile;
import dev.caisson.host.HostPath;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Layouts;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** The host filesystems met below the root: keeps inode numbers of different ones apart, and knows those that must stay hidden. */
final class HostDevices {
    /** {@code f_type} of filesystems that tell about the host or the sandbox's own process, linux/magic.h. */
    private static final Set<Long> HIDDEN = Set.of(0x9fa0L /* proc */, 0x62656572L /* sysfs */, 0x1cd1L /* devpts */,
            0x64626720L /* debugfs */, 0x74726163L /* tracefs */, 0x73636673L /* securityfs */, 0x27e0ebL /* cgroup */,
            0x63677270L /* cgroup2 */, 0xcafe4a11L /* bpf */, 0x19800202L /* mqueue */, 0x6e736673L /* nsfs */,
            0xde5e81e4L /* efivarfs */, 0x62656570L /* configfs */, 0x6165676cL /* pstore */, 0x42494e4dL /* binfmt_misc */,
            0xf97cff8cL /* selinux */, 0x65735543L /* fusectl */, 0x0187L /* autofs */);

    /** A host filesystem: 0 for the one of the root directory, counting up for others. */
    record Device(int index, boolean isHidden) {
        long number(long inode) {
            return inode ^ (long) index << 44;
        }
    }

    private final ConcurrentHashMap<Long, Device> devices = new ConcurrentHashMap<>();
    private final AtomicInteger last = new AtomicInteger();

    HostDevices(long rootDevice) {
        devices.put(rootDevice, new Device(0, false));
    }

    /** The filesystem of a file that was found by name in a directory. */
    Device of(HostStatus status, int directory, String name) {
        Device known = devices.get(status.device());
        if (known != null) {
            return known;
        }
        boolean isHidden = status.isDirectory() && isHidden(directory, name);
        return devices.computeIfAbsent(status.device(), key -> new Device(last.incrementAndGet(), isHidden));
    }

    private static boolean isHidden(int directory, String name) {
        long fd = HostPath.open(directory, name, Fcntl.O_PATH | Fcntl.O_DIRECTORY | Fcntl.O_NOFOLLOW | Fcntl.O_CLOEXEC, 0);
        if (fd < 0) {
            return true;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment status = arena.allocate(120, 8);
            return HostFile.fileSystemStatus((int) fd, status.address()) < 0 || HIDDEN.contains(status.get(Layouts.U64, 0));
        } finally {
            HostFile.close((int) fd);
        }
    }
}
