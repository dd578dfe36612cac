package dev.caisson.fs.proc;

import dev.caisson.abi.ErrnoException;
import dev.caisson.kernel.Task;
import dev.caisson.spi.fs.DeviceNumbers;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.Mount;
import dev.caisson.vfs.Vfs;

/** /proc/PID/mounts, mountinfo and mountstats, as seen from the process' root. */
final class MountsText {
    private static final long[] PER_MOUNT = {dev.caisson.abi.Mount.MS_NOSUID, dev.caisson.abi.Mount.MS_NODEV, dev.caisson.abi.Mount.MS_NOEXEC,
        dev.caisson.abi.Mount.MS_NOATIME, dev.caisson.abi.Mount.MS_NODIRATIME, dev.caisson.abi.Mount.MS_RELATIME,
        dev.caisson.abi.Mount.MS_NOSYMFOLLOW};
    private static final String[] NAMES = {"nosuid", "nodev", "noexec", "noatime", "nodiratime", "relatime", "nosymfollow"};

    private MountsText() {}

    static String mounts(Task task) throws ErrnoException {
        StringBuilder text = new StringBuilder(1024);
        if (task.fs() == null) {
            return "";
        }
        for (Mount mount : Vfs.visibleMounts(task.fs())) {
            text.append(escape(source(mount))).append(' ').append(escape(pointOf(mount, task))).append(' ').append(mount.fileSystem().typeName())
                    .append(' ').append(options(mount));
            if (!mount.fileSystem().options().isEmpty()) {
                text.append(',').append(mount.fileSystem().options());
            }
            text.append(" 0 0\n");
        }
        return text.toString();
    }

    static String mountInfo(Task task) throws ErrnoException {
        StringBuilder text = new StringBuilder(2048);
        if (task.fs() == null) {
            return "";
        }
        for (Mount mount : Vfs.visibleMounts(task.fs())) {
            long device = mount.fileSystem().deviceId();
            text.append(mount.id()).append(' ').append(mount.parent() == null ? mount.id() : mount.parent().id()).append(' ')
                    .append(DeviceNumbers.major(device)).append(':').append(DeviceNumbers.minor(device)).append(' ')
                    .append(escape(rootWithin(mount))).append(' ').append(escape(pointOf(mount, task))).append(' ').append(options(mount));
            switch (mount.propagation()) {
                case SHARED -> text.append(" shared:").append(mount.peerGroup());
                case SLAVE -> text.append(" master:").append(mount.master());
                case UNBINDABLE -> text.append(" unbindable");
                default -> { }
            }
            text.append(" - ").append(mount.fileSystem().typeName()).append(' ').append(escape(source(mount))).append(' ')
                    .append(mount.isReadOnly() ? "ro" : "rw");
            if (!mount.fileSystem().options().isEmpty()) {
                text.append(',').append(mount.fileSystem().options());
            }
            text.append('\n');
        }
        return text.toString();
    }

    static String mountStats(Task task) throws ErrnoException {
        StringBuilder text = new StringBuilder(1024);
        if (task.fs() == null) {
            return "";
        }
        for (Mount mount : Vfs.visibleMounts(task.fs())) {
            text.append("device ").append(escape(source(mount))).append(" mounted on ").append(escape(pointOf(mount, task)))
                    .append(" with fstype ").append(mount.fileSystem().typeName()).append('\n');
        }
        return text.toString();
    }

    private static String source(Mount mount) {
        String source = mount.source();
        return source == null || source.isEmpty() ? "none" : source;
    }

    private static String pointOf(Mount mount, Task task) throws ErrnoException {
        Location root = task.fs().root();
        if (mount == root.mount()) {
            return "/";
        }
        return ProcPaths.of(new Location(mount, mount.root()), task);
    }

    /** The mounted directory as a path inside its filesystem: not "/" for bind mounts. */
    private static String rootWithin(Mount mount) {
        StringBuilder path = new StringBuilder();
        for (var dentry = mount.root(); !dentry.isRoot() && dentry.parent() != dentry; dentry = dentry.parent()) {
            path.insert(0, "/" + dentry.name());
        }
        return path.isEmpty() ? "/" : path.toString();
    }

    private static String options(Mount mount) {
        StringBuilder text = new StringBuilder(mount.isReadOnly() ? "ro" : "rw");
        for (int i = 0; i < NAMES.length; i++) {
            if (mount.has(PER_MOUNT[i])) {
                text.append(',').append(NAMES[i]);
            }
        }
        return text.toString();
    }

    /** Space, tab, line end and backslash in octal, as seq_escape() does. */
    private static String escape(String text) {
        StringBuilder out = new StringBuilder(text.length());
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == ' ' || c == '\t' || c == '\n' || c == '\\') {
                out.append(String.format("\\%03o", (int) c));
            } else {
                out.append(c);
            }
        }
        return out.toString();
    }
}
