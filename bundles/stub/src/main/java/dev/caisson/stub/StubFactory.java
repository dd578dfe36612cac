package dev.caisson.stub;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Signals;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostMemory;
import dev.caisson.host.HostProcess;
import dev.caisson.host.HostSignal;
import dev.caisson.host.raw.SpawnOrders;
import dev.caisson.host.raw.SyscallNumber;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes stub processes and buries them. It owns the one Java thread that is the parent of all of them: PDEATHSIG follows the
 * parent <i>thread</i>, so that thread must live as long as any stub. For each memory file there is a zygote, an empty stub
 * process of which new ones are copies; it is made when the file is first used, and ended when its last copy and the platform's
 * interest in it are gone.
 */
public final class StubFactory {
    /** An empty stub process, and how many processes descend from it. */
    public static final class Zygote {
        /** Device and inode number of the memory file. */
        private final long[] identity;
        final StubProcess process;
        /** Guarded by the factory. */
        private int spaces;
        /** Copies that a guest has left behind, their mappings taken away. Guarded by the factory. */
        private final ArrayDeque<StubProcess> idle = new ArrayDeque<>();

        Zygote(long[] identity, StubProcess process) {
            this.identity = identity;
            this.process = process;
        }

        boolean isOf(long[] memoryFile) {
            return Arrays.equals(identity, memoryFile);
        }
    }

    private static final Logger log = LoggerFactory.getLogger(StubFactory.class);
    /** Descriptors from here on collide with none of a stub's. */
    private static final int HIGH_FD = 64;
    private static final long LAST_PATIENCE_MS = 5000;
    private static final long LEAST_PATIENCE_MS = 2;
    private static final long MOST_PATIENCE_MS = 64;
    /** Of each zygote. */
    private static final int MOST_IDLE = 4;
    private static final int WALL = 0x4000_0000;
    private static final int WNOHANG = 1;
    private static final int PR_SET_NO_NEW_PRIVS = 38;
    private static final int PR_SET_NAME = 15;
    private static final int RLIMIT_CORE = 4;
    private static final int SECCOMP_SET_MODE_FILTER = 1;
    /** Older kernels slow the whole thread down otherwise; what a stub computes is no secret of ours. */
    private static final int SPEC_ALLOW = 4;

    private final ControlPages pages;
    private final StubProfile profile;
    private final LinkedBlockingQueue<Runnable> work = new LinkedBlockingQueue<>();
    private final Thread parent;
    private final int jvm = HostProcess.processId();
    /** Dead or dying processes that nobody has waited for. Parent thread only. */
    private final List<StubProcess> dying = new ArrayList<>();
    /** Guarded by this. */
    private final List<Zygote> zygotes = new ArrayList<>();
    private volatile boolean closed;

    /**
     * Makes the factory.
     *
     * @param pages the control pages, which live longer
     * @param profile the platform's part
     */
    public StubFactory(ControlPages pages, StubProfile profile) {
        this.pages = pages;
        this.profile = profile;
        parent = new Thread(null, this::serve, "caisson-" + profile.name() + "-stubs", 256 << 10);
        parent.setDaemon(true);
        parent.start();
    }

    /**
     * What a platform makes of a new process.
     *
     * @param <T> the platform's address spaces
     */
    public interface SpaceMaker<T> {
        /**
         * Makes a space.
         *
         * @param zygote what the process descends from; the space releases it
         * @param process an empty stub process; the space ends it
         * @return the space
         */
        T make(Zygote zygote, StubProcess process);
    }

    /**
     * Makes an address space in which nothing is mapped.
     *
     * @param memoryFile descriptor of the memory file
     * @param maker makes it of a process
     * @param <T> the platform's address spaces
     * @return the space
     * @throws ErrnoException when the host refuses
     */
    public <T> T newSpace(int memoryFile, SpaceMaker<T> maker) throws ErrnoException {
        Zygote zygote = zygote(memoryFile);
        try {
            return maker.make(zygote, copy(zygote));
        } catch (ErrnoException e) {
            release(zygote);
            throw e;
        }
    }

