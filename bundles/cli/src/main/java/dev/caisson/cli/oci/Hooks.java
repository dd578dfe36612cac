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
import dev.caisson.host.raw.SpawnOrders;
import dev.caisson.host.raw.SyscallNumber;
import dev.caisson.oci.runtime.ContainerException;
import dev.caisson.oci.runtime.ContainerState;
import dev.caisson.oci.spec.OciHooks.Hook;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Runs the hooks of a container: programs of the host that get the container's state on standard input. They are started without Java's own
 * launcher, since the signals that a sandbox's process has blocked would be blocked in them too.
 */
final class Hooks {
    private static final int ALL_CHILDREN = 0x4000_0000; // __WALL
    private static final int SIGKILL = 9, SIG_BLOCK = 0, SIG_SETMASK = 2;
    private static final int HIGH_FD = 200;
    private static final int MOST_OUTPUT_BYTES = 512;
    /** Every signal but those that a Java thread may not block: SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV. */
    private static final long SPAWN_MASK = ~(1L << 3 | 1L << 4 | 1L << 6 | 1L << 7 | 1L << 10);

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
        for (int i = 0; i < hooks.size(); i++) {
            String failure = run(hooks.get(i), state);
            if (failure != null) {
                throw new ContainerException("error running " + kind + " hook #" + i + ": " + failure);
            }
        }
    }

    /**
     * Runs all hooks, whether or not one fails.
     *
     * @param hooks what to run
     * @param state what they read
     * @return what failed
     */
    static List<String> runAll(List<Hook> hooks, ContainerState state) {
        List<String> failures = new ArrayList<>();
        for (Hook hook : hooks) {
            String failure = run(hook, state);
            if (failure != null) {
                failures.add(failure);
            }
        }
        return failures;
    }

    private static String run(Hook hook, ContainerState state) {
        byte[] input = JsonWriter.string(state.toJson()).getBytes(StandardCharsets.UTF_8);
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
        if (status == 0) {
            return null;
        }
        MemorySegment text = arena.allocate(MOST_OUTPUT_BYTES);
        long count = Math.max(0, HostFile.pread(out, text.address(), MOST_OUTPUT_BYTES, 0));
        String said = new String(text.asSlice(0, count).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8).strip()
                .replaceAll("\\p{Cntrl}+", " ");
        boolean isLate = status < 0;
        return hook.path() + ": " + (isLate ? "did not end within " + hook.timeoutSeconds() + " s"
                : (status & 0x7f) != 0 ? "killed by signal " + (status & 0x7f) : "exit status " + (status >> 8)) + (said.isEmpty() ? "" : ", " + said);
    }

    private static long spawn(Arena arena, Hook hook, int in, int out) {
        long highIn = HostFile.duplicate(in, HIGH_FD);
        long highOut = HostFile.duplicate(out, HIGH_FD);
        long oldMask = 0;
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
            HostSignal.changeMask(SIG_BLOCK, SPAWN_MASK);
            oldMask = HostSignal.previousMask();
            return orders.spawn(0);
        } finally {
            HostSignal.changeMask(SIG_SETMASK, oldMask);
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
                return state[1] ? -1 : status.get(Layouts.U32, 0);
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
