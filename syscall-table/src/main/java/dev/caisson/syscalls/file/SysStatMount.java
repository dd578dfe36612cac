package dev.caisson.syscalls.file;

import static dev.caisson.abi.Errno.E2BIG;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Errno.EOVERFLOW;
import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Layouts.U64;

import dev.caisson.abi.ErrnoException;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.spi.fs.DeviceNumbers;
import dev.caisson.vfs.Mount;
import dev.caisson.vfs.Paths;
import dev.caisson.vfs.Vfs;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * statmount(2), listmount(2): the mount table as structures.
 * <pre>
 *  struct statmount (512 bytes and strings)
 *  off size field               off size field
 *    0    4 size                 64    8 mnt_attr
 *    4    4 mnt_opts (string)    72    8 mnt_propagation
 *    8    8 mask                 80    8 mnt_peer_group
 *   16    4 sb_dev_major         88    8 mnt_master
 *   20    4 sb_dev_minor         96    8 propagate_from
 *   24    8 sb_magic            104    4 mnt_root (string)
 *   32    4 sb_flags            108    4 mnt_point (string)
 *   36    4 fs_type (string)    112    8 mnt_ns_id
 *   40    8 mnt_id              124    4 sb_source (string)
 *   48    8 mnt_parent_id       144    8 supported_mask
 *   56    4 mnt_id_old          512      strings, by their offsets from here
 *   60    4 mnt_parent_id_old
 * </pre>
 * Source: include/uapi/linux/mount.h.
 */
final class SysStatMount {
    private static final int BYTES = 512;
    private static final int REQUEST_BYTES = 24;
    private static final long FIRST_ID = 1L << 31;
    private static final long ROOT = -1;
    private static final int REVERSE = 1;
    private static final long MOST_IDS = 1_000_000;

    private static final long SB_BASIC = 1;
    private static final long MNT_BASIC = 2;
    private static final long PROPAGATE_FROM = 4;
    private static final long MNT_ROOT = 8;
    private static final long MNT_POINT = 0x10;
    private static final long FS_TYPE = 0x20;
    private static final long MNT_OPTS = 0x80;
    private static final long SB_SOURCE = 0x200;
    private static final long SUPPORTED = 0x1000;
    private static final long ALL = SB_BASIC | MNT_BASIC | PROPAGATE_FROM | MNT_ROOT | MNT_POINT | FS_TYPE | MNT_OPTS | SB_SOURCE
            | SUPPORTED;

    private SysStatMount() {}

    private record Request(long id, long parameter) {}

    private static Request request(Task task, long address) throws ErrnoException {
        int size = task.memory().readInt(address);
        if (Integer.compareUnsigned(size, 4096) > 0) {
            throw E2BIG.error();
        }
        if (size < REQUEST_BYTES) {
            throw EINVAL.error();
        }
        Structures.checkRest(task, address, REQUEST_BYTES, size);
        Request request = new Request(task.memory().readLong(address + 8), task.memory().readLong(address + 16));
        if (task.memory().readInt(address + 4) != 0 || Long.compareUnsigned(request.id, FIRST_ID) <= 0) {
            throw EINVAL.error();
        }
        return request;
    }

    private static Mount find(Task task, long id) throws ErrnoException {
        for (Mount mount : Vfs.visibleMounts(task.fs())) {
            if (mount.uniqueId() == id) {
                return mount;
            }
        }
        throw ENOENT.error();
    }

    static long statmount(Task task, SyscallArgs args) throws ErrnoException {
        if (args.i32(3) != 0) {
            throw EINVAL.error();
        }
        Request request = request(task, args.address(0));
        Mount mount = find(task, request.id);
        long room = args.value(2);
        byte[] answer = new byte[BYTES];
        MemorySegment out = MemorySegment.ofArray(answer);
        ByteArrayOutputStream strings = new ByteArrayOutputStream();
        long mask = request.parameter & ALL & ~(MNT_OPTS | SB_SOURCE);
        describe(out, mount, request.parameter);
        if ((request.parameter & FS_TYPE) != 0) {
            out.set(U32, 36, add(strings, mount.fileSystem().typeName()));
        }
        if ((request.parameter & MNT_ROOT) != 0) {
            out.set(U32, 104, add(strings, Paths.rootWithin(mount)));
        }
        if ((request.parameter & MNT_POINT) != 0) {
            out.set(U32, 108, add(strings, Paths.mountPoint(mount, task.fs().root())));
        }
        if ((request.parameter & MNT_OPTS) != 0 && !mount.fileSystem().options().isEmpty()) {
            out.set(U32, 4, add(strings, mount.fileSystem().options()));
            mask |= MNT_OPTS;
        }
        if ((request.parameter & SB_SOURCE) != 0 && mount.source() != null) {
            out.set(U32, 124, add(strings, mount.source()));
            mask |= SB_SOURCE;
        }
        out.set(U64, 8, mask);
        out.set(U32, 0, BYTES + strings.size());
        if (strings.size() > 0 && Long.compareUnsigned(room, BYTES + strings.size()) < 0) {
            throw EOVERFLOW.error();
        }
        task.memory().copyOut(args.address(1), out, 0, (int) (Long.compareUnsigned(room, BYTES) < 0 ? room : BYTES));
        if (strings.size() > 0) {
            task.memory().copyOut(args.address(1) + BYTES, strings.toByteArray());
        }
        return 0;
    }

