package dev.caisson.cli.oci;

import com.grack.nanojson.JsonArray;
import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonWriter;
import dev.caisson.control.SandboxException;
import dev.caisson.control.remote.ContainerClient;
import dev.caisson.control.remote.RuntimeDirectory;
import dev.caisson.oci.runtime.ContainerDirectory;
import dev.caisson.oci.runtime.ContainerException;
import dev.caisson.oci.runtime.ContainerState;
import dev.caisson.oci.runtime.ContainerStore;
import dev.caisson.oci.runtime.IdMaps;
import dev.caisson.oci.runtime.SignalNames;
import dev.caisson.oci.runtime.Status;
import dev.caisson.oci.spec.OciConfig;
import dev.caisson.oci.spec.OciConfigException;
import dev.caisson.oci.spec.OciDefaults;
import dev.caisson.oci.spec.OciFeatures;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The commands of OCI runtimes. Those that ask a running sandbox need no native code and no framework. */
public final class OciCommands {
    /** The status of failures, as runc's. */
    private static final int FAILED = 1;
    /** That of an exec whose program did not start. */
    private static final int NOT_EXECUTED = 255;
    private static final long ANSWER_MS = 60_000;
    private static final long FOR_EVER_MS = Long.MAX_VALUE / 2_000_000;

    private OciCommands() {}

    /** Shows sandboxes that are no containers, together with those that are. */
    public interface Lister {
        /**
         * Prints a list.
         *
         * @param root where they are
         * @param containers states of the containers
         * @param format table or json
         * @param isQuiet whether only names are wanted
         * @return exit status
         * @throws SandboxException when it cannot be made
         */
        int list(Path root, JsonArray containers, String format, boolean isQuiet) throws SandboxException;

        /**
         * Shows a sandbox that is no container.
         *
         * @param root where they are
         * @param id its name
         * @return exit status
         * @throws SandboxException when there is none
         */
        int state(Path root, String id) throws SandboxException;
    }

    /**
     * Runs a command.
     *
     * @param line the command
     * @param lister for list and state
     * @return exit status
     * @throws InterruptedException when the thread is interrupted
     */
    public static int run(OciLine line, Lister lister) throws InterruptedException {
        if (line.isHelp()) {
            System.out.print(OciSyntax.usage(line.command()));
            return 0;
        }
        try {
            return dispatch(line, lister);
        } catch (ContainerException | OciConfigException | SandboxException | IOException e) {
            String message = e.getMessage() == null ? e.toString() : e.getMessage().replace('\n', ' ');
            fail(line, line.command() + (line.id().isEmpty() ? "" : " " + line.id().replaceAll("\\p{Cntrl}", "?")) + ": " + message);
            return line.command().equals("exec") ? NOT_EXECUTED : FAILED;
        }
    }

    private static int fail(OciLine line, String message) {
        System.err.println("caisson: " + message);
        line.log().write("error", message);
        return FAILED;
    }

    /**
     * The line is wrong.
     *
     * @param args the line
     * @param e what is wrong
     * @return exit status
     */
    public static int refuse(List<String> args, ContainerException e) {
        System.err.println("caisson: " + e.getMessage());
        // The log that the line names, if so much of it can be read: clients look there.
        int at = args.indexOf("--log");
        if (at >= 0 && at + 1 < args.size()) {
            boolean isJson = String.join(" ", args).matches(".*--log-format[= ]json.*");
            new dev.caisson.oci.runtime.RuntimeLog(Path.of(OciLine.text(args.get(at + 1))), isJson).write("error", e.getMessage());
        }
        return FAILED;
    }

    private static int dispatch(OciLine line, Lister lister)
            throws ContainerException, OciConfigException, SandboxException, IOException, InterruptedException {
        if ("false".equals(line.value("--rootless", "auto")) && !"spec".equals(line.command()) && uid() != 0) {
            throw new ContainerException("--rootless=false: this process is not root's");
        }
        return switch (line.command()) {
            case "create", "run" -> System.getenv(PooledCommand.VARIABLE) == null ? SandboxCommand.run(line) : PooledCommand.run(line);
            case "exec" -> ExecCommand.run(line);
            case "start" -> start(line);
            case "state" -> state(line, lister);
            case "kill" -> kill(line);
            case "delete" -> DeleteCommand.run(line);
            case "list" -> list(line, lister);
            case "ps" -> processes(line);
            case "pause", "resume" -> pause(line);
            case "events" -> EventsCommand.run(line);
            case "update" -> UpdateCommand.run(line);
            case "wait" -> await(line);
            case "spec" -> spec(line);
            case "features" -> {
                System.out.println(OciFeatures.json(version()));
                yield 0;
            }
            default -> throw new IllegalStateException(line.command());
        };
    }

