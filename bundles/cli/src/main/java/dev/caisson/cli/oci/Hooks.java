package dev.caisson.cli.oci;

import com.grack.nanojson.JsonWriter;
import dev.caisson.abi.Errno;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Layouts;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostMemory;
import dev.caisson.host.HostNamespace;
import dev.caisson.host.HostProcess;
import dev.caisson.host.HostSignal;
import dev.caisson.host.launch.Launcher;
import dev.caisson.host.raw.SpawnOrders;
import dev.caisson.host.raw.SyscallNumber;
import dev.caisson.oci.runtime.ContainerDirectory;
import dev.caisson.oci.runtime.ContainerException;
import dev.caisson.oci.runtime.ContainerState;
import dev.caisson.oci.runtime.HookResult;
import dev.caisson.oci.spec.OciConfig;
import dev.caisson.oci.spec.OciConfigException;
import dev.caisson.oci.spec.OciHooks;
import dev.caisson.oci.spec.OciHooks.Hook;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Runs the hooks of a container: programs of the host that get the container's state on standard input. They are started without Java's own
 * launcher, since the signals that a sandbox's process has blocked would be blocked in them too.
 */
final class Hooks {
    private static final int ALL_CHILDREN = 0x4000_0000; // __WALL
    private static final int SIGKILL = 9, SIG_SETMASK = 2;
    private static final int HIGH_FD = 200;

    private Hooks() {}

    /**
     * Runs hooks in their order; the first that fails is the last.
     *
     * @param kind for the message
     * @param hooks what to run
     * @param state what they read
     * @throws ContainerException when one fails
     */
    static void run(String kind, List<Hook> hooks, ContainerState state) throws ContainerException {
        run(kind, hooks, state, null);
    }

    /**
     * Runs hooks in their order, on the host's side of this process' namespaces; the first that fails is the last.
     *
     * @param kind for the message
     * @param hooks what to run
     * @param state what they read
     * @param launcher runs them; null where this process is on the host's side itself
     * @throws ContainerException when one fails
     */
    static void run(String kind, List<Hook> hooks, ContainerState state, Launcher launcher) throws ContainerException {
        for (int i = 0; i < hooks.size(); i++) {
            String failure = run(hooks.get(i), state, launcher);
            if (failure != null) {
                throw new ContainerException("error running " + kind + " hook #" + i + ": " + failure);
            }
        }
    }

    /** As {@link #runAll(List, ContainerState, Launcher)}, by this process. */
    static List<String> runAll(List<Hook> hooks, ContainerState state) {
        return runAll(hooks, state, null);
    }

    /**
     * Runs all hooks, whether or not one fails.
     *
     * @param hooks what to run
     * @param state what they read
     * @param launcher runs them, or null
     * @return what failed
     */
    static List<String> runAll(List<Hook> hooks, ContainerState state, Launcher launcher) {
        List<String> failures = new ArrayList<>();
        for (Hook hook : hooks) {
            String failure = run(hook, state, launcher);
            if (failure != null) {
                failures.add(failure);
            }
        }
        return failures;
    }

    /**
     * Hooks for the time when this process has ended, whose failures nobody hears of.
     *
     * @param hooks what to run
     * @param state what they read
     * @return the programs
     */
    static List<Launcher.Last> last(List<Hook> hooks, ContainerState state) {
        byte[] input = JsonWriter.string(state.toJson()).getBytes(StandardCharsets.UTF_8);
        return hooks.stream().map(hook -> new Launcher.Last(raw(hook.path()), words(hook), hook.env().stream().map(Hooks::raw).toList(), input)).toList();
    }

    private static List<String> words(Hook hook) {
        return (hook.args().isEmpty() ? List.of(hook.path()) : hook.args()).stream().map(Hooks::raw).toList();
    }

    /**
     * Runs the hooks of a moment after which nothing can be undone: what fails is told in the log.
     *
     * @param kind poststart or poststop
     * @param line the command
     * @param directory has the configuration of the container
     * @param state what they read
     */
    static void afterwards(String kind, OciLine line, ContainerDirectory directory, ContainerState state) {
        afterwards(kind, line, directory, state, null);
    }

    /** As {@link #afterwards(String, OciLine, ContainerDirectory, ContainerState)}, on the host's side of this process' namespaces. */
    static void afterwards(String kind, OciLine line, ContainerDirectory directory, ContainerState state, Launcher launcher) {
        try {
            Path file = directory.path().resolve(SandboxCommand.CONFIG);
            String text = Files.exists(file) ? Files.readString(file, StandardCharsets.UTF_8) : "";
            if (!text.contains('"' + kind + '"')) {
                return; // the usual case, and a configuration takes its time to be read
            }
            OciHooks hooks = OciConfig.parse(text.getBytes(StandardCharsets.UTF_8), state.bundle()).hooks();
            for (String failure : runAll(kind.equals("poststart") ? hooks.poststart() : hooks.poststop(), state, launcher)) {
                line.log().write("warning", kind + ": " + failure);
            }
        } catch (IOException | OciConfigException e) {
            line.log().write("warning", kind + ": " + e.getMessage());
        }
    }

