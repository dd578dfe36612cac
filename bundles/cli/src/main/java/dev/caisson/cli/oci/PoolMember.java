package dev.caisson.cli.oci;

import com.grack.nanojson.JsonObject;
import dev.caisson.cli.Boot;
import dev.caisson.cli.sandbox.HostSide;
import dev.caisson.control.ProviderKind;
import dev.caisson.control.SandboxException;
import dev.caisson.control.container.ContainerKernel;
import dev.caisson.control.container.HostPlaces;
import dev.caisson.control.lifecycle.ContainerServer;
import dev.caisson.control.lifecycle.Pod;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostProcess;
import dev.caisson.oci.runtime.ContainerException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * This process becomes a sandbox of a {@link Pool}: all is there but a container. The first request {@code create} that comes makes it that
 * container's, for good.
 */
public final class PoolMember implements ContainerServer.Service {
    /** Starts the command line that makes one; no command of users. */
    public static final String NAME = "--pool-member";

    private final ContainerKernel kernel;
    private final Pod pod;
    private final LineRequests requests;
    /** Whether a container is being made or there; guarded by this, as the others. */
    private boolean isTaken;
    /** Whether it is there. */
    private boolean isMade;
    /** Whether there never will be one. */
    private boolean isEnding;

    private PoolMember(ContainerKernel kernel) {
        this.kernel = kernel;
        this.pod = new Pod(kernel);
        this.requests = new LineRequests(pod);
    }

    /**
     * Becomes it; ends with the container's program.
     *
     * @param directory its own in the pool
     * @return exit status when it could not be made
     * @throws SandboxException when it could not be made
     */
    public static int run(Path directory) throws SandboxException {
        HostSide host = HostSide.find();
        try {
            Descriptors descriptors = Descriptors.take(0);
            HostProcess.newSession();
            Boot.log(directory.resolve("sandbox.log"), false);
            String key = Pool.key(Boot.home());
            PoolMember member = new PoolMember(ContainerKernel.boot(Boot.prepare(Map.of()), ""));
            if ("host".equals(member.kernel.provider(ProviderKind.NETWORK))) {
                throw new SandboxException("the pool cannot be used with name=host in etc/caisson.network.cfg: its sandboxes are in a network before it is known"
                        + " which one that should be; run caisson pool stop", null);
            }
            ContainerServer server = ContainerServer.start(directory.resolve("control.sock"), member);
            new Pool.Member(directory, host.process(), host.own(), key).write();
            HostPlaces places = host.leave(Boot.home(), directory);
            if (places != null) {
                member.kernel.places(places);
            }
            host.seal();
            descriptors.report();
            int status = member.live();
            server.close();
            member.pod.close();
            member.kernel.close();
            host.end(status);
            throw new AssertionError("the end came back");
        } catch (IOException | ContainerException e) {
            throw new SandboxException(e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SandboxException("interrupted", e);
        }
    }

    /** Waits for the container, and for its end. */
    private int live() throws InterruptedException {
        synchronized (this) {
            while (!isMade && !isEnding) {
                wait();
            }
            if (!isMade) {
                return 0;
            }
        }
        return pod.first().awaitEnd();
    }

    @Override
    public ContainerServer.Reply answer(JsonObject request, List<Integer> descriptors) throws SandboxException {
        String command = request.getString("command", "");
        boolean isFirst = false;
        synchronized (this) {
            if (command.equals("end") && !isMade) {
                isEnding = true;
                notifyAll();
                descriptors.forEach(HostFile::close);
                return ContainerServer.Reply.of(new JsonObject());
            }
            if (command.equals("taken")) {
                descriptors.forEach(HostFile::close);
                return ContainerServer.Reply.of(JsonObject.builder().value("taken", isTaken).done());
            }
            if (request.getBoolean("take", false)) {
                if (isTaken || isEnding) {
                    descriptors.forEach(HostFile::close);
                    throw new SandboxException("this sandbox is somebody's already", null);
                }
                isTaken = true;
                isFirst = true;
                notifyAll();
            } else if (!isTaken) {
                descriptors.forEach(HostFile::close);
                throw new SandboxException("this sandbox has no container", null);
            }
        }
        if (!isFirst) {
            return requests.answer(request, descriptors);
        }
        boolean isDone = false;
        try {
            if (request.getLong("memory", 0) > 0) {
                kernel.limitMemory(request.getLong("memory"));
            }
            ContainerServer.Reply reply = pod.answer(request, descriptors);
            isDone = true;
            return reply;
        } finally {
            synchronized (this) {
                isMade = isDone;
                isEnding |= !isDone; // it has seen something of a container: nobody else gets it
                notifyAll();
            }
        }
    }
}
