package dev.caisson.kernel.namespace;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.ESRCH;
import static dev.caisson.abi.Errno.EUSERS;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.kernel.GuestProcess;
import dev.caisson.kernel.Namespaces;
import dev.caisson.kernel.PidNamespace;
import dev.caisson.kernel.PtraceAccess;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.UtsNamespace;
import dev.caisson.kernel.ipc.IpcNamespace;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.vfs.FsContext;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.MountNamespace;

/** setns(2). Everything is checked before anything changes. */
public final class NamespaceEntry {
    private final Task task;
    private Namespaces next;
    private MountNamespace mounts;

    private NamespaceEntry(Task task) {
        this.task = task;
        this.next = task.namespaces();
    }

    /**
     * Enters one namespace.
     *
     * @param task the caller
     * @param file an open link of /proc/PID/ns
     * @param flags its kind, or 0 for any
     * @throws ErrnoException EINVAL, EPERM, EUSERS
     */
    public static void enter(Task task, NamespaceFile file, int flags) throws ErrnoException {
        if (flags != 0 && flags != file.kind().flag()) {
            throw EINVAL.error();
        }
        NamespaceEntry entry = new NamespaceEntry(task);
        entry.prepare(file.kind(), file.namespace());
        entry.commit();
    }

    /**
     * Enters several namespaces of a process.
     *
     * @param task the caller
     * @param process the process behind a pidfd
     * @param flags {@code CLONE_NEW*}, at least one
     * @throws ErrnoException EINVAL, EPERM, ESRCH, EUSERS
     */
    public static void enter(Task task, GuestProcess process, int flags) throws ErrnoException {
        int known = 0;
        for (NamespaceKind kind : NamespaceKind.values()) {
            known |= kind.flag();
        }
        if (flags == 0 || (flags & ~known) != 0) {
            throw EINVAL.error();
        }
        Task target = process.leader();
        if (target == null || process.isZombie()) {
            throw ESRCH.error();
        }
        if (!PtraceAccess.REAL_IDS.allows(task, target)) {
            throw EPERM.error();
        }
        NamespaceEntry entry = new NamespaceEntry(task);
        for (NamespaceKind kind : NamespaceKind.values()) {
            boolean ofChildren = kind == NamespaceKind.PID_FOR_CHILDREN || kind == NamespaceKind.TIME_FOR_CHILDREN;
            if ((flags & kind.flag()) != 0 && !ofChildren) {
                Object namespace = kind.of(target);
                if (namespace == null) {
                    throw ESRCH.error();
                }
                entry.prepare(kind, namespace);
            }
        }
        entry.commit();
    }

    private void prepare(NamespaceKind kind, Object namespace) throws ErrnoException {
        Credentials credentials = task.credentials();
        switch (kind) {
            case USER -> throw EINVAL.error("the caller is in it already");
            case MOUNT -> {
                if (!credentials.has(Capability.CAP_SYS_CHROOT)) {
                    throw EPERM.error();
                }
                requireAdmin(credentials);
                if (task.fs().isShared()) {
                    throw EINVAL.error("root and working directory are shared with others");
                }
                mounts = (MountNamespace) namespace;
            }
            case PID, PID_FOR_CHILDREN -> {
                requireAdmin(credentials);
                PidNamespace pids = (PidNamespace) namespace;
                PidNamespace above = pids;
                while (above.level() > task.pidNamespace().level()) {
                    above = above.parent();
                }
                if (above != task.pidNamespace()) {
                    throw EINVAL.error("not below the caller's");
                }
                next = new Namespaces(next.uts(), next.ipc(), pids);
            }
            case UTS -> {
                requireAdmin(credentials);
                next = new Namespaces((UtsNamespace) namespace, next.ipc(), next.pidForChildren());
            }
            case IPC -> {
                requireAdmin(credentials);
                next = new Namespaces(next.uts(), (IpcNamespace) namespace, next.pidForChildren());
            }
            case TIME, TIME_FOR_CHILDREN -> {
                if (task.process().threadCount() > 1) {
                    throw EUSERS.error();
                }
                requireAdmin(credentials);
            }
            case NETWORK, CGROUP -> requireAdmin(credentials);
        }
    }

    private static void requireAdmin(Credentials credentials) throws ErrnoException {
        if (!credentials.has(Capability.CAP_SYS_ADMIN)) {
            throw EPERM.error();
        }
    }

    private void commit() {
        if (mounts != null && mounts != task.fs().namespace()) {
            FsContext old = task.fs();
            Location root = mounts.rootLocation();
            task.fs(new FsContext(mounts, root, root, old.umask()));
            old.release();
        } else if (mounts != null) {
            Location root = mounts.rootLocation();
            task.fs().root(root);
            task.fs().workingDirectory(root);
        }
        task.namespaces(next);
    }
}
