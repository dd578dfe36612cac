package dev.caisson.control.lifecycle;

import com.grack.nanojson.JsonArray;
import com.grack.nanojson.JsonObject;
import dev.caisson.abi.ErrnoException;
import dev.caisson.control.SandboxException;
import dev.caisson.control.container.Container;
import dev.caisson.control.container.ContainerKernel;
import dev.caisson.control.container.ContainerLaunch;
import dev.caisson.control.container.HookPlace;
import dev.caisson.host.HostFile;
import dev.caisson.oci.runtime.ContainerDirectory;
import dev.caisson.oci.runtime.ContainerState;
import dev.caisson.oci.spec.OciConfig;
import dev.caisson.oci.spec.OciConfigException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The containers of one sandbox, and who answers for each. The first one is the sandbox's: it ends with it.
 *
 * <p>The request {@code create} makes one more container in the running kernel. With it come the other end of the socket of the process that
 * stands for the container on the host, trees of the host for its {@code places}, and the descriptors of its program.
 */
public final class Pod implements ContainerServer.Service, AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Pod.class);
    private static final long END_PATIENCE_MS = 5_000;

    /** A container with the thread that tells its process on the host of its end; null where that is this process. */
    private record Entry(ContainerLife life, Thread reporter) {}

    private final ContainerKernel kernel;
    /** In the order in which they came. Guarded by this. */
    private final Map<String, Entry> entries = new LinkedHashMap<>();
    private boolean isClosed;

    /**
     * For one kernel.
     *
     * @param kernel runs the containers
     */
    public Pod(ContainerKernel kernel) {
        this.kernel = kernel;
    }

    /**
     * Adds a container that this process stands for on the host.
     *
     * @param life the container
     */
    public synchronized void add(ContainerLife life) {
        entries.put(life.state().id(), new Entry(life, null));
        notifyAll();
    }

    /**
     * The sandbox's own container.
     *
     * @return the first one; waits until there is one
     * @throws InterruptedException when the calling thread is interrupted
     */
    public synchronized ContainerLife first() throws InterruptedException {
        while (entries.isEmpty()) {
            wait();
        }
        return entries.values().iterator().next().life;
    }

    @Override
    public ContainerServer.Reply answer(JsonObject request, List<Integer> descriptors) throws SandboxException {
        String command = request.getString("command", "");
        if (command.equals("create")) {
            return create(request, descriptors);
        }
        Entry entry;
        try {
            entry = find(request.getString("id", ""));
        } catch (SandboxException e) {
            descriptors.forEach(HostFile::close);
            throw e;
        }
        if (command.equals("delete")) {
            descriptors.forEach(HostFile::close);
            return delete(entry);
        }
        return entry.life.answer(request, descriptors);
    }

    private synchronized Entry find(String id) throws SandboxException {
        if (entries.isEmpty()) {
            throw new SandboxException("the container is being created", null);
        }
        Entry entry = id.isEmpty() ? entries.values().iterator().next() : entries.get(id);
        if (entry == null) {
            throw new SandboxException("container " + id + " is not in this sandbox", null);
        }
        return entry;
    }

    /** Takes a container's last traces out of the kernel. */
    private ContainerServer.Reply delete(Entry entry) throws SandboxException {
        synchronized (this) {
            if (entries.values().iterator().next() == entry) {
                throw new SandboxException("the sandbox's own container ends with the sandbox", null);
            }
        }
        entry.life.close();
        String id = entry.life.state().id();
        await(entry.reporter);
        synchronized (this) {
            entries.remove(id);
        }
        return ContainerServer.Reply.of(new JsonObject());
    }

    private ContainerServer.Reply create(JsonObject request, List<Integer> descriptors) throws SandboxException {
        List<Integer> left = new ArrayList<>(descriptors);
        int channel = -1;
        boolean isMade = false;
        Container container = null;
        try {
            ContainerState state = ContainerState.ofFile(request.getObject("state"));
            OciConfig config = OciConfig.parse(request.getString("config").getBytes(StandardCharsets.UTF_8), state.bundle());
            Path directory = Path.of(request.getString("directory"));
            synchronized (this) {
                if (entries.containsKey(state.id())) {
                    throw new SandboxException("container with given ID already exists: " + state.id(), null);
                }
            }
            JsonArray places = request.getArray("places", new JsonArray());
            if (left.size() < 1 + places.size() + 3) {
                throw new SandboxException("create comes with a socket, a tree for each place, and three streams", null);
            }
            channel = left.removeFirst();
            for (Object place : places) {
                kernel.places().add(Path.of((String) place), left.removeFirst());
            }
            PassedStdio stdio = new PassedStdio(left, false);
            left = List.of();
            container = ContainerLaunch.create(kernel, state.id(), config, stdio, state.process().pid(), hooks(config, state));
            ContainerLife life = new ContainerLife(container, config, new ContainerDirectory(kernel.places().of(directory)), state);
            isMade = add(life, channel);
            if (!isMade) {
                throw new SandboxException("the sandbox ends", null);
            }
            return ContainerServer.Reply.of(new JsonObject());
        } catch (OciConfigException | IOException | ErrnoException | RuntimeException e) {
            throw new SandboxException(e.getMessage() == null ? e.toString() : e.getMessage(), e);
        } finally {
            left.forEach(HostFile::close);
            if (!isMade) {
                if (container != null) {
                    container.close();
                }
                HostFile.close(channel);
            }
        }
    }

    /**
     * Runs the hooks of a container that is being made.
     *
     * @param config has them
     * @param state what they read
     * @return who runs them
     */
    public static HookPlace.Runner hooks(OciConfig config, ContainerState state) {
        return place -> GuestHooks.run("createContainer", config.hooks().createContainer(), state, place);
    }

    private synchronized boolean add(ContainerLife life, int channel) {
        if (isClosed) {
            return false;
        }
        entries.put(life.state().id(), new Entry(life, ContainerServer.attend(channel, life.attached())));
        notifyAll();
        return true;
    }

    private static void await(Thread reporter) {
        try {
            if (reporter != null) {
                reporter.join(END_PATIENCE_MS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** The sandbox ends: so do all containers but its own, whose processes on the host are told. */
    @Override
    public void close() {
        List<Entry> all;
        synchronized (this) {
            isClosed = true;
            all = new ArrayList<>(entries.values());
        }
        for (Entry entry : all) {
            if (entry.reporter != null) {
                log.info("{} ends with its sandbox", entry.life.state().id());
                entry.life.kill();
            }
        }
        all.forEach(entry -> await(entry.reporter));
    }
}