    /**
     * Finds or makes the zygote of a memory file, and counts one more process of it.
     *
     * @param memoryFile descriptor
     * @return the zygote
     * @throws ErrnoException when the host refuses
     */
    private synchronized Zygote zygote(int memoryFile) throws ErrnoException {
        long[] identity = identityOf(memoryFile);
        for (Zygote zygote : zygotes) {
            if (zygote.isOf(identity) && !zygote.process.isDead()) {
                zygote.spaces++;
                return zygote;
            }
        }
        zygotes.removeIf(this::endIfUnused);
        Zygote zygote = makeZygote(memoryFile, identity);
        zygote.spaces = 1;
        zygotes.add(zygote);
        return zygote;
    }

    /**
     * Kills all processes of a memory file by one call, since they are one process group. They are still to be ended one by one.
     *
     * @param memoryFile descriptor
     */
    public synchronized void kill(int memoryFile) {
        long[] identity;
        try {
            identity = identityOf(memoryFile);
        } catch (ErrnoException closed) {
            log.debug("no stub processes of descriptor {}: {}", memoryFile, closed.getMessage());
            return;
        }
        for (Zygote zygote : zygotes) {
            if (zygote.isOf(identity) && !zygote.process.isDead()) {
                zygote.process.markDead();
                HostSignal.kill(-zygote.process.processId(), Signals.SIGKILL);
            }
        }
    }

