package dev.caisson.platform.ptrace;

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
import java.util.ArrayList;
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
final class StubFactory {
    /** An empty stub process, and how many processes descend from it. */
    static final class Zygote {
        final long device;
        final long inode;
        final StubProcess process;
        /** Guarded by the factory. */
        private int spaces;

        Zygote(long device, long inode, StubProcess process) {
            this.device = device;
            this.inode = inode;
            this.process = process;
        }
    }

    private static final Logger log = LoggerFactory.getLogger(StubFactory.class);
    /** Descriptors from here on collide with none of a stub's. */
    private static final int HIGH_FD = 64;
    private static final long LAST_PATIENCE_MS = 5000;
    private static final int WALL = 0x4000_0000;
    private static final int WNOHANG = 1;
    private static final int PR_SET_NO_NEW_PRIVS = 38;
    private static final int PR_SET_NAME = 15;
    private static final int RLIMIT_CORE = 4;
    private static final int SECCOMP_SET_MODE_FILTER = 1;

    private final Mailbox mailbox;
    private final LinkedBlockingQueue<Runnable> work = new LinkedBlockingQueue<>();
    private final Thread parent;
    private final int jvm = HostProcess.processId();
    /** Dead or dying processes that nobody has waited for. Parent thread only. */
    private final List<StubProcess> dying = new ArrayList<>();
    /** Guarded by this. */
    private final List<Zygote> zygotes = new ArrayList<>();
    private volatile boolean closed;

    StubFactory(Mailbox mailbox) {
        this.mailbox = mailbox;
        parent = new Thread(null, this::serve, "caisson-ptrace-stubs", 256 << 10);
        parent.setDaemon(true);
        parent.start();
    }

