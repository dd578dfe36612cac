package dev.caisson.cli.oci;

import com.grack.nanojson.JsonArray;
import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonParser;
import com.grack.nanojson.JsonParserException;
import com.grack.nanojson.JsonWriter;
import dev.caisson.abi.Errno;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostSocket;
import dev.caisson.oci.runtime.ContainerException;
import dev.caisson.oci.runtime.ContainerState;
import dev.caisson.oci.runtime.Status;
import dev.caisson.oci.spec.OciConfigException;
import dev.caisson.oci.spec.OciProcess;
import dev.caisson.oci.spec.OciProcess.ConsoleSize;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.List;

/**
 * {@code caisson exec}: sends streams and process to the sandbox, and then becomes, or leaves behind, the {@link Companion} of the new
 * process. No Java stays while that runs.
 */
final class ExecCommand {
    private static final long PATIENCE_MS = 60_000;
    private static final int MOST_ANSWER_BYTES = 1 << 20;

    private ExecCommand() {}

    static int run(OciLine line) throws IOException, ContainerException, OciConfigException {
        ContainerState state = OciCommands.directory(line).state();
        if (state.status() == Status.STOPPED) {
            throw new ContainerException("cannot exec in a stopped container");
        }
        JsonObject request = request(line, line.value("--process", "").isEmpty() ? null : Files.readString(line.path("--process"), StandardCharsets.UTF_8));
        request.put("id", state.id());
        boolean isDetached = line.has("--detach");
        boolean hasTerminal = request.getBoolean("tty", false);
        Descriptors descriptors = Descriptors.take(line.number("--preserve-fds"));
        if (hasTerminal && !isDetached) {
            descriptors.requireTerminal();
        }
        int socket = connect(state);
        if (isDetached) {
            OciProcess process = request.has("process") ? OciProcess.parse(request.getString("process")) : null;
            detach(line, socket, request, descriptors, hasTerminal, process == null ? null : process.consoleSize());
            return 0;
        }
        request.put("foreground", true);
        request.put("companion", ProcessHandle.current().pid());
        HostCgroup.enter(OciCommands.directory(line).path(), ProcessHandle.current().pid());
        ask(socket, request, descriptors.all());
        if (!line.value("--pid-file", "").isEmpty()) {
            Descriptors.writePid(line.path("--pid-file"), ProcessHandle.current().pid());
        }
        System.out.flush();
        Companion.become(socket, title(request));
        throw new AssertionError("becoming the companion came back");
    }

    /**
     * Leaves a companion behind. It leads the session of the terminal before anybody has the other side, and is there before the process: what
     * is typed early is not lost.
     */
    private static void detach(OciLine line, int socket, JsonObject request, Descriptors descriptors, boolean hasTerminal, ConsoleSize size)
            throws IOException, ContainerException, OciConfigException {
        List<Integer> passed = descriptors.all();
        Descriptors.Pair pair = hasTerminal ? Descriptors.newTerminal(size) : null;
        if (pair != null) {
            for (int fd = 0; fd < 3; fd++) {
                passed.set(fd, pair.slave());
            }
        }
        Companion companion = Companion.spawn(socket, title(request), pair == null ? -1 : pair.slave());
        boolean isBegun = false;
        try {
            if (pair != null) {
                pair.send(line.path("--console-socket"));
            }
            request.put("companion", companion.pid());
            HostCgroup.enter(OciCommands.directory(line).path(), companion.pid());
            ask(socket, request, passed);
            if (!line.value("--pid-file", "").isEmpty()) {
                Descriptors.writePid(line.path("--pid-file"), companion.pid());
            }
            companion.begin();
            isBegun = true;
        } finally {
            if (!isBegun) {
                companion.dismiss();
            }
        }
    }

    /** What lists of processes show: the program and its arguments. */
    static String title(JsonObject request) throws OciConfigException {
        if (request.has("process")) {
            return String.join(" ", OciProcess.parse(request.getString("process")).args());
        }
        return String.join(" ", request.getArray("args").stream().map(String::valueOf).toList());
    }

    /**
     * What a line wants.
     *
     * @param line the command
     * @param text of the file that --process names, or null
     * @return the request, without the container's name and who stands for the process on the host
     */
    static JsonObject request(OciLine line, String text) throws ContainerException, OciConfigException {
        JsonObject request = ofLine(line, text);
        boolean isDetached = line.has("--detach");
        boolean hasTerminal = request.getBoolean("tty", false);
        boolean hasSocket = !line.value("--console-socket", "").isEmpty();
        if (hasTerminal && isDetached && !hasSocket) {
            throw new ContainerException("cannot allocate tty if runc will detach without setting console socket: name a socket with "
                    + "--console-socket");
        }
        if (hasSocket && (!hasTerminal || !isDetached)) {
            throw new ContainerException("cannot use console socket if runc will not detach or allocate tty");
        }
        return request;
    }