    private static String version() {
        String version = OciCommands.class.getPackage().getImplementationVersion();
        return version == null ? "unpackaged" : version;
    }

    static int uid() throws IOException {
        return (Integer) Files.getAttribute(Path.of("/proc/self"), "unix:uid");
    }

    /**
     * The name of a file's owner on the host: in the namespaces of a sandbox, an ordinary user is called root.
     *
     * @param file the file
     * @return the name, or as runc says it, the number of a user without one
     * @throws IOException when there is no such file
     */
    static String owner(Path file) throws IOException {
        long user = Integer.toUnsignedLong((Integer) Files.getAttribute(file, "unix:uid"));
        String number = Long.toString(IdMaps.outside(IdMaps.read(Path.of("/proc/self/uid_map")), user));
        String name = file.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByName(number).getName();
        return name.equals(number) ? "#" + number : name;
    }

    static ContainerStore store(OciLine line) throws IOException {
        return new ContainerStore(RuntimeDirectory.of(line.path("--root")).path());
    }

    static ContainerDirectory directory(OciLine line) throws IOException, ContainerException {
        return store(line).find(line.id());
    }

    /**
     * Asks a container's sandbox.
     *
     * @param state of the container
     * @param request what
     * @param timeoutMs how long the answer may take
     * @return the answer, or null when the sandbox is gone
     */
    static JsonObject ask(ContainerState state, JsonObject request, long timeoutMs) throws IOException {
        request.put("id", state.id());
        return new ContainerClient(state.socket(), timeoutMs).ask(request);
    }

    static JsonObject request(String command) {
        JsonObject request = new JsonObject();
        request.put("command", command);
        return request;
    }

    private static int start(OciLine line) throws IOException, ContainerException {
        ContainerState state = directory(line).state();
        switch (state.status()) {
            case CREATED -> { }
            case STOPPED -> throw new ContainerException("cannot start a container that has stopped");
            case CREATING -> throw new ContainerException("cannot start a container that is being created");
            case PAUSED -> throw new ContainerException("cannot start a container in the paused state");
            default -> throw new ContainerException("cannot start an already running container");
        }
        startProgram(line, state);
        return 0;
    }

    /** Starts the program of a container that was created, and runs the hooks for that: one that fails is told in the log, and changes nothing. */
    static void startProgram(OciLine line, ContainerState state) throws IOException, ContainerException {
        if (ask(state, request("start"), FOR_EVER_MS) == null) {
            throw new ContainerException("cannot start a container that has stopped");
        }
        Hooks.afterwards("poststart", line, directory(line), state.with(Status.RUNNING, ContainerState.NONE));
    }

    private static int state(OciLine line, Lister lister) throws IOException, ContainerException, SandboxException {
        ContainerStore store = store(line);
        ContainerDirectory directory = store.find(line.id());
        if (!Files.exists(directory.path()) && Files.exists(store.root().resolve(line.id() + ".sock"))) {
            return lister.state(line.path("--root"), line.id());
        }
        System.out.println(JsonWriter.indent("  ").string().value(directory.state().toJson()).done());
        return 0;
    }

    private static int kill(OciLine line) throws IOException, ContainerException {
        ContainerState state = directory(line).state();
        int signal;
        try {
            signal = SignalNames.number(line.words().size() > 1 ? line.words().get(1) : "TERM");
        } catch (IllegalArgumentException e) {
            throw new ContainerException(e.getMessage(), e);
        }
        JsonObject request = request("kill");
        request.put("signal", signal);
        request.put("all", line.has("--all"));
        if (state.status() == Status.STOPPED || ask(state, request, ANSWER_MS) == null) {
            if (line.has("--all")) {
                return 0; // there is nobody left, which is what was wanted
            }
            throw new ContainerException("container not running");
        }
        return 0;
    }

    private static int list(OciLine line, Lister lister) throws IOException, SandboxException, ContainerException {
        String format = line.value("--format", "table");
        if (!format.equals("table") && !format.equals("json")) {
            throw new ContainerException("invalid format " + format + "; there are: table, json");
        }
        ContainerStore store = store(line);
        JsonArray states = new JsonArray();
        int status = 0;
        for (String id : store.ids()) {
            try {
                states.add(store.find(id).state().toJson());
            } catch (ContainerException e) {
                if (Files.exists(store.find(id).path())) {
                    status = fail(line, e.getMessage());
                }
            }
        }
        return Math.max(status, lister.list(line.path("--root"), states, format, line.has("--quiet")));
    }

