package dev.caisson.host;

import dev.caisson.abi.Layouts;
import dev.caisson.host.raw.HostCalls;
import dev.caisson.host.raw.SyscallNumber;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Namespaces, mounts and roots, for programs that lock themselves in. */
public final class HostNamespace {
    private static final long ENAMETOOLONG = -36;

    private HostNamespace() {}

    /**
     * unshare(2). Concerns the <em>calling thread</em>, those that it starts later, and the program that it becomes.
     *
     * @param flags {@code CLONE_NEW*}, {@code CLONE_FS}
     * @return 0 or a negated error number
     */
    public static long unshare(int flags) {
        return HostCalls.call(SyscallNumber.UNSHARE, flags & 0xffff_ffffL);
    }

    /**
     * open_tree(2): a mount of a subtree of its own, attached nowhere; {@code ..} does not lead out of it. It lasts as long as the
     * descriptor or any file opened below it.
     *
     * @param directory descriptor of a directory, or {@code AT_FDCWD}
     * @param path path name, relative to it unless absolute
     * @param isRecursive whether mounts below come along
     * @return a descriptor, closed on exec, or a negated error number
     */
    public static long cloneTree(int directory, String path, boolean isRecursive) {
        long name = Scratch.mine().path(path);
        int flags = 1 /* OPEN_TREE_CLONE */ | 0x80000 /* OPEN_TREE_CLOEXEC */ | 0x1000 /* AT_EMPTY_PATH */
            | (isRecursive ? 0x8000 /* AT_RECURSIVE */ : 0);
        return name == 0 ? ENAMETOOLONG : HostCalls.call(SyscallNumber.OPEN_TREE, directory, name, flags);
    }

    /**
     * An empty directory in memory as a mount of its own, attached nowhere: fsopen(2), fsconfig(2), fsmount(2) of a tmpfs.
     *
     * @return a descriptor, closed on exec, or a negated error number
     */
    public static long emptyDirectory() {
        long type = Scratch.mine().path("tmpfs");
        long context = HostCalls.call(SyscallNumber.FSOPEN, type, 1 /* FSOPEN_CLOEXEC */);
        if (context < 0) {
            return context;
        }
        HostCalls.call(SyscallNumber.FSCONFIG, context, 6 /* FSCONFIG_CMD_CREATE */, 0, 0, 0);
        long mount = HostCalls.call(SyscallNumber.FSMOUNT, context, 1 /* FSMOUNT_CLOEXEC */,
            1 | 2 | 4 | 8 /* MOUNT_ATTR_RDONLY, NOSUID, NODEV, NOEXEC */);
        HostFile.close((int) context);
        return mount;
    }

    /**
     * mount_setattr(2) of the mount that a descriptor is the root of, and of mounts below it.
     *
     * @param mount descriptor
     * @param attributes {@code MOUNT_ATTR_*} to set
     * @return 0 or a negated error number
     */
    public static long setMountAttributes(int mount, long attributes) {
        Scratch scratch = Scratch.mine();
        long empty = scratch.path("");
        MemorySegment change = scratch.structure(); // struct mount_attr
        change.set(Layouts.U64, 0, attributes);
        change.set(Layouts.U64, 8, 0);
        change.set(Layouts.U64, 16, 0);
        change.set(Layouts.U64, 24, 0);
        return HostCalls.call(SyscallNumber.MOUNT_SETATTR, mount, empty, 0x1000 /* AT_EMPTY_PATH */ | 0x8000 /* AT_RECURSIVE */,
            scratch.structureAddress(), 32);
    }

    /**
     * mount(2).
     *
     * @param source what, or null
     * @param target where
     * @param type filesystem, or null
     * @param flags {@code MS_*}
     * @param options of the filesystem, or null
     * @return 0 or a negated error number
     */
    public static long mount(String source, String target, String type, long flags, String options) {
        try (Arena arena = Arena.ofConfined()) {
            return HostCalls.call(SyscallNumber.MOUNT, source == null ? 0 : text(arena, source), text(arena, target), type == null ? 0 : text(arena, type),
                flags, options == null ? 0 : text(arena, options));
        }
    }

