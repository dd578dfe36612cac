package dev.caisson.cli.oci;

import com.grack.nanojson.JsonObject;
import dev.caisson.control.SandboxException;
import dev.caisson.control.lifecycle.ContainerServer;
import dev.caisson.control.remote.RuntimeDirectory;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostProcess;
import dev.caisson.oci.runtime.ContainerDirectory;
import dev.caisson.oci.runtime.ContainerException;
import java.io.File;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.ClosedWatchServiceException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * The process that keeps a {@link Pool} filled. It starts sandboxes as its children, or rather those of the scripts that it starts, which it inherits,
 * and hears when one is taken or dies.
 */
public final class PoolKeeper implements ContainerServer.Service {
    /** Starts the command line that makes it; no command of users. */
    public static final String NAME = "--pool-keeper";
    private static final int PR_SET_CHILD_SUBREAPER = 36;
    private static final long START_PATIENCE_S = 120;
    private static final long ANSWER_PATIENCE_NS = 300_000_000_000L;
    /** Who has just taken a sandbox wants the processors for its container. */
    private static final long REFILL_DELAY_MS = 1000;
    private static final long FAILURE_DELAY_MS = 10_000;
    /** Nothing happens without an event; this is for events that were lost. */
    private static final long ROUND_MS = 30_000;
    private static final long CLAIM_PATIENCE_MS = 60_000;

    private final Pool pool;
    private final Path home;
    /** Guarded by this, as all below. */
    private int wanted;
    private long takenNs;
    private boolean wasTaken;
    private String failure = "";
    private boolean isStopping;

    private PoolKeeper(Pool pool, Path home, int wanted) {
        this.pool = pool;
        this.home = home;
        this.wanted = wanted;
    }

