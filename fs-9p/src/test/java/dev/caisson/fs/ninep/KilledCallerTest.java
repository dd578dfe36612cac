package dev.caisson.fs.ninep;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.fs.overlay.OverlayFileSystem;
import dev.caisson.fs.tmpfs.TmpfsFileSystem;
import dev.caisson.fs.tmpfs.TmpfsOptions;
import dev.caisson.memory.HostBacking;
import dev.caisson.memory.MemoryFile;
import dev.caisson.ninep.MessageType;
import dev.caisson.ninep.Protocol;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.JobControl;
import dev.caisson.spi.fs.NewNode;
import dev.caisson.spi.fs.OpenFile;
import java.lang.foreign.Arena;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A server does not answer: who waits for it, or for somebody who does, leaves when it is killed, long before the patience with the server ends. */
@Timeout(600)
class KilledCallerTest {
    /** Longer than any test waits. */
    private static final long TIMEOUT_MS = TimeUnit.HOURS.toMillis(1);

    private final MemoryFile memory = new MemoryFile(HostBacking.ofPlainMemory(16 << 20), 0);
    private final Semaphore asked = new Semaphore(0);
    private final List<TaskThread> tasks = new ArrayList<>();
    private FakeServer server;
    private NinepFileSystem fileSystem;

    /** What a guest waits for in a call. */
    private interface Call {
        void make() throws ErrnoException;
    }

    /** What callers wait for, and which request is not answered. */
    private enum Wait {
        LINK(MessageType.TREADLINK, CachePolicy.SHARED, root -> find(root, "link")::readLink),
        READ(MessageType.TREAD, CachePolicy.SHARED, root -> {
            OpenFile file = find(root, "file").open(Fcntl.O_RDONLY);
            return () -> file.read(IoBuffer.of(Arena.ofAuto().allocate(5)), 0);
        }),
        WRITE(MessageType.TWRITE, CachePolicy.SHARED, root -> {
            OpenFile file = find(root, "file").open(Fcntl.O_RDWR);
            return () -> file.write(IoBuffer.of(Arena.ofAuto().allocate(5)), 0);
        }),
        CACHED_READ(MessageType.TREAD, CachePolicy.EXCLUSIVE, root -> {
            OpenFile file = find(root, "file").open(Fcntl.O_RDONLY);
            return () -> file.read(IoBuffer.of(Arena.ofAuto().allocate(5)), 0);
        }),
        CACHED_WRITE(MessageType.TREAD, CachePolicy.EXCLUSIVE, root -> { // of a part of a page, whose rest is asked for
            OpenFile file = find(root, "file").open(Fcntl.O_RDWR);
            return () -> file.write(IoBuffer.of(Arena.ofAuto().allocate(2)), 1);
        }),
        PAGE_FAULT(MessageType.TREAD, CachePolicy.SHARED, root -> {
            OpenFile file = find(root, "file").open(Fcntl.O_RDWR);
            return () -> file.mappable().frame(0, false);
        }),
        CREATION(MessageType.TLCREATE, CachePolicy.SHARED, root -> () -> root.create("new", new NewNode(0100644, 0, 0, 0)));

        private interface Preparation {
            Call prepare(NinepDirectory root) throws ErrnoException;
        }

        final MessageType unanswered;
        final CachePolicy policy;
        final Preparation preparation;

        Wait(MessageType unanswered, CachePolicy policy, Preparation preparation) {
            this.unanswered = unanswered;
            this.policy = policy;
            this.preparation = preparation;
        }

        private static Inode find(NinepDirectory root, String name) throws ErrnoException {
            Inode inode = root.lookup(name);
            assertNotNull(inode);
            return inode;
        }
    }

