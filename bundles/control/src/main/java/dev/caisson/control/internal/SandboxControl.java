package dev.caisson.control.internal;

import com.grack.nanojson.JsonArray;
import com.grack.nanojson.JsonObject;
import dev.caisson.abi.ErrnoException;
import dev.caisson.control.ProviderKind;
import dev.caisson.control.RootLayers;
import dev.caisson.control.SandboxException;
import dev.caisson.control.SandboxSpec;
import dev.caisson.control.SwapReport;
import dev.caisson.control.remote.RuntimeDirectory;
import dev.caisson.spi.fs.LayerExporter;
import dev.caisson.spi.fs.LayeredFileSystem;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Map;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The control socket of one sandbox, and what it answers: {@code state}, {@code swap} with {@code kind} and {@code name}; for the kinds
 * {@code rootfs} and {@code volume:PATH} also {@code source}, {@code options} (comma separated) and {@code option.KEY}.
 *
 * <p>A sandbox with a name of its own has its socket before its program starts. Any other gets it a little later, so that a short
 * program never pays for it.
 */
final class SandboxControl implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(SandboxControl.class);
    private static final long DELAY_MS = 100;
    private static final long CHANGER_TIMEOUT_MS = 15_000;

    /** Changes a sandbox. */
    interface Changer {
        SwapReport swap(KernelSandbox sandbox, ProviderKind kind, String name) throws SandboxException;

        /** As {@link dev.caisson.control.SandboxService#swapRootfs}, with a path for a volume and null for the root. */
        SwapReport swapFileSystem(KernelSandbox sandbox, String path, String name, String source, Map<String, String> options)
                throws SandboxException;
    }

    private final SandboxSpec spec;
    private final String name;
    private final Instant created = Instant.now().truncatedTo(ChronoUnit.MILLIS);
    /** Guarded by this, as all below. */
    private KernelSandbox sandbox;
    private Changer changer;
    private Supplier<LayerExporter> exporter = () -> null;
    private boolean isExporting;
    private Runnable wakeChanger = () -> { };
    private ControlServer server;
    private boolean isClosed;

    SandboxControl(SandboxSpec spec, String name) {
        this.spec = spec;
        this.name = name;
    }

    /**
     * Makes the socket of a sandbox that has a name of its own.
     *
     * @throws SandboxException when it cannot be made, for example because a sandbox of this name runs
     */
    void listenIfNamed() throws SandboxException {
        if (spec.id() == null || !spec.isControllable()) {
            return;
        }
        try {
            RuntimeDirectory.checkName(name);
            listen();
        } catch (IllegalArgumentException e) {
            throw new SandboxException(e.getMessage(), null);
        } catch (IOException e) {
            throw new SandboxException("cannot make the control socket of " + name + ": " + e.getMessage(), e);
        }
    }

    private void listen() throws IOException {
        ControlServer made = ControlServer.start(RuntimeDirectory.of(spec.controlDirectory()), name, this::answer, this::stream);
        synchronized (this) {
            if (!isClosed) {
                server = made;
                return;
            }
        }
        made.close();
    }

    /** The program runs: what has no socket yet gets one soon. */
    void started(KernelSandbox running) {
        synchronized (this) {
            sandbox = running;
            if (server != null || !spec.isControllable()) {
                return;
            }
        }
        Thread thread = new Thread(() -> {
            try {
                Thread.sleep(DELAY_MS);
                synchronized (this) {
                    if (isClosed) {
                        return;
                    }
                }
                listen();
            } catch (IOException | IllegalArgumentException e) {
                log.warn("sandbox {} has no control socket: {}", name, e.getMessage());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt(); // nobody does that
            }
        }, "control start");
        thread.setDaemon(true);
        thread.start();
    }

    /** Sets who changes the sandbox. */
    synchronized void changer(Changer value) {
        changer = value;
        notifyAll();
    }

    /** Sets who gives what writes the root's changes as an archive. */
    synchronized void exporter(Supplier<LayerExporter> value) {
        exporter = value;
    }

    /** Sets what brings the changer, when a change is asked for before there is one. */
    synchronized void wakeChanger(Runnable value) {
        wakeChanger = value;
    }

    private JsonObject answer(Map<String, String> request) {
        String command = request.getOrDefault("command", "");
        return switch (command) {
            case "state" -> state();
            case "swap" -> swap(request);
            default -> ControlServer.failure("unknown command " + command + "; there are: state, swap, diff");
        };
    }

    private JsonObject state() {
        KernelSandbox running;
        synchronized (this) {
            running = sandbox;
        }
        JsonObject state = new JsonObject();
        state.put("id", name);
        state.put("pid", ProcessHandle.current().pid());
        state.put("status", running == null ? "created" : running.isRunning() ? "running" : "stopped");
        state.put("created", created.toString());
        JsonArray command = new JsonArray();
        spec.command().forEach(word -> command.add(shown(word)));
        state.put("command", command);
        if (running != null) {
            Map<ProviderKind, String> providers = running.providers();
            for (ProviderKind kind : ProviderKind.values()) {
                state.put(kind.word(), providers.get(kind));
            }
            describeRoot(state, running);
            state.put("tasks", running.kernel().taskCount());
            state.put("memoryBytes", running.kernel().memoryFile().usedBytes());
        }
        return state;
    }

    /** What the root filesystem consists of: what /proc/mounts shows of its layers. */
    private static void describeRoot(JsonObject state, KernelSandbox running) {
        state.put("rootfsSource", shown(running.root().source()));
        for (String option : running.rootMount().fileSystem().options().split("(?<!\\\\),")) {
            if (option.startsWith(RootLayers.UPPER + "=")) {
                state.put("rootfsUpper", shown(option.substring(RootLayers.UPPER.length() + 1)));
            } else if (option.startsWith(RootLayers.LOWERS + "=")) {
                state.put("rootfsLowers", shown(option.substring(RootLayers.LOWERS.length() + 1)));
            }
        }
    }

    private static String shown(String raw) {
        return new String(raw.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
    }

    private JsonObject swap(Map<String, String> request) {
        try {
            String kind = request.getOrDefault("kind", "");
            String wanted = request.get("name");
            if (wanted == null) {
                return ControlServer.failure("swap takes kind and name");
            }
            SwapReport report = swap(kind, wanted, request);
            return SwapMessages.answer(kind, report);
        } catch (SandboxException | IllegalArgumentException e) {
            return ControlServer.failure(e.getMessage());
        }
    }

    private SwapReport swap(String kind, String wanted, Map<String, String> request) throws SandboxException {
        boolean isVolume = kind.startsWith(SwapMessages.VOLUME);
        if (!isVolume && !kind.equals(ProviderKind.ROOTFS.word())) {
            return awaitChanger().swap(sandbox, ProviderKind.byWord(kind), wanted);
        }
        return awaitChanger().swapFileSystem(sandbox, isVolume ? SwapMessages.raw(kind.substring(SwapMessages.VOLUME.length())) : null, wanted,
                SwapMessages.source(request), SwapMessages.options(request));
    }

    private ControlStream.Source stream(Map<String, String> request) {
        return "diff".equals(request.get("command")) ? this::export : null;
    }

    /** Writes what the programs have changed in the root filesystem. */
    private JsonObject export(OutputStream target) throws SandboxException, IOException, ErrnoException {
        awaitChanger(); // comes together with what writes
        LayerExporter writer;
        LayeredFileSystem root;
        synchronized (this) {
            if (!(sandbox.rootMount().fileSystem() instanceof LayeredFileSystem layered)) {
                throw new SandboxException("the root filesystem of " + name + " is " + sandbox.providers().get(ProviderKind.ROOTFS)
                        + ", which does not keep changes apart; overlay does", null);
            }
            writer = exporter.get();
            if (writer == null) {
                throw new SandboxException("no bundle writes layers; fs-tar does", null);
            }
            if (isExporting) {
                throw new SandboxException("the changes of " + name + " are being written already", null);
            }
            root = layered;
            isExporting = true;
        }
        try {
            LayerExporter.Summary summary = writer.export(root, target);
            return JsonObject.builder().value("entries", summary.entries()).value("skipped", summary.skipped()).done();
        } finally {
            synchronized (this) {
                isExporting = false;
            }
        }
    }

    private synchronized Changer awaitChanger() throws SandboxException {
        if (sandbox == null) {
            throw new SandboxException("sandbox " + name + " has not started its program yet", null);
        }
        if (changer == null) {
            wakeChanger.run();
        }
        long end = System.nanoTime() + CHANGER_TIMEOUT_MS * 1_000_000;
        try {
            while (changer == null) {
                long leftMs = (end - System.nanoTime()) / 1_000_000;
                if (leftMs <= 0 || isClosed) {
                    throw new SandboxException("sandbox " + name + " has no container that could change it", null);
                }
                wait(leftMs);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SandboxException("sandbox " + name + " ends", e);
        }
        return changer;
    }

    @Override
    public void close() {
        ControlServer made;
        synchronized (this) {
            isClosed = true;
            made = server;
            server = null;
            notifyAll();
        }
        if (made != null) {
            made.close();
        }
    }
}