    /**
     * Finds or makes the zygote of a memory file, and counts one more process of it.
     *
     * @param memoryFile descriptor
     * @return the zygote
     * @throws ErrnoException when the host refuses
     */
    synchronized Zygote zygote(int memoryFile) throws ErrnoException {
        long device;
        long inode;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment stat = arena.allocate(144, 8);
            Errno.check(HostFile.status(memoryFile, stat.address()));
            device = stat.get(Layouts.U64, 0);
            inode = stat.get(Layouts.U64, 8);
        }
        for (Zygote zygote : zygotes) {
            if (zygote.device == device && zygote.inode == inode && !zygote.process.isDead()) {
                zygote.spaces++;
                return zygote;
            }
        }
        zygotes.removeIf(this::endIfUnused);
        Zygote zygote = makeZygote(memoryFile, device, inode);
        zygote.spaces = 1;
        zygotes.add(zygote);
        return zygote;
    }

    /** Counts one more process of a zygote: a fork of another one. */
    synchronized void retain(Zygote zygote) {
        zygote.spaces++;
    }

    /** A process of the zygote is gone. The zygote stays for the next one, until another file's is wanted. */
    synchronized void release(Zygote zygote) {
        zygote.spaces--;
    }

    /**
     * Makes an empty process with one parked thread.
     *
     * @param zygote where from
     * @return the process
     * @throws ErrnoException when the host refuses
     */
    StubProcess copy(Zygote zygote) throws ErrnoException {
        long offset = mailbox.allocate();
        MemorySegment page = mailbox.page(offset);
        StubProcess.preparePage(page, jvm, true);
        long result = zygote.process.order(
            StubCode.NEW_PROCESS, SyscallNumber.CLONE, StubProcess.PROCESS_FLAGS, 0, 0, 0, 0, offset);
        return adopt(result, zygote.process.code(), offset, page);
    }

    /**
     * Makes a copy of a process by a call of one of its own threads.
     *
     * @param caller a stopped thread of the process, traced by the calling Java thread
     * @return the copy, with all mappings of the process and one parked thread
     * @throws ErrnoException when the host refuses
     */
    StubProcess fork(StubThread caller) throws ErrnoException {
        long offset = mailbox.allocate();
        MemorySegment page = mailbox.page(offset);
        StubProcess.preparePage(page, jvm, true);
        long result = caller.injectClone(StubProcess.PROCESS_FLAGS, StubCode.NEW_PROCESS, offset);
        return adopt(result, caller.process().code(), offset, page);
    }

    /** As {@link #fork(StubThread)}, by the control thread. */
    StubProcess fork(StubProcess process) throws ErrnoException {
        long offset = mailbox.allocate();
        MemorySegment page = mailbox.page(offset);
        StubProcess.preparePage(page, jvm, true);
        long result = process.order(
            StubCode.NEW_PROCESS, SyscallNumber.CLONE, StubProcess.PROCESS_FLAGS, 0, 0, 0, 0, offset);
        return adopt(result, process.code(), offset, page);
    }

    /** Kills a process and takes care of the rest. Never blocks. */
    void end(StubProcess process) {
        process.markDead();
        HostSignal.kill(process.processId(), Signals.SIGKILL);
        work.add(() -> dying.add(process));
    }

    /**
     * Ends all zygotes and waits for all processes to be gone.
     *
     * @return whether they are; else somebody has not closed a context, and the mailbox must stay
     */
    boolean close() {
        synchronized (this) {
            zygotes.forEach(zygote -> end(zygote.process));
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

    private StubProcess adopt(long result, StubCode code, long offset, MemorySegment page) throws ErrnoException {
        if (result < 0) {
            mailbox.free(offset);
            throw Errno.of(result).error();
        }
        return StubProcess.started((int) result, code, offset, page, true);
    }

    private boolean endIfUnused(Zygote zygote) {
        if (zygote.spaces > 0 && !zygote.process.isDead()) {
            return false;
        }
        end(zygote.process);
        return true;
    }

    private void serve() {
        // Handlers of the JVM must not run in a child that shares its memory; this thread needs no signals.
        HostSignal.changeMask(Signals.SIG_BLOCK, SignalMasks.ALL_BUT_FAULTS);
        while (!closed || !dying.isEmpty() || !work.isEmpty()) {
            try {
                Runnable task = dying.isEmpty() ? work.take() : work.poll(2, TimeUnit.MILLISECONDS);
                if (task != null) {
                    task.run();
                }
            } catch (InterruptedException e) {
                log.debug("interrupts mean nothing to this thread");
            }
            dying.removeIf(this::isBuried);
        }
    }

    private boolean isBuried(StubProcess process) {
        if (HostProcess.await(process.processId(), 0, WALL | WNOHANG) == 0) {
            return false;
        }
        mailbox.free(process.mailboxOffset());
        return true;
    }

    private Zygote makeZygote(int memoryFile, long device, long inode) throws ErrnoException {
        long offset = mailbox.allocate();
        MemorySegment page = mailbox.page(offset);
        StubProcess.preparePage(page, jvm, false);
        StubCode code = new StubCode(offset);
        long result = -Errno.EAGAIN.number();
        try {
            CompletableFuture<Long> spawned = new CompletableFuture<>();
            work.add(() -> spawned.complete(spawn(memoryFile, code)));
            result = spawned.join();
        } finally {
            if (result < 0) {
                mailbox.free(offset);
            }
        }
        Errno.check(result);
        StubProcess process = StubProcess.started((int) result, code, offset, page, false);
        try {
            StubCleaner.clean(process);
            confine(process);
            log.debug("zygote process={}", result);
            return new Zygote(device, inode, process);
        } catch (ErrnoException e) {
            end(process);
            throw e;
        }
    }

    /** Takes the last rights away: no core dumps, and a filter for system calls. Its name helps whoever looks at the host. */
    private static void confine(StubProcess process) throws ErrnoException {
        MemorySegment page = process.page();
        long data = StubCode.MAILBOX + Mailbox.DATA;
        page.setString(Mailbox.DATA, "caisson-stub");
        page.asSlice(Mailbox.DATA + 16L, 16).fill((byte) 0); // struct rlimit
        long program = StubFilter.write(page, Mailbox.DATA + 32, data + 32);
        long result = process.orderAll(new long[][] {
            {SyscallNumber.PRCTL, PR_SET_NAME, data},
            {SyscallNumber.SETRLIMIT, RLIMIT_CORE, data + 16},
            {SyscallNumber.SECCOMP, SECCOMP_SET_MODE_FILTER, 0, program},
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
        long box = -1;
        long program = -1;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(code.image().length);
            bytes.copyFrom(MemorySegment.ofArray(code.image()));
            HostFile.write((int) image, bytes.address(), bytes.byteSize());
            memory = HostFile.duplicate(memoryFile, HIGH_FD);
            box = HostFile.duplicate(mailbox.fd(), HIGH_FD);
            program = HostFile.duplicate((int) image, HIGH_FD);
            if (memory < 0 || box < 0 || program < 0) {
                return -Errno.EMFILE.number();
            }
            MemorySegment name = arena.allocateFrom("caisson-stub");
            MemorySegment argv = arena.allocate(16, 8);
            argv.set(Layouts.U64, 0, name.address());
            MemorySegment empty = arena.allocate(8, 8);
            return new SpawnOrders(arena)
                .add(SyscallNumber.PRCTL, PR_SET_NO_NEW_PRIVS, 1)
                .add(SyscallNumber.DUP3, memory, StubCode.MEMORY_FD, 0)
                .add(SyscallNumber.DUP3, box, StubCode.MAILBOX_FD, 0)
                .add(SyscallNumber.DUP3, program, StubCode.CODE_FD, 0)
                .add(SyscallNumber.CLOSE_RANGE, 3, 0xffff_ffffL, 0)
                .add(SyscallNumber.EXECVEAT, StubCode.CODE_FD, empty.address(), argv.address(), argv.address() + 8,
                    Fcntl.AT_EMPTY_PATH)
                .spawn(0);
        } finally {
            HostFile.close((int) image);
            HostFile.close((int) memory);
            HostFile.close((int) box);
            HostFile.close((int) program);
        }
    }
}