    private static JsonObject ofLine(OciLine line, String text) throws ContainerException, OciConfigException {
        JsonObject request = OciCommands.request("exec");
        request.put("ignorePaused", line.has("--ignore-paused"));
        List<String> command = line.words().subList(1, line.words().size());
        if (text != null) {
            for (String option : List.of("--cwd", "--env", "--user", "--additional-gids", "--cap", "--no-new-privs")) {
                if (!line.all(option).isEmpty()) {
                    throw new ContainerException(option + " is of no use with --process, whose file says it all");
                }
            }
            if (!command.isEmpty()) {
                throw new ContainerException("a command is of no use with --process, whose file says it all: " + OciLine.text(command.getFirst()));
            }
            OciProcess process = OciProcess.parse(text);
            if (line.has("--tty") && !process.terminal()) {
                throw new ContainerException("--tty, but terminal is false in " + line.path("--process"));
            }
            request.put("tty", process.terminal());
            request.put("process", text);
            return request;
        }
        if (command.isEmpty()) {
            throw new ContainerException("process args cannot be empty: caisson exec CONTAINER COMMAND [ARG...]");
        }
        request.put("tty", line.has("--tty"));
        request.put("args", texts(command));
        request.put("env", texts(line.all("--env")));
        for (String entry : line.all("--env")) {
            if (entry.indexOf('=') <= 0) {
                throw new ContainerException("--env takes NAME=value, not " + OciLine.text(entry));
            }
        }
        request.put("caps", texts(line.all("--cap")));
        request.put("noNewPrivileges", line.has("--no-new-privs"));
        String cwd = line.value("--cwd", "");
        if (!cwd.isEmpty()) {
            if (!cwd.startsWith("/")) {
                throw new ContainerException("--cwd is an absolute path in the container, not " + OciLine.text(cwd));
            }
            request.put("cwd", OciLine.text(cwd));
        }
        String user = line.value("--user", "");
        if (!user.isEmpty()) {
            int colon = user.indexOf(':');
            request.put("uid", number("--user", colon < 0 ? user : user.substring(0, colon)));
            if (colon >= 0) {
                request.put("gid", number("--user", user.substring(colon + 1)));
            }
        }
        if (!line.all("--additional-gids").isEmpty()) {
            JsonArray groups = new JsonArray();
            for (String each : line.all("--additional-gids")) {
                groups.add(number("--additional-gids", each));
            }
            request.put("groups", groups);
        }
        return request;
    }

    private static JsonArray texts(List<String> raw) {
        JsonArray texts = new JsonArray();
        raw.forEach(each -> texts.add(OciLine.text(each)));
        return texts;
    }

    private static String number(String option, String text) throws ContainerException {
        try {
            return Integer.toUnsignedString(Integer.parseUnsignedInt(text));
        } catch (NumberFormatException e) {
            throw new ContainerException(option + " takes numbers, not " + OciLine.text(text), e);
        }
    }

    /** Connects to the sandbox of a container. */
    static int connect(ContainerState state) throws IOException, ContainerException {
        String raw = new String(state.socket().toString().getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
        long socket = HostSocket.connectUnix(raw);
        if (socket < 0) {
            throw new ContainerException("cannot exec: the container's sandbox does not listen any more (" + Errno.of(-socket).text() + ")");
        }
        HostSocket.setTimeout((int) socket, PATIENCE_MS);
        return (int) socket;
    }

    /** Sends the descriptors, each with a blank, and the request, and waits for the answer. */
    static void ask(int socket, JsonObject request, List<Integer> descriptors) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            send(socket, request, descriptors, arena);
            result(socket, arena);
        }
    }

    /** Sends the descriptors and the request. */
    static void send(int socket, JsonObject request, List<Integer> descriptors, Arena arena) throws IOException {
        MemorySegment blank = arena.allocateFrom(" ");
        for (int fd : descriptors) {
            checked(HostSocket.send(socket, blank.address(), 1, 0, 0, fd));
        }
        byte[] line = (JsonWriter.string(request) + "\n").getBytes(StandardCharsets.UTF_8);
        MemorySegment bytes = arena.allocate(line.length);
        bytes.copyFrom(MemorySegment.ofArray(line));
        for (long done = 0; done < line.length;) {
            done += checked(HostSocket.send(socket, bytes.address() + done, line.length - done, 0, 0, -1));
        }
    }

    /** Waits for the answer. */
    static JsonObject result(int socket, Arena arena) throws IOException {
        try {
            JsonObject answer = JsonParser.object().from(answer(socket, arena));
            if (answer.has("error")) {
                throw new IOException(answer.getString("error"));
            }
            return answer;
        } catch (JsonParserException e) {
            throw new IOException("the sandbox answered with something that is no JSON object", e);
        }
    }

    /** One byte at a time: what follows the line is for the companion. */
    private static String answer(int socket, Arena arena) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        MemorySegment next = arena.allocate(1);
        while (line.size() < MOST_ANSWER_BYTES) {
            long count = HostSocket.receive(socket, next.address(), 1, HostFile::close);
            if (count == -Errno.EINTR.number()) {
                continue;
            }
            if (checked(count) == 0) {
                throw new IOException("the sandbox ended before it answered");
            }
            byte value = next.get(ValueLayout.JAVA_BYTE, 0);
            if (value == '\n') {
                return line.toString(StandardCharsets.UTF_8);
            }
            line.write(value);
        }
        throw new IOException("the sandbox answers without end");
    }

    private static long checked(long result) throws IOException {
        if (result < 0) {
            throw new IOException("cannot talk to the sandbox: " + Errno.of(-result).text());
        }
        return result;
    }
}