    private static String run(Hook hook, ContainerState state, Launcher launcher) {
        byte[] input = JsonWriter.string(state.toJson()).getBytes(StandardCharsets.UTF_8);
        if (launcher != null) {
            try {
                Launcher.Ended ended = launcher.execute(raw(hook.path()), words(hook),
                        hook.env().stream().map(Hooks::raw).toList(), input, hook.timeoutSeconds());
                return new HookResult(hook, ended.status(), ended.output()).failure();
            } catch (IOException e) {
                return hook.path() + ": " + e.getMessage();
            }
        }
        int in = -1;
        int out = -1;
        try {
            // Files without names: neither side can block the other.
            in = checked(HostMemory.createFile("hook-input", 1));
            out = checked(HostMemory.createFile("hook-output", 1));
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment bytes = arena.allocate(input.length);
                bytes.copyFrom(MemorySegment.ofArray(input));
                checked(HostFile.write(in, bytes.address(), input.length));
                checked(HostFile.seek(in, 0, 0));
                int process = checked(spawn(arena, hook, in, out));
                return result(hook, await(process, hook.timeoutSeconds()), out, arena);
            }
        } catch (IOException e) {
            return hook.path() + ": " + e.getMessage();
        } finally {
            HostFile.close(in);
            HostFile.close(out);
        }
    }

    private static String result(Hook hook, int status, int out, Arena arena) {
        MemorySegment text = arena.allocate(HookResult.MOST_OUTPUT_BYTES);
        long count = Math.max(0, HostFile.pread(out, text.address(), HookResult.MOST_OUTPUT_BYTES, 0));
        return new HookResult(hook, status, text.asSlice(0, count).toArray(ValueLayout.JAVA_BYTE)).failure();
    }

    private static long spawn(Arena arena, Hook hook, int in, int out) {
        long highIn = HostFile.duplicate(in, HIGH_FD);
        long highOut = HostFile.duplicate(out, HIGH_FD);
        try {
            List<String> args = hook.args().isEmpty() ? List.of(hook.path()) : hook.args();
            SpawnOrders orders = new SpawnOrders(arena)
                    .add(SyscallNumber.DUP3, highIn, 0, 0)
                    .add(SyscallNumber.DUP3, highOut, 1, 0)
                    .add(SyscallNumber.DUP3, highOut, 2, 0)
                    .add(SyscallNumber.CLOSE_RANGE, 3, 0xffff_ffffL, 0)
                    .add(SyscallNumber.RT_SIGPROCMASK, SIG_SETMASK, arena.allocate(8, 8).address(), 0, 8)
                    .add(SyscallNumber.EXECVE, HostNamespace.text(arena, raw(hook.path())),
                            HostNamespace.vector(arena, args.stream().map(Hooks::raw).toList()),
                            HostNamespace.vector(arena, hook.env().stream().map(Hooks::raw).toList()));
            return orders.spawnMasked(0);
        } finally {
            HostFile.close((int) highIn);
            HostFile.close((int) highOut);
        }
    }

    private static String raw(String text) {
        return new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
    }

    /** The process's status as wait(2) tells it, or -1 when it had to be killed. */
    private static int await(int process, int timeoutSeconds) {
        boolean[] state = {false, false}; // is over, was killed; guarded by the array
        Thread timer = new Thread(() -> {
            try {
                synchronized (state) {
                    long deadline = System.nanoTime() + timeoutSeconds * 1_000_000_000L;
                    while (!state[0] && System.nanoTime() < deadline) {
                        state.wait(Math.max(1, (deadline - System.nanoTime()) / 1_000_000));
                    }
                    if (!state[0]) {
                        state[1] = true;
                        HostSignal.kill(process, SIGKILL);
                    }
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt(); // nobody does that
            }
        }, "hook timeout");
        timer.setDaemon(true);
        if (timeoutSeconds > 0) {
            timer.start();
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment status = arena.allocate(4, 4);
            while (HostProcess.await(process, status.address(), ALL_CHILDREN) == -Errno.EINTR.number()) {
                continue;
            }
            synchronized (state) {
                state[0] = true;
                state.notifyAll();
                return state[1] ? HookResult.LATE : status.get(Layouts.U32, 0);
            }
        }
    }

    private static int checked(long result) throws IOException {
        if (result < 0) {
            throw new IOException(Errno.of(-result).text());
        }
        return (int) result;
    }
}
