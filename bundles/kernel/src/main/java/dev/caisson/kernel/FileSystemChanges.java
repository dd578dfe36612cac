package dev.caisson.kernel;

import dev.caisson.spi.fs.FileSystem;
import dev.caisson.vfs.FdTable;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.FileSystemSwap;
import dev.caisson.vfs.FileSystemSwapException;
import dev.caisson.vfs.FsContext;
import dev.caisson.vfs.LeftBehind;
import dev.caisson.vfs.Mount;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;

/**
 * Changes filesystems under running programs. As much as possible happens before they stand still; then every task is at its safe point: the
 * top of its loop, or asleep in a call that waits for an event. What such a call holds (a description, the locks of a file, a pipe)
 * goes along with the change.
 */
final class FileSystemChanges {
    /**
     * How long tasks may take to their safe points, in one attempt after the other: one may be in a long call of the host, and those that have arrived
     * stand still meanwhile. So the first attempts are short, and programs run between them.
     */
    private static final long[] PATIENCE_NS = {3_000_000L, 3_000_000L, 4_000_000L, 4_000_000L, 5_000_000L, 5_000_000L, 5_000_000L, 5_000_000L,
        10_000_000L, 10_000_000L, 20_000_000L, 50_000_000L, 100_000_000L, 300_000_000L, 1_000_000_000L, 10_000_000_000L};
    /** The most that programs run between two attempts. */
    private static final long MOST_BETWEEN_NS = 20_000_000L;

    private final Kernel kernel;

    FileSystemChanges(Kernel kernel) {
        this.kernel = kernel;
    }

    /** See {@link Kernel#changeFileSystem}. */
    FileSystemChange change(Mount mount, FileSystem next, String source) throws FileSystemSwapException {
        kernel.platformChanges().changing().lock();
        try {
            FileSystem old = mount.fileSystem();
            FileSystemSwap swap;
            try {
                swap = new FileSystemSwap(mount, next, source);
            } catch (FileSystemSwapException e) {
                next.close();
                throw e;
            }
            boolean isDone = false;
            long pauseNs = 0;
            long stoodNs = 0;
            try {
                swap.prepare(contexts());
                pauseNs = pause();
                long start = System.nanoTime();
                stoodNs = start;
                try {
                    swap.plan(contexts(), kernel.memories(true));
                    swap.commit();
                    isDone = true;
                } finally {
                    stoodNs = System.nanoTime() - start;
                    pauseNs += stoodNs;
                    kernel.safePoints().resume();
                }
            } finally {
                if (!isDone) {
                    swap.abandon();
                }
            }
            List<String> stayed = describe(swap.stayed());
            swap.finish();
            Kernel.LOG.info("moved from {} to {} ({}), {} open files, {} stayed, pause {} µs, of these {} µs for the change", old.typeName(),
                    next.typeName(), source, swap.movedCount(), stayed.size(), pauseNs / 1000, stoodNs / 1000);
            stayed.forEach(line -> Kernel.LOG.info("stays on {}: {}", old.typeName(), line));
            return new FileSystemChange(pauseNs, swap.movedCount(), stayed);
        } finally {
            kernel.platformChanges().changing().unlock();
        }
    }

    /** See {@link Kernel#filesLeftBehind}. */
    List<String> filesLeftBehind(Mount mount) {
        return describe(LeftBehind.files(mount, contexts()));
    }

    /** Brings all tasks to their safe points. Returns how long they stood still so far. */
    private long pause() throws FileSystemSwapException {
        long start = System.nanoTime();
        for (long patienceNs : PATIENCE_NS) {
            start = System.nanoTime();
            if (kernel.safePoints().pauseWithin(patienceNs)) {
                return System.nanoTime() - start;
            }
            LockSupport.parkNanos(Math.min(2 * patienceNs, MOST_BETWEEN_NS));
        }
        throw new FileSystemSwapException("a program is in the middle of a call that takes longer than "
                + PATIENCE_NS[PATIENCE_NS.length - 1] / 1_000_000_000 + " s; try again", null);
    }

    private Collection<FsContext> contexts() {
        Set<FsContext> contexts = Collections.newSetFromMap(new IdentityHashMap<>());
        for (Task task : tasks()) {
            FsContext fs = task.fs();
            if (fs != null) {
                contexts.add(fs);
            }
        }
        return contexts;
    }

    private List<Task> tasks() {
        List<Task> tasks = new ArrayList<>();
        kernel.rootPids().processes().forEach(process -> tasks.addAll(process.tasks()));
        return tasks;
    }

    /** Lines for the operator: which file, who has it open, why it stays. */
    private List<String> describe(List<FileSystemSwap.Stayed> stayed) {
        List<String> lines = new ArrayList<>();
        for (FileSystemSwap.Stayed file : stayed) {
            lines.add(file.path() + " (" + (file.description() == null ? "root or working directory" : owners(file.description())) + "): "
                    + file.reason());
        }
        return lines;
    }

    private String owners(FileDescription description) {
        List<String> owners = new ArrayList<>();
        Set<FdTable> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        for (Task task : tasks()) {
            FdTable fds = task.fds();
            if (fds == null || !seen.add(fds)) {
                continue;
            }
            for (int fd : fds.descriptors()) {
                if (fds.peek(fd) == description) {
                    owners.add("pid " + task.process().pid() + " fd " + fd);
                }
            }
        }
        return owners.isEmpty() ? "mapped, or held otherwise" : String.join(", ", owners);
    }
}
