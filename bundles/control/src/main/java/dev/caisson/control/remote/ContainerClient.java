package dev.caisson.control.remote;

import com.grack.nanojson.JsonObject;
import java.io.IOException;
import java.net.ConnectException;
import java.net.SocketException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;

/** Asks the sandbox of a container, over the socket that its state names. No native code. */
public final class ContainerClient {
    private final Path socket;
    private final long timeoutMs;

    /**
     * Makes a client.
     *
     * @param socket where the sandbox listens
     * @param timeoutMs how long an answer may take
     */
    public ContainerClient(Path socket, long timeoutMs) {
        this.socket = socket;
        this.timeoutMs = timeoutMs;
    }

    /**
     * Sends a request and waits for the answer.
     *
     * @param request an object
     * @return the answer, or null when no sandbox listens any more, or none answered before it ended
     * @throws IOException when the sandbox refuses or does not answer in time; the message is for the person who asked
     */
    public JsonObject ask(JsonObject request) throws IOException {
        try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
            return ControlClient.ask(channel, request, timeoutMs);
        } catch (ConnectException e) {
            return null;
        } catch (SocketException e) {
            if (Files.exists(socket)) {
                throw e;
            }
            return null; // removed at its end
        }
    }
}
