package dev.caisson.cli.oci;

import com.grack.nanojson.JsonObject;
import dev.caisson.abi.Errno;
import dev.caisson.abi.Fcntl;
import dev.caisson.control.remote.RuntimeDirectory;
import dev.caisson.host.HostFile;
import dev.caisson.oci.runtime.ContainerException;
import dev.caisson.oci.runtime.ContainerState;
import dev.caisson.oci.runtime.ContainerStore;
import dev.caisson.oci.runtime.Status;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** A container for the commands that sandboxes of any kind have. */
public final class RunningContainer {
    private static final int BUFFER_BYTES = 1 << 16;

    private final ContainerState state;

    private RunningContainer(ContainerState state) {
        this.state = state;
    }

    /**
     * Finds a container.
     *
     * @param root directory of the containers, or null for the user's own
     * @param id its name
     * @return the container, or null when there is none of this name
     * @throws IOException when it does not run
     */
    public static RunningContainer find(Path root, String id) throws IOException {
        ContainerStore store = new ContainerStore(RuntimeDirectory.of(root).path());
        try {
            if (!Files.exists(store.find(id).path())) {
                return null;
            }
            ContainerState state = store.find(id).state();
            if (state.status() == Status.STOPPED) {
                throw new IOException("container " + id + " is not running");
            }
            return new RunningContainer(state);
        } catch (ContainerException e) {
            throw new IOException(e.getMessage(), e);
        }
    }

    /**
     * Asks its sandbox.
     *
     * @param request what
     * @param timeoutMs how long the answer may take
     * @return the answer, or null when the sandbox is gone
     * @throws IOException when it refuses; the message says why
     */
    public JsonObject ask(Map<String, String> request, long timeoutMs) throws IOException {
        return OciCommands.ask(state, new JsonObject(request), timeoutMs);
    }

    /**
     * Gets what its programs have changed in its root filesystem.
     *
     * @param target takes the archive; not closed
     * @return how many entries were written and skipped
     * @throws IOException when it keeps no changes apart, or the target fails
     */
    public JsonObject diff(OutputStream target) throws IOException {
        int socket;
        try {
            socket = ExecCommand.connect(state);
        } catch (ContainerException e) {
            throw new IOException(e.getMessage(), e);
        }
        try (Arena arena = Arena.ofConfined()) {
            long pipe = HostFile.pipe(Fcntl.O_CLOEXEC);
            if (pipe < 0) {
                throw new IOException("cannot make a pipe: " + Errno.of(-pipe).text());
            }
            int in = (int) pipe;
            int out = (int) (pipe >>> 32);
            try {
                JsonObject request = OciCommands.request("diff");
                request.put("id", state.id());
                ExecCommand.send(socket, request, List.of(out), arena);
                HostFile.close(out);
                out = -1;
                copy(in, target, arena.allocate(BUFFER_BYTES));
                return ExecCommand.result(socket, arena);
            } finally {
                HostFile.close(in);
                HostFile.close(out);
            }
        } finally {
            HostFile.close(socket);
        }
    }

    private static void copy(int from, OutputStream target, MemorySegment buffer) throws IOException {
        while (true) {
            long count = HostFile.read(from, buffer.address(), BUFFER_BYTES);
            if (count == 0) {
                return; // the sandbox has written everything, or ends
            }
            if (count > 0) {
                target.write(buffer.asSlice(0, count).toArray(ValueLayout.JAVA_BYTE));
            } else if (count != -Errno.EINTR.number()) {
                throw new IOException("cannot read from the sandbox: " + Errno.of(-count).text());
            }
        }
    }
}