    /**
     * move_mount(2): attaches the mount that a descriptor is the root of.
     *
     * @param mount descriptor, as {@link #cloneTree} gives it
     * @param directory where the path begins, or {@code AT_FDCWD}
     * @param path where; a directory for a directory, a file for a file
     * @return 0 or a negated error number
     */
    public static long attach(int mount, int directory, String path) {
        Scratch scratch = Scratch.mine();
        long empty = scratch.path("");
        long name = scratch.secondPath(path);
        return name == 0 ? ENAMETOOLONG
            : HostCalls.call(SyscallNumber.MOVE_MOUNT, mount, empty, directory, name, 4 /* MOVE_MOUNT_F_EMPTY_PATH */);
    }

    /**
     * pivot_root(2) to the working directory, which is a mount: every thread and process of the mount namespace that had the old root has the
     * new one. The old root lies on top of the new one and is unmounted with everything below it; what is open in it stays open.
     *
     * @return 0 or a negated error number
     */
    public static long pivotHere() {
        long old = HostPath.open(-100 /* AT_FDCWD */, "/", 0x10000 /* O_DIRECTORY */ | 0x80000 /* O_CLOEXEC */, 0);
        if (old < 0) {
            return old;
        }
        long here = Scratch.mine().path(".");
        long result = HostCalls.call(SyscallNumber.PIVOT_ROOT, here, here);
        if (result == 0) {
            enter((int) old);
            result = HostCalls.call(SyscallNumber.UMOUNT2, Scratch.mine().path("."), 2 /* MNT_DETACH */);
            HostCalls.call(SyscallNumber.CHDIR, Scratch.mine().path("/"));
        }
        HostFile.close((int) old);
        return result;
    }

    /**
     * chdir(2). Concerns every thread that shares its working directory with this one.
     *
     * @param path directory
     * @return 0 or a negated error number
     */
    public static long enter(String path) {
        long name = Scratch.mine().path(path);
        return name == 0 ? ENAMETOOLONG : HostCalls.call(SyscallNumber.CHDIR, name);
    }

    /**
     * fchdir(2). Concerns every thread that shares its working directory with this one.
     *
     * @param directory descriptor
     * @return 0 or a negated error number
     */
    public static long enter(int directory) {
        return HostCalls.call(SyscallNumber.FCHDIR, directory);
    }

    /**
     * chroot(2) to the working directory. Concerns every thread that shares its root with this one.
     *
     * @return 0 or a negated error number
     */
    public static long rootHere() {
        return HostCalls.call(SyscallNumber.CHROOT, Scratch.mine().path("."));
    }

    /**
     * umask(2), of the whole process.
     *
     * @param mask permission bits that new files do not get
     */
    public static void setUmask(int mask) {
        HostCalls.call(SyscallNumber.UMASK, mask);
    }

    /**
     * execve(2): the process becomes another program, as which the calling thread's credentials, namespaces and filters go on. All
     * other threads end.
     *
     * @param path of the program
     * @param arguments its arguments, its own name first
     * @param environment {@code NAME=value}
     * @return a negated error number
     */
    public static long become(String path, List<String> arguments, List<String> environment) {
        try (Arena arena = Arena.ofConfined()) {
            return HostCalls.call(SyscallNumber.EXECVE, text(arena, path), vector(arena, arguments), vector(arena, environment));
        }
    }

    /**
     * The arguments or the environment of a program: addresses of the strings, and a null behind them.
     *
     * @param arena what they live as long as
     * @param strings one char per byte
     * @return the address
     */
    public static long vector(Arena arena, List<String> strings) {
        MemorySegment vector = arena.allocate(8L * (strings.size() + 1), 8);
        for (int i = 0; i < strings.size(); i++) {
            vector.set(Layouts.U64, 8L * i, text(arena, strings.get(i)));
        }
        return vector.address();
    }

    /**
     * A string for the host, terminated by zero.
     *
     * @param arena what it lives as long as
     * @param string one char per byte
     * @return the address
     */
    public static long text(Arena arena, String string) {
        return arena.allocateFrom(string, StandardCharsets.ISO_8859_1).address();
    }
}