    private static int processes(OciLine line) throws IOException, ContainerException {
        String format = line.value("--format", "table");
        if (!format.equals("table") && !format.equals("json")) {
            throw new ContainerException("invalid format " + format + "; there are: table, json");
        }
        if (line.words().size() > 1 && !line.words().get(1).equals("-ef")) {
            throw new ContainerException("the host's ps sees none of the container's processes, so of its options only -ef is known, not "
                    + line.words().get(1));
        }
        ContainerState state = directory(line).state();
        JsonObject answer = state.status() == Status.STOPPED ? null : ask(state, request("processes"), ANSWER_MS);
        if (answer == null) {
            answer = JsonObject.builder().array("processes").end().done(); // who has stopped has none, as runc says it
        } else if (format.equals("json")) {
            JsonArray host = answer.getArray("companions");
            // Behind a launcher, the sandbox is what works, and what has a title.
            long first = state.process().pid();
            long sandbox = state.sandbox().pid();
            boolean isBehind = ProcessHandle.of(sandbox).flatMap(ProcessHandle::parent).filter(each -> each.pid() == first).isPresent();
            host.addFirst(isBehind ? sandbox : first);
        }
        if (format.equals("json")) {
            System.out.println(JsonWriter.string(answer.getArray("companions", new JsonArray())));
            return 0;
        }
        StringBuilder table = new StringBuilder(String.format("%-8s %6s %6s %8s CMD%n", "UID", "PID", "PPID", "TIME"));
        for (Object each : answer.getArray("processes")) {
            JsonObject process = (JsonObject) each;
            long seconds = process.getLong("seconds");
            table.append(String.format("%-8s %6d %6d %02d:%02d:%02d %s%n", process.getString("uid"), process.getInt("pid"),
                    process.getInt("ppid"), seconds / 3600, seconds / 60 % 60, seconds % 60,
                    process.getString("command", "").replaceAll("\\p{Cntrl}", " ").strip()));
        }
        System.out.print(table);
        return 0;
    }

    /** Asks a container whose processes are there. */
    static JsonObject running(OciLine line, JsonObject request, long timeoutMs) throws IOException, ContainerException {
        ContainerState state = directory(line).state();
        JsonObject answer = state.status() == Status.STOPPED ? null : ask(state, request, timeoutMs);
        if (answer == null) {
            throw new ContainerException("container not running");
        }
        return answer;
    }

    private static int pause(OciLine line) throws IOException, ContainerException {
        Status status = directory(line).state().status();
        boolean isPause = line.command().equals("pause");
        if (isPause ? status != Status.RUNNING && status != Status.CREATED : status != Status.PAUSED) {
            throw new ContainerException(isPause ? "container not running or created: " + status.word() : "container not paused");
        }
        running(line, request(line.command()), ANSWER_MS);
        return 0;
    }

    private static int await(OciLine line) throws IOException, ContainerException {
        ContainerDirectory directory = directory(line);
        ContainerState state = directory.state();
        JsonObject answer = state.status() == Status.STOPPED ? null : ask(state, request("wait"), FOR_EVER_MS);
        if (answer == null) {
            state.process().awaitEnd(ANSWER_MS); // it notes how its sandbox ended
        }
        int status = answer != null ? answer.getInt("status") : directory.state().waitStatus();
        if (status == ContainerState.NONE) {
            status = DeleteCommand.SIGKILL; // the sandbox was lost: so ended what stood for the program
        }
        int signal = status & 0x7f;
        JsonObject json = new JsonObject();
        json.put("id", line.id());
        json.put("exitStatus", signal == 0 ? status >> 8 : 128 + signal);
        System.out.println(JsonWriter.string(json));
        return 0;
    }

    private static int spec(OciLine line) throws IOException, ContainerException {
        Path bundle = line.value("--bundle", "").isEmpty() ? Path.of("").toAbsolutePath() : line.path("--bundle");
        Path file = bundle.resolve(OciConfig.FILE);
        if (Files.exists(file)) {
            throw new ContainerException("File " + file + " exists. Remove it first");
        }
        Files.writeString(file, OciDefaults.config(line.has("--rootless"), uid(), (Integer) Files.getAttribute(Path.of("/proc/self"), "unix:gid")));
        return 0;
    }
}
