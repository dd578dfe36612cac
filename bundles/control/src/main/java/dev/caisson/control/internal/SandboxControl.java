package dev.caisson.control.internal;

import com.grack.nanojson.JsonArray;
import com.grack.nanojson.JsonObject;
import dev.caisson.control.ProviderKind;
import dev.caisson.control.SandboxException;
import dev.caisson.control.SandboxSpec;
import dev.caisson.control.SwapReport;
import dev.caisson.control.remote.RuntimeDirectory;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Locale;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The control socket of one sandbox, and what it answers: {@code state}, {@code swap} with {@code kind} and {@code name}.
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
    }

    private final SandboxSpec spec;
    private final String name;
    private final Instant created = Instant.now().truncatedTo(ChronoUnit.MILLIS);
    /** Guarded by this, as all below. */
    private KernelSandbox sandbox;
    private Changer changer;
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
        ControlServer made = ControlServer.start(RuntimeDirectory.of(spec.controlDirectory()), name, this::answer);
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

    /** Sets what brings the changer, when a change is asked for before there is one. */
    synchronized void wakeChanger(Runnable value) {
        wakeChanger = value;
    }

    private JsonObject answer(Map<String, String> request) {
        String command = request.getOrDefault("command", "");
        return switch (command) {
            case "state" -> state();
            case "swap" -> swap(request);
            default -> ControlServer.failure("unknown command " + command + "; there are: state, swap");
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
        spec.command().forEach(word -> command.add(new String(word.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8)));
        state.put("command", command);
        if (running != null) {
            Map<ProviderKind, String> providers = running.providers();
            for (ProviderKind kind : ProviderKind.values()) {
                state.put(kind.word(), providers.get(kind));
            }
            state.put("tasks", running.kernel().taskCount());
            state.put("memoryBytes", running.kernel().memoryFile().usedBytes());
        }
        return state;
    }

    private JsonObject swap(Map<String, String> request) {
        try {
            ProviderKind kind = ProviderKind.byWord(request.getOrDefault("kind", ""));
            String wanted = request.get("name");
            if (wanted == null) {
                return ControlServer.failure("swap takes kind and name");
            }
            SwapReport report = awaitChanger().swap(sandbox, kind, wanted);
            return JsonObject.builder().value("kind", kind.word()).value("from", report.from()).value("to", report.to())
                    .value("pauseMs", String.format(Locale.ROOT, "%.3f", report.pauseNs() / 1e6)).done();
        } catch (SandboxException | IllegalArgumentException e) {
            return ControlServer.failure(e.getMessage());
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
