package dev.caisson.control.lifecycle;

import com.grack.nanojson.JsonWriter;
import dev.caisson.abi.Errno;
import dev.caisson.control.SandboxException;
import dev.caisson.control.container.ContainerProcess;
import dev.caisson.control.container.HookPlace;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostMemory;
import dev.caisson.oci.runtime.ContainerState;
import dev.caisson.oci.runtime.HookResult;
import dev.caisson.oci.spec.OciHooks.Hook;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Runs hooks as processes of the guest: those that the specification wants in the container's namespaces. */
public final class GuestHooks {
    private static final int SIGKILL = 9;
    private static final long FOR_EVER_SECONDS = Integer.MAX_VALUE;

    private GuestHooks() {}

    /**
     * Runs hooks in their order; the first that fails is the last.
     *
     * @param kind for the message
     * @param hooks what to run
     * @param state what they read, with the number that the container's process has in the container
     * @param place where they run
     * @throws SandboxException when one fails
     */
    public static void run(String kind, List<Hook> hooks, ContainerState state, HookPlace place) throws SandboxException {
        for (int i = 0; i < hooks.size(); i++) {
            String failure = run(hooks.get(i), state.as(place.pid()), place);
            if (failure != null) {
                throw new SandboxException("error running " + kind + " hook #" + i + ": " + failure, null);
            }
        }
    }

    /** What failed, or null. */
    private static String run(Hook hook, ContainerState state, HookPlace place) throws SandboxException {
        byte[] input = JsonWriter.string(state.toJson()).getBytes(StandardCharsets.UTF_8);
        int result = -1;
        try (Arena arena = Arena.ofConfined()) {
            // Files without names: neither side can block the other.
            int in = checked(HostMemory.createFile("hook-input", 1));
            int out = checked(HostMemory.createFile("hook-output", 1));
            PassedStdio stdio = new PassedStdio(List.of(in, out, checked(HostFile.duplicate(out, 3))), false);
            result = checked(HostFile.duplicate(out, 3));
            MemorySegment bytes = arena.allocate(input.length);
            bytes.copyFrom(MemorySegment.ofArray(input));
            checked(HostFile.write(in, bytes.address(), input.length));
            checked(HostFile.seek(in, 0, 0));
            int status = await(place.start(hook, stdio), hook.timeoutSeconds());
            MemorySegment text = arena.allocate(HookResult.MOST_OUTPUT_BYTES);
            long count = Math.max(0, HostFile.pread(result, text.address(), HookResult.MOST_OUTPUT_BYTES, 0));
            return new HookResult(hook, status, text.asSlice(0, count).toArray(ValueLayout.JAVA_BYTE)).failure();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SandboxException("interrupted", e);
        } finally {
            HostFile.close(result);
        }
    }

    /** Its status as wait(2) tells it, or that it was too late and has been killed. */
    private static int await(ContainerProcess process, int timeoutSeconds) throws InterruptedException {
        CountDownLatch over = new CountDownLatch(1);
        process.onExit(over::countDown);
        if (over.await(timeoutSeconds == 0 ? FOR_EVER_SECONDS : timeoutSeconds, TimeUnit.SECONDS)) {
            return process.awaitExit();
        }
        process.signal(SIGKILL);
        process.awaitExit();
        return HookResult.LATE;
    }

    private static int checked(long result) throws SandboxException {
        if (result < 0) {
            throw new SandboxException("cannot run a hook: " + Errno.of(-result).text(), null);
        }
        return (int) result;
    }
}