    /** A task's thread, as far as the client looks. */
    private static final class TaskThread extends Thread implements JobControl.Holder {
        final AtomicBoolean isKilled = new AtomicBoolean();
        final AtomicReference<Errno> failure = new AtomicReference<>();
        private final Call call;
        private final JobControl job = (JobControl) Proxy.newProxyInstance(JobControl.class.getClassLoader(), new Class<?>[] {JobControl.class},
                (proxy, method, arguments) -> method.getReturnType() != boolean.class ? null
                        : (Object) (method.getName().equals("isKilled") && isKilled.get()));

        TaskThread(Call call) {
            this.call = call;
        }

        @Override
        public void run() {
            try {
                call.make();
            } catch (ErrnoException e) {
                failure.set(e.errno());
            }
        }

        @Override
        public JobControl jobControl() {
            return job;
        }
    }

    private TaskThread start(Call call, boolean isKilled) {
        TaskThread task = new TaskThread(call);
        tasks.add(task);
        task.isKilled.set(isKilled);
        task.start();
        return task;
    }

    private Call prepare(Wait wait) throws ErrnoException {
        server = new FakeServer(Protocol.VERSION);
        fileSystem = new NinepFileSystem(new ServerOptions(server, "", "root", 0, 64 << 10, TIMEOUT_MS, true), wait.policy, false, memory);
        Call call = wait.preparation.prepare((NinepDirectory) fileSystem.root());
        server.lies.put(wait.unanswered, (socket, tag, in, out) -> asked.release());
        return call;
    }

    @AfterEach
    void unmount() throws InterruptedException {
        for (TaskThread task : tasks) {
            task.isKilled.set(true);
        }
        for (TaskThread task : tasks) {
            task.join();
        }
        server.lies.clear();
        fileSystem.close();
        server.close();
    }

    @ParameterizedTest
    @EnumSource(Wait.class)
    void whoWaitsForTheServerLeaves(Wait wait) throws Exception {
        Call call = prepare(wait);
        TaskThread task = start(call, false);
        asked.acquire();
        task.isKilled.set(true);
        task.join();
        assertEquals(Errno.ERESTARTSYS, task.failure.get());
    }

    @ParameterizedTest
    @EnumSource(value = Wait.class, names = {"WRITE", "CACHED_READ", "CACHED_WRITE", "PAGE_FAULT"})
    void whoWaitsForAnotherCallerLeaves(Wait wait) throws Exception {
        Call call = prepare(wait);
        TaskThread first = start(call, false);
        asked.acquire();
        TaskThread second = start(call, true);
        second.join();
        assertEquals(Errno.ERESTARTSYS, second.failure.get());
        assertTrue(first.isAlive());
    }

    @Test
    void whoWaitsForAnotherCallerOfAnOverlayLeaves() throws Exception {
        server = new FakeServer(Protocol.VERSION);
        fileSystem = new NinepFileSystem(new ServerOptions(server, "", "root", 0, 64 << 10, TIMEOUT_MS, true), CachePolicy.EXCLUSIVE, true, memory);
        Inode root = new OverlayFileSystem(new TmpfsFileSystem(memory, new TmpfsOptions(0, 0, 0755, 0, 0, "")), List.of(fileSystem), "").root();
        server.lies.put(MessageType.TWALK, (socket, tag, in, out) -> asked.release());
        TaskThread first = start(() -> root.lookup("file"), false);
        asked.acquire();
        TaskThread second = start(() -> root.create("other", new NewNode(0100644, 0, 0, 0)), true);
        second.join();
        assertEquals(Errno.ERESTARTSYS, second.failure.get());
        assertTrue(first.isAlive());
        first.isKilled.set(true);
        first.join();
        server.lies.clear();
        assertNotNull(root.lookup("file"));
    }

    @Test
    void theNextCallerIsServed() throws Exception {
        Call call = prepare(Wait.LINK);
        TaskThread task = start(call, false);
        asked.acquire();
        task.isKilled.set(true);
        task.join();
        server.lies.clear();
        call.make();
        assertEquals(1, server.count(MessageType.TFLUSH));
    }
}