    /** {@return device and inode number} */
    private static long[] identityOf(int memoryFile) throws ErrnoException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment stat = arena.allocate(144, 8);
            Errno.check(HostFile.status(memoryFile, stat.address()));
            return new long[] {stat.get(Layouts.U64, 0), stat.get(Layouts.U64, 8)};
        }
    }

    /**
     * Counts one more process of a zygote: a fork of another one.
     *
     * @param zygote the zygote
     */
    public synchronized void retain(Zygote zygote) {
        zygote.spaces++;
    }

    /**
     * A process of the zygote is gone. The zygote stays for the next one, until another file's is wanted.
     *
     * @param zygote the zygote
     */
    public synchronized void release(Zygote zygote) {
        zygote.spaces--;
    }

    /** Makes a process by clone(2) with {@link StubProcess#PROCESS_FLAGS}, in whatever thread. */
    @FunctionalInterface
    public interface Cloner {
        /**
         * Makes the process.
         *
         * @param pageOffset of its control page, for r9
         * @return process id or negated error number
         */
        long make(long pageOffset);
    }

    /**
     * Makes an empty process with one thread.
     *
     * @param zygote where from
     * @return the process
     * @throws ErrnoException when the host refuses
     */
    private StubProcess copy(Zygote zygote) throws ErrnoException {
        for (;;) {
            StubProcess left;
            synchronized (this) {
                left = pollIdleLocked(zygote);
            }
            if (left == null) {
                return fork(zygote.process);
            }
            if (left.isCleared() && (left.attachment() == null || left.attachment().endWithdrawal(left))) {
                return left;
            }
            end(left);
        }
    }

    /** The latest one, whose memory is warmest, or the one whose threads have had most time, if all are still on their way. */
    private static StubProcess pollIdleLocked(Zygote zygote) {
        for (Iterator<StubProcess> each = zygote.idle.descendingIterator(); each.hasNext();) {
            StubProcess process = each.next();
            if (process.attachment() == null || process.attachment().isWithdrawn()) {
                each.remove();
                return process;
            }
        }
        return zygote.idle.pollFirst();
    }

    /**
     * Keeps a process for the next {@link #copy}, where nothing that a guest did can be left in it but its mappings. Never blocks for
     * long.
     *
     * @param zygote what it descends from
     * @param process the process, in which nothing runs, unless a guest is hostile
     * @return whether; else it is to be ended
     */
    boolean recycle(Zygote zygote, StubProcess process) {
        if (closed || process.isDead() || zygote.process.isDead()) {
            return false;
        }
        synchronized (this) {
            if (zygote.idle.size() >= MOST_IDLE || !zygotes.contains(zygote)) {
                return false;
            }
            if (process.attachment() == null) {
                process.beginClear();
            } else if (!process.attachment().beginWithdrawal(process)) {
                return false;
            }
            zygote.idle.addLast(process);
        }
        return true;
    }

    /**
     * Makes a copy of a process with all its mappings and one thread.
     *
     * @param parent the process, whose control thread does it
     * @return the copy
     * @throws ErrnoException when the host refuses
     */
    public StubProcess fork(StubProcess parent) throws ErrnoException {
        return fork(parent, pageOffset -> parent.order(
            StubCode.NEW_PROCESS, SyscallNumber.CLONE, StubProcess.PROCESS_FLAGS, 0, 0, 0, 0, pageOffset));
    }

    /**
     * Makes a copy of a process with all its mappings and one thread.
     *
     * @param parent the process
     * @param cloner how
     * @return the copy
     * @throws ErrnoException when the host refuses
     */
    public StubProcess fork(StubProcess parent, Cloner cloner) throws ErrnoException {
        long offset = pages.allocate();
        StubProfile.Attachment attachment = null;
        long result = -Errno.EAGAIN.number();
        MemorySegment page = pages.page(offset);
        try {
            StubProcess.preparePage(page, jvm);
            attachment = profile.attach(page);
            StubProcess.orderThread(page, profile.firstStack(attachment));
            result = Errno.check(cloner.make(offset));
            return new StubProcess((int) result, parent.code(), offset, page, attachment, true);
        } finally {
            if (result < 0) {
                giveBack(offset, attachment);
            }
        }
    }

    private void giveBack(long offset, StubProfile.Attachment attachment) {
        if (attachment != null) {
            attachment.release();
        }
        pages.free(offset);
    }

    /**
     * Kills a process and takes care of the rest. Never blocks.
     *
     * @param process the process
     */
    public void end(StubProcess process) {
        process.markDead();
        HostSignal.kill(process.processId(), Signals.SIGKILL);
        work.add(() -> dying.add(process));
    }

    /**
     * Ends all zygotes and waits for all processes to be gone.
     *
     * @return whether they are; else somebody has not closed a context, and the control pages must stay
     */
    public boolean close() {
        synchronized (this) {
            zygotes.forEach(this::endAll);
            zygotes.clear();
        }
        closed = true;
        work.add(() -> { });
        try {
            parent.join(LAST_PATIENCE_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return !parent.isAlive();
    }

    private boolean endIfUnused(Zygote zygote) {
        if (zygote.spaces > 0 && !zygote.process.isDead()) {
            return false;
        }
        endAll(zygote);
        return true;
    }

    private void endAll(Zygote zygote) {
        end(zygote.process);
        zygote.idle.forEach(this::end);
        zygote.idle.clear();
    }

    private void serve() {
        // Handlers of the JVM must not run in a child that shares its memory; this thread needs no signals.
        HostSignal.changeMask(Signals.SIG_BLOCK, SignalMasks.ALL_BUT_FAULTS);
        long patienceMs = LEAST_PATIENCE_MS;
        while (!closed || !dying.isEmpty() || !work.isEmpty()) {
            try {
                Runnable task = dying.isEmpty() ? work.take() : work.poll(patienceMs, TimeUnit.MILLISECONDS);
                if (task != null) {
                    patienceMs = LEAST_PATIENCE_MS;
                    task.run();
                } else {
                    // A thread of it that a task's thread traces is to be waited for there first.
                    patienceMs = Math.min(2 * patienceMs, MOST_PATIENCE_MS);
                }
            } catch (InterruptedException e) {
                log.debug("interrupts mean nothing to this thread");
            }
            dying.removeIf(this::isBuried);
        }
    }

    private boolean isBuried(StubProcess process) {
        if (!process.isLeft() || HostProcess.await(process.processId(), 0, WALL | WNOHANG) == 0) {
            return false;
        }
        giveBack(process.pageOffset(), process.attachment());
        return true;
    }

    private Zygote makeZygote(int memoryFile, long[] identity) throws ErrnoException {
        long offset = pages.allocate();
        MemorySegment page = pages.page(offset);
        StubProcess.preparePage(page, jvm);
        StubCode code = new StubCode(offset, profile);
        long result = -Errno.EAGAIN.number();
        try {
            CompletableFuture<Long> spawned = new CompletableFuture<>();
            work.add(() -> spawned.complete(spawn(memoryFile, code)));
            result = spawned.join();
        } finally {
            if (result < 0) {
                pages.free(offset);
            }
        }
        Errno.check(result);
        StubProcess process = new StubProcess((int) result, code, offset, page, null, false);
        try {
            StubCleaner.clean(process);
            Errno.check(profile.prepareZygote(process));
            confine(process);
            log.debug("zygote process={}", result);
            return new Zygote(identity, process);
        } catch (ErrnoException e) {
            end(process);
            throw e;
        }
    }

    /** Takes the last rights away: no core dumps, and a filter for system calls. Its name helps whoever looks at the host. */
    private void confine(StubProcess process) throws ErrnoException {
        MemorySegment page = process.page();
        long data = StubCode.CONTROL + ControlPages.DATA;
        page.setString(ControlPages.DATA, "caisson-stub");
        page.asSlice(ControlPages.DATA + 16L, 16).fill((byte) 0); // struct rlimit
        profile.controlFilter().write(page, ControlPages.DATA + 32L, data + 32);
        long result = process.orderAll(new long[][] {
            {SyscallNumber.PRCTL, PR_SET_NAME, data},
            {SyscallNumber.SETRLIMIT, RLIMIT_CORE, data + 16},
            {SyscallNumber.SECCOMP, SECCOMP_SET_MODE_FILTER, SPEC_ALLOW, data + 32},
        });
        if (result == -Errno.ESRCH.number()) {
            throw Errno.ESRCH.error("stub died at start");
        }
        if (result < 0) {
            log.warn("stub processes run without seccomp filter: {}", Errno.of(result));
        }
    }

    /** Starts the zygote, whose process id or negated error number it returns. Parent thread only. */
    private long spawn(int memoryFile, StubCode code) {
        long image = HostMemory.createFile("caisson-stub", 1);
        if (image < 0) {
            return image;
        }
        long memory = -1;
        long control = -1;
        long program = -1;
        int[] extra = profile.descriptors().clone();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(code.image().length);
            bytes.copyFrom(MemorySegment.ofArray(code.image()));
            HostFile.write((int) image, bytes.address(), bytes.byteSize());
            memory = HostFile.duplicate(memoryFile, HIGH_FD);
            control = HostFile.duplicate(pages.fd(), HIGH_FD);
            program = HostFile.duplicate((int) image, HIGH_FD);
            if (memory < 0 || control < 0 || program < 0) {
                return -Errno.EMFILE.number();
            }
            for (int i = 0; i < extra.length; i++) {
                extra[i] = (int) HostFile.duplicate(extra[i], HIGH_FD);
            }
            MemorySegment name = arena.allocateFrom("caisson-stub");
            MemorySegment argv = arena.allocate(16, 8);
            argv.set(Layouts.U64, 0, name.address());
            MemorySegment empty = arena.allocate(8, 8);
            SpawnOrders orders = new SpawnOrders(arena)
                .add(SyscallNumber.PRCTL, PR_SET_NO_NEW_PRIVS, 1)
                .add(SyscallNumber.SETPGID, 0, 0) // copies stay in the group: one signal ends them all
                .add(SyscallNumber.DUP3, memory, StubCode.MEMORY_FD, 0)
                .add(SyscallNumber.DUP3, control, StubCode.CONTROL_FD, 0)
                .add(SyscallNumber.DUP3, program, StubCode.CODE_FD, 0);
            int next = StubCode.FIRST_EXTRA_FD;
            for (int descriptor : extra) {
                orders.add(SyscallNumber.DUP3, descriptor, next++, 0);
            }
            return orders
                .add(SyscallNumber.CLOSE_RANGE, next, 0xffff_ffffL, 0)
                .add(SyscallNumber.EXECVEAT, StubCode.CODE_FD, empty.address(), argv.address(), argv.address() + 8,
                    Fcntl.AT_EMPTY_PATH)
                .spawn(0);
        } finally {
            HostFile.close((int) image);
            HostFile.close((int) memory);
            HostFile.close((int) control);
            HostFile.close((int) program);
            for (int i = 0; i < extra.length; i++) {
                if (extra[i] != profile.descriptors()[i]) {
                    HostFile.close(extra[i]);
                }
            }
        }
    }
}
