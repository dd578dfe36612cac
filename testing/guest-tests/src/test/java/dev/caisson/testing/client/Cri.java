package dev.caisson.testing.client;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** What of Kubernetes' container runtime interface the tests call: field numbers are those of runtime/v1/api.proto. */
final class Cri {
    static final long CREATED = 0, RUNNING = 1, EXITED = 2;
    private static final String SERVICE = "/runtime.v1.RuntimeService/";
    private static final long NODE = 2; // NamespaceMode: the host's
    private static final long PATIENCE_S = 180;

    private final Grpc grpc;
    private final Engine engine;

    Cri(Path socket, Engine engine) {
        grpc = new Grpc(socket);
        this.engine = engine;
    }

    private Wire call(String method, Wire request) throws IOException {
        try {
            return grpc.call(SERVICE + method, request);
        } catch (Grpc.Failure e) {
            throw new IOException(e.getMessage() + "\n" + engine.complaints(), e);
        }
    }

    String version() throws IOException {
        return call("Version", new Wire()).text(2);
    }

    /** A configuration of a pod: on the host's network and so under its name, with the host's logs below a directory. */
    static Wire pod(String name, Path logs) {
        Wire namespaces = new Wire().add(1, NODE);
        return new Wire().add(1, new Wire().add(1, name).add(2, name + "-uid").add(3, "default")).add(3, logs.toString())
                .add(8, new Wire().add(2, new Wire().add(1, namespaces)));
    }

    String runPod(Wire pod) throws IOException {
        return call("RunPodSandbox", new Wire().add(1, pod).add(2, "caisson")).text(1);
    }

    String createContainer(String podId, Wire pod, String name, boolean hasInput, String... command) throws IOException {
        return createContainer(podId, pod, name, hasInput, 0, command);
    }

    /** With a limit of memory in bytes, 0 for none. */
    String createContainer(String podId, Wire pod, String name, boolean hasInput, long memory, String... command) throws IOException {
        Wire container = new Wire().add(1, new Wire().add(1, name)).add(2, new Wire().add(1, TestImage.NAME)).all(3, List.of(command))
                .add(11, name + ".log").add(12, hasInput ? 1 : 0)
                .add(15, new Wire().add(1, new Wire().add(4, memory)).add(2, new Wire().add(3, new Wire().add(1, NODE))));
        return call("CreateContainer", new Wire().add(1, podId).add(2, container).add(3, pod)).text(1);
    }

    void start(String container) throws IOException {
        call("StartContainer", new Wire().add(1, container));
    }

    void stop(String container, long seconds) throws IOException {
        call("StopContainer", new Wire().add(1, container).add(2, seconds));
    }

    void remove(String container) throws IOException {
        call("RemoveContainer", new Wire().add(1, container));
    }

    void stopPod(String pod) throws IOException {
        call("StopPodSandbox", new Wire().add(1, pod));
    }

    void removePod(String pod) throws IOException {
        call("RemovePodSandbox", new Wire().add(1, pod));
    }

    Wire status(String container) throws IOException {
        return call("ContainerStatus", new Wire().add(1, container)).message(1);
    }

    long state(String container) throws IOException {
        return status(container).number(3);
    }

    String reason(String container) throws IOException {
        return status(container).text(10);
    }

    long exitCode(String container) throws IOException {
        return status(container).number(7);
    }

    /** {@return output, errors and exit code of a command} */
    String execSync(String container, String... command) throws IOException {
        Wire answer = call("ExecSync", new Wire().add(1, container).all(2, List.of(command)));
        return answer.text(1) + answer.text(2) + answer.number(3);
    }

    /** {@return where to talk to a command} */
    String exec(String container, String... command) throws IOException {
        return call("Exec", new Wire().add(1, container).all(2, List.of(command)).add(4, 1).add(5, 1).add(6, 1)).text(1);
    }

    /** {@return where to talk to a container's program} */
    String attach(String container) throws IOException {
        return call("Attach", new Wire().add(1, container).add(2, 1).add(4, 1).add(5, 1)).text(1);
    }

    /** A stream of exec or attach by WebSocket: the first byte of each message is the channel, 0 to 2 as descriptors, 3 for the end. */
    static final class Session implements WebSocket.Listener, AutoCloseable {
        private final ByteArrayOutputStream output = new ByteArrayOutputStream();
        private final CompletableFuture<Void> over = new CompletableFuture<>();
        private final WebSocket socket;
        private final HttpClient client = HttpClient.newHttpClient();

        Session(String url) {
            socket = client.newWebSocketBuilder().subprotocols("v4.channel.k8s.io")
                    .buildAsync(URI.create(url.replaceFirst("^http", "ws")), this).join();
        }

        void send(String text) {
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            socket.sendBinary(ByteBuffer.allocate(1 + bytes.length).put((byte) 0).put(bytes).flip(), true).join();
        }

        @Override
        public CompletionStage<?> onBinary(WebSocket from, ByteBuffer data, boolean isLast) {
            byte[] bytes = new byte[data.remaining()];
            data.get(bytes);
            synchronized (output) {
                if (bytes.length > 1) {
                    output.write(bytes, 1, bytes.length - 1);
                    output.notifyAll();
                }
            }
            from.request(1);
            return null;
        }

        @Override
        public CompletionStage<?> onClose(WebSocket from, int code, String reason) {
            over.complete(null);
            return null;
        }

        @Override
        public void onError(WebSocket from, Throwable error) {
            over.complete(null);
        }

        /** {@return everything that came, when the text is in it} */
        String await(String text) throws InterruptedException {
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S);
            synchronized (output) {
                while (!output.toString(StandardCharsets.UTF_8).contains(text) && System.nanoTime() < deadline) {
                    output.wait(1000);
                }
                return output.toString(StandardCharsets.UTF_8);
            }
        }

        /** {@return everything, when the other side has closed} */
        String all() throws InterruptedException, ExecutionException, TimeoutException {
            over.get(PATIENCE_S, TimeUnit.SECONDS);
            synchronized (output) {
                return output.toString(StandardCharsets.UTF_8);
            }
        }

        @Override
        public void close() {
            socket.abort();
            client.shutdownNow();
        }
    }
}