    private static void describe(MemorySegment out, Mount mount, long wanted) throws ErrnoException {
        if ((wanted & SB_BASIC) != 0) {
            long device = mount.fileSystem().deviceId();
            out.set(U32, 16, DeviceNumbers.major(device));
            out.set(U32, 20, DeviceNumbers.minor(device));
            out.set(U64, 24, mount.fileSystem().status().magic() & 0xffffffffL);
            out.set(U32, 32, mount.isReadOnly() ? 1 : 0);
        }
        if ((wanted & MNT_BASIC) != 0) {
            Mount parent = mount.parent() == null ? mount : mount.parent();
            out.set(U64, 40, mount.uniqueId());
            out.set(U64, 48, parent.uniqueId());
            out.set(U32, 56, mount.id());
            out.set(U32, 60, parent.id());
            out.set(U64, 64, SysMountApi.attributes(mount.flags()));
            out.set(U64, 72, switch (mount.propagation()) {
                case SHARED -> (long) dev.caisson.abi.Mount.MS_SHARED;
                case SLAVE -> (long) dev.caisson.abi.Mount.MS_SLAVE;
                case UNBINDABLE -> (long) dev.caisson.abi.Mount.MS_UNBINDABLE;
                case PRIVATE -> (long) dev.caisson.abi.Mount.MS_PRIVATE;
            });
            out.set(U64, 80, mount.peerGroup());
            out.set(U64, 88, mount.master());
        }
        if ((wanted & PROPAGATE_FROM) != 0) {
            out.set(U64, 96, mount.propagation() == Mount.Propagation.SLAVE ? mount.master() : 0);
        }
        if ((wanted & SUPPORTED) != 0) {
            out.set(U64, 144, ALL);
        }
    }

    /** Offset 0 is an empty string, for what is not told. */
    private static int add(ByteArrayOutputStream strings, String text) {
        if (strings.size() == 0) {
            strings.write(0);
        }
        int start = strings.size();
        strings.writeBytes(text.getBytes(StandardCharsets.ISO_8859_1));
        strings.write(0);
        return start;
    }

    static long listmount(Task task, SyscallArgs args) throws ErrnoException {
        int flags = args.i32(3);
        long room = args.value(2);
        if ((flags & ~REVERSE) != 0) {
            throw EINVAL.error();
        }
        if (Long.compareUnsigned(room, MOST_IDS) > 0) {
            throw EOVERFLOW.error();
        }
        Request request = request(task, args.address(0));
        if (request.parameter != 0 && Long.compareUnsigned(request.parameter, FIRST_ID) <= 0) {
            throw EINVAL.error();
        }
        Mount top = request.id == ROOT ? task.fs().root().mount() : find(task, request.id);
        List<Mount> below = new ArrayList<>();
        for (Mount mount : Vfs.visibleMounts(task.fs())) {
            if (isBelow(mount, top) && (mount != top || request.id == ROOT)) {
                below.add(mount);
            }
        }
        boolean reverse = (flags & REVERSE) != 0;
        Comparator<Mount> order = Comparator.comparingLong(Mount::uniqueId);
        below.sort(reverse ? order.reversed() : order);
        long count = 0;
        for (Mount mount : below) {
            boolean told = request.parameter != 0
                    && (reverse ? mount.uniqueId() >= request.parameter : mount.uniqueId() <= request.parameter);
            if (!told && count < room) {
                task.memory().writeLong(args.address(1) + 8 * count, mount.uniqueId());
                count++;
            }
        }
        return count;
    }

    private static boolean isBelow(Mount mount, Mount top) {
        for (Mount at = mount; at != null; at = at.parent()) {
            if (at == top) {
                return true;
            }
            if (at.parent() == at) {
                return false;
            }
        }
        return false;
    }
}
