package dev.caisson.fs.proc;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Stat;
import dev.caisson.kernel.GuestProcess;
import dev.caisson.kernel.Kernel;
import dev.caisson.kernel.PidNamespace;
import dev.caisson.kernel.Task;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.Inode;
import dev.caisson.vfs.pseudo.PseudoDirectory;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The root of proc: the kernel's own files, and a directory per process. */
final class ProcRoot extends PseudoDirectory {
    private static final long ROOT_NUMBER = 1;

    /** The directories of one process, one per mount of proc: the same inode at each lookup. */
    private static final class Directories {
        private final Map<ProcRoot, ProcessDirectory> byMount = new ConcurrentHashMap<>(2);
    }

    private final Kernel kernel;

    ProcRoot(FileSystem fileSystem, Kernel kernel) {
        super(fileSystem, 0555, ROOT_NUMBER);
        this.kernel = kernel;
        link("self", () -> Integer.toString(caller().process().pid()));
        link("thread-self", () -> caller().process().pid() + "/task/" + caller().tid());
        link("mounts", () -> "self/mounts");
        link("net", () -> "self/net");
        new SystemFiles(kernel).addTo(this);
        new ProcSys(kernel).addTo(directory("sys"));
        new ProcSysvIpc(kernel).addTo(directory("sysvipc"));
    }

    /** The task that looks; proc is only read by tasks. */
    private static Task caller() throws ErrnoException {
        return Callers.current();
    }

    /** Processes are those of the root pid namespace; the looker's own namespace decides when it has another. */
    private PidNamespace namespace() {
        Task task = Callers.currentOrNull();
        return task != null ? task.pidNamespace() : kernel.rootPids();
    }

    @Override
    protected Inode lookupDynamic(String name) throws ErrnoException {
        int pid = ProcNames.number(name);
        if (pid <= 0) {
            return null;
        }
        PidNamespace namespace = namespace();
        GuestProcess process = namespace.process(pid);
        if (process == null) {
            // A thread's id leads to its process, though it is not listed.
            Task thread = namespace.task(pid);
            if (thread == null) {
                return null;
            }
            process = thread.process();
        }
        GuestProcess found = process;
        return process.attachments().of(Directories.class, Directories::new).byMount
                .computeIfAbsent(this, root -> new ProcessDirectory(fileSystem(), found));
    }

    @Override
    protected List<DynamicEntry> listDynamic() {
        List<DynamicEntry> entries = new ArrayList<>();
        for (GuestProcess process : namespace().processes()) {
            int pid = process.identity().in(namespace());
            if (pid > 0) {
                entries.add(new DynamicEntry(pid, Integer.toString(pid), ProcNames.inode(pid, 0), Stat.S_IFDIR | 0555));
            }
        }
        entries.sort((a, b) -> Long.compare(a.key(), b.key()));
        return entries;
    }
}
