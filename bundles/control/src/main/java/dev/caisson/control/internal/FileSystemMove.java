package dev.caisson.control.internal;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Mount;
import dev.caisson.control.SandboxException;
import dev.caisson.kernel.FileSystemChange;
import dev.caisson.kernel.Kernel;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.FileSystemProvider;
import dev.caisson.vfs.FileSystemSwapException;
import dev.caisson.vfs.LeftBehind;
import java.util.List;
import java.util.Map;

/** Gives a mount another filesystem under the programs that use it. */
public final class FileSystemMove {
    private static final String UPPER = "upperdir";
    private static final int MOST_NAMED = 10;

    private FileSystemMove() {}

    /**
     * How another provider would mount the tree that is mounted as a root.
     *
     * @param now what is mounted
     * @param provider who serves it, or null
     * @param next name of the other provider
     * @param source what to mount; null for the same tree: the directory where changes go, or else what is mounted now
     * @param options the provider's options and flags
     * @return the mount; read-only when changes would go to a directory that they did not go to before, and nobody asked for that
     */
    public static RootMount rootOf(RootMount now, String provider, String next, String source, Map<String, String> options) {
        String upper = now.options().get(UPPER);
        String tree = source != null ? source : upper != null ? upper : now.source();
        RootMount mount = RootMount.of(tree, options);
        boolean wasProtected = isLayered(provider) ? upper == null : (now.flags() & Mount.MS_RDONLY) != 0;
        if (source == null && wasProtected && !isLayered(next)) {
            return new RootMount(tree, mount.flags() | Mount.MS_RDONLY, mount.options());
        }
        return mount;
    }

    /** Whether a provider keeps changes in a layer of its own. */
    private static boolean isLayered(String name) {
        return name != null && name.startsWith("overlay");
    }

    /**
     * Changes the filesystem of a mount.
     *
     * @param kernel whose programs use it
     * @param mount the mount
     * @param provider serves the new filesystem
     * @param name the provider's
     * @param request what it mounts
     * @return what was done
     * @throws SandboxException when it cannot be mounted, or is another tree; the programs go on with the old one
     */
    public static FileSystemChange change(Kernel kernel, dev.caisson.vfs.Mount mount, FileSystemProvider provider, String name, RootMount request)
            throws SandboxException {
        FileSystem next = mount(kernel, mount, provider, name, request);
        try {
            return kernel.changeFileSystem(mount, next, name);
        } catch (FileSystemSwapException e) {
            throw new SandboxException(e.getMessage(), e);
        }
    }

    private static FileSystem mount(Kernel kernel, dev.caisson.vfs.Mount mount, FileSystemProvider provider, String name, RootMount request)
            throws SandboxException {
        List<FileSystem> before = null;
        while (true) {
            List<FileSystem> leftBehind = LeftBehind.fileSystems(mount);
            try {
                return request.mount(provider, mount.fileSystem(), leftBehind);
            } catch (ErrnoException e) {
                // One of them may have been closed just now, which ends what the provider complains of.
                if (e.errno() == Errno.EBUSY && !leftBehind.isEmpty() && !leftBehind.equals(before)) {
                    before = leftBehind;
                    continue;
                }
                String files = e.errno() == Errno.EBUSY ? keptBy(kernel.filesLeftBehind(mount)) : "";
                throw new SandboxException("cannot mount " + request.source() + " with " + name + ": " + e.getMessage() + files, e);
            }
        }
    }

    /** The part of a message that says which files keep a filesystem of before in use. */
    private static String keptBy(List<String> files) {
        if (files.isEmpty()) {
            return "";
        }
        int more = files.size() - MOST_NAMED;
        return "; files that stayed keep what was mounted before: " + String.join("; ", files.subList(0, Math.min(MOST_NAMED, files.size())))
                + (more > 0 ? "; and " + more + " more" : "");
    }
}
