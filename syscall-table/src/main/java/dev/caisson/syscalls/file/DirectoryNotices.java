package dev.caisson.syscalls.file;

import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Poll;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.event.InotifyHub;
import dev.caisson.spi.fs.Inode;
import dev.caisson.vfs.FileDescription;

/** F_NOTIFY of fcntl(2), the forerunner of inotify: a signal when something happens to a file in a directory. */
final class DirectoryNotices implements InotifyHub.Listener {
    private static final int EVENTS = Fcntl.DN_ACCESS | Fcntl.DN_MODIFY | Fcntl.DN_CREATE | Fcntl.DN_DELETE | Fcntl.DN_RENAME
            | Fcntl.DN_ATTRIB;

    private final InotifyHub hub;
    private final FileDescription description;
    private final Inode directory;
    private final int fd;
    /** {@code DN_*}; 0 when it no longer listens. Guarded by this for writing. */
    private volatile int mask;

    private DirectoryNotices(InotifyHub hub, FileDescription description, int fd) {
        this.hub = hub;
        this.description = description;
        this.directory = description.inode();
        this.fd = fd;
    }

    /** The notices of all descriptions of a directory; its attachment, so that a repeated call finds its own. */
    private static final class OfDirectory {
        final java.util.Map<FileDescription, DirectoryNotices> byDescription = new java.util.concurrent.ConcurrentHashMap<>();
    }

    /** Adds events to what a description waits for; no events at all end it. */
    static void set(Task task, FileDescription description, int fd, int added) {
        OfDirectory all = description.inode().attachment(OfDirectory.class, OfDirectory::new);
        if ((added & EVENTS) == 0) {
            DirectoryNotices old = all.byDescription.remove(description);
            if (old != null) {
                old.end();
            }
            return;
        }
        InotifyHub hub = task.kernel().services().of(InotifyHub.class, () -> new InotifyHub(task.kernel().vfs().watches()));
        DirectoryNotices notices = all.byDescription.computeIfAbsent(description, key -> {
            DirectoryNotices made = new DirectoryNotices(hub, description, fd);
            description.onClose(() -> {
                all.byDescription.remove(description, made);
                made.end();
            });
            return made;
        });
        SysFcntl.own(task, description);
        notices.add(added);
    }

    private void add(int added) {
        synchronized (this) {
            boolean starts = mask == 0;
            mask |= added;
            if (!starts) {
                return;
            }
        }
        hub.listen(directory, this);
    }

    private void end() {
        mask = 0;
        hub.forget(directory, this);
    }

    @Override
    public void onEvent(String name, int events) {
        if (name == null) {
            return;
        }
        synchronized (this) {
            if ((mask & EVENTS & translate(events)) == 0) {
                return;
            }
            if ((mask & Fcntl.DN_MULTISHOT) == 0) {
                mask = 0;
            }
        }
        if (mask == 0) {
            hub.forget(directory, this);
        }
        AsyncSignals.sendMessage(description, fd);
    }

    private static int translate(int events) {
        return ((events & Poll.IN_ACCESS) != 0 ? Fcntl.DN_ACCESS : 0)
                | ((events & Poll.IN_MODIFY) != 0 ? Fcntl.DN_MODIFY : 0)
                | ((events & (Poll.IN_CREATE | Poll.IN_MOVED_TO)) != 0 ? Fcntl.DN_CREATE : 0)
                | ((events & (Poll.IN_DELETE | Poll.IN_MOVED_FROM)) != 0 ? Fcntl.DN_DELETE : 0)
                | ((events & Poll.IN_MOVED_FROM) != 0 ? Fcntl.DN_RENAME : 0)
                | ((events & Poll.IN_ATTRIB) != 0 ? Fcntl.DN_ATTRIB : 0);
    }
}