    /**
     * Keeps it until somebody says stop.
     *
     * @param home of this installation
     * @param count how many sandboxes
     * @return exit status
     * @throws SandboxException when the directory cannot be used
     */
    public static int run(Path home, int count) throws SandboxException {
        try {
            Descriptors.take(0);
            HostProcess.newSession();
            HostProcess.control(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
            Pool pool = Pool.own();
            pool.make();
            try (FileChannel lock = FileChannel.open(pool.path().resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
                if (lock.tryLock() == null) {
                    throw new SandboxException("somebody keeps the pool already", null);
                }
                pool.clear();
                PoolKeeper keeper = new PoolKeeper(pool, home, count);
                try (WatchService watcher = pool.path().getFileSystem().newWatchService();
                        ContainerServer _ = ContainerServer.start(pool.keeper(), keeper)) {
                    pool.path().resolve(Pool.FREE).register(watcher, StandardWatchEventKinds.ENTRY_DELETE);
                    Thread.ofPlatform().daemon().start(() -> keeper.watch(watcher));
                    keeper.keep();
                }
                pool.clear();
                pool.remove();
            }
            return 0;
        } catch (IOException | ContainerException e) {
            throw new SandboxException(e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SandboxException("interrupted", e);
        }
    }

    private void watch(WatchService watcher) {
        try {
            boolean isThere = true;
            while (isThere) {
                WatchKey key = watcher.take();
                key.pollEvents();
                synchronized (this) {
                    takenNs = System.nanoTime();
                    wasTaken = true;
                    notifyAll();
                }
                isThere = key.reset();
            }
        } catch (InterruptedException | ClosedWatchServiceException e) {
            return; // the keeper ends
        }
    }

    private void keep() throws IOException, InterruptedException {
        while (true) {
            removeDead();
            synchronized (this) {
                int free = pool.names(Pool.FREE).size();
                notifyAll();
                if (isStopping) {
                    return;
                }
                if (free > wanted) {
                    endOne();
                    continue;
                }
                if (free == wanted || !failure.isEmpty()) {
                    String before = failure;
                    wait(before.isEmpty() ? ROUND_MS : FAILURE_DELAY_MS);
                    failure = "";
                    continue;
                }
                long sinceMs = (System.nanoTime() - takenNs) / 1_000_000;
                if (wasTaken && sinceMs < REFILL_DELAY_MS) {
                    wait(REFILL_DELAY_MS - sinceMs);
                    continue;
                }
            }
            startOne();
        }
    }

    private void endOne() throws IOException {
        for (String name : pool.names(Pool.FREE)) {
            Path directory = pool.take(name);
            if (directory != null) {
                Pool.Member.read(directory).end();
                return;
            }
        }
    }

    /** Free ones that have died; taken ones whose taker died before it made a container, or whose container is over and was lost. */
    private void removeDead() throws IOException {
        for (String name : pool.names(Pool.FREE)) {
            Path at = pool.path().resolve(Pool.FREE).resolve(name);
            if (Files.exists(at) && !Pool.Member.read(at).isAlive()) {
                Path directory = pool.take(name);
                if (directory != null) {
                    Pool.Member.read(directory).end();
                }
            }
        }
        for (String name : pool.names(Pool.USED)) {
            pool.removeAbandoned(name, CLAIM_PATIENCE_MS);
        }
    }

    private void startOne() throws IOException, InterruptedException {
        String name = System.nanoTime() + "";
        Path directory = pool.path().resolve(Pool.NEW).resolve(name);
        new RuntimeDirectory(directory).make();
        File log = directory.resolve("start.log").toFile();
        Process process = new ProcessBuilder(List.of(home.resolve("bin/caisson").toString(), PoolMember.NAME, directory.toString()))
                .redirectInput(new File("/dev/null")).redirectOutput(log).redirectError(log).start();
        boolean isEnded = process.waitFor(START_PATIENCE_S, TimeUnit.SECONDS);
        if (isEnded && process.exitValue() == 0) {
            Pool.Member member = Pool.Member.read(directory);
            Thread.ofPlatform().daemon().start(() -> {
                HostProcess.await((int) member.process().pid(), 0, 0);
                synchronized (this) {
                    notifyAll();
                }
            });
            Files.move(directory, pool.path().resolve(Pool.FREE).resolve(name));
            return;
        }
        process.destroyForcibly();
        String text = Files.readString(log.toPath(), StandardCharsets.ISO_8859_1).strip();
        new ContainerDirectory(directory).delete();
        synchronized (this) {
            failure = isEnded ? text.isEmpty() ? "a sandbox did not start" : text : "a sandbox did not start within " + START_PATIENCE_S + " s";
        }
    }

    @Override
    public ContainerServer.Reply answer(JsonObject request, List<Integer> descriptors) throws SandboxException {
        if (request.getString("command", "").equals("create") && request.getBoolean("line", false)) {
            return PoolCreate.answer(pool, descriptors);
        }
        descriptors.forEach(HostFile::close);
        synchronized (this) {
            switch (request.getString("command", "")) {
                case "stop" -> {
                    isStopping = true;
                    notifyAll();
                }
                case "start" -> {
                    wanted = request.getInt("count", wanted);
                    notifyAll();
                    awaitFull();
                }
                case "status" -> { }
                default -> throw new SandboxException("unknown command", null);
            }
            return ContainerServer.Reply.of(JsonObject.builder().value("keeper", ProcessHandle.current().pid()).value("wanted", wanted)
                    .value("free", pool.names(Pool.FREE).size()).value("used", pool.names(Pool.USED).size()).value("failure", failure).done());
        }
    }

    private void awaitFull() throws SandboxException {
        long deadline = System.nanoTime() + ANSWER_PATIENCE_NS;
        try {
            while (pool.names(Pool.FREE).size() != wanted && failure.isEmpty() && System.nanoTime() < deadline && !isStopping) {
                wait(1000);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (!failure.isEmpty()) {
            throw new SandboxException(failure, null);
        }
    }
}
