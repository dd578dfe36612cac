package dev.caisson.cli;

import com.grack.nanojson.JsonArray;
import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonWriter;
import dev.caisson.cli.oci.OciCommands;
import dev.caisson.cli.oci.RunningContainer;
import dev.caisson.control.SandboxException;
import dev.caisson.control.remote.ControlClient;
import dev.caisson.control.remote.RuntimeDirectory;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Commands that ask running sandboxes: {@code caisson list}, {@code state} and {@code swap}. No framework, no native code. */
final class ControlCommands implements OciCommands.Lister {
    private static final long STATE_TIMEOUT_MS = 5_000;
    /** The sandbox may have to start its container first. */
    private static final long SWAP_TIMEOUT_MS = 30_000;
    private static final Map<String, String> STATE = Map.of("command", "state");
    /** First those of runc, for containers; then those of other sandboxes. */
    private static final List<String> COLUMNS = List.of("id", "pid", "status", "bundle", "created", "owner", "platform", "rootfs", "upper", "network",
            "syscalls", "command");

    /** Columns that are not named like their values. */
    private static final Map<String, String> KEYS = Map.of("upper", "rootfsUpper");

    @Override
    public int list(Path root, JsonArray containers, String format, boolean isQuiet) throws SandboxException {
        try {
            RuntimeDirectory directory = RuntimeDirectory.of(root);
            ControlClient client = new ControlClient(directory, STATE_TIMEOUT_MS);
            JsonArray states = new JsonArray(containers);
            int status = 0;
            for (String name : directory.names()) {
                try {
                    JsonObject state = client.ask(name, STATE);
                    if (state != null) {
                        states.add(state);
                    }
                } catch (IOException e) {
                    System.err.println("caisson: " + name + ": " + e.getMessage());
                    status = SandboxException.OWN_FAILURE;
                }
            }
            if (isQuiet) {
                states.forEach(state -> System.out.println(((JsonObject) state).getString("id")));
            } else {
                System.out.println(format.equals("json") ? JsonWriter.indent("  ").string().value(states).done() : table(states));
            }
            return status;
        } catch (IOException e) {
            throw new SandboxException(e.getMessage(), e);
        }
    }

    @Override
    public int state(Path root, String id) throws SandboxException {
        System.out.println(JsonWriter.indent("  ").string().value(ask(root, id, STATE, STATE_TIMEOUT_MS)).done());
        return 0;
    }

    static int swap(Command.Swap command) throws SandboxException {
        Map<String, String> request = new LinkedHashMap<>(Map.of("command", "swap", "kind", CallerProcess.decoded(command.kind()), "name",
                command.name()));
        if (command.source() != null) {
            request.put("source", CallerProcess.decoded(command.source()));
        }
        command.options().forEach((name, value) -> request.put("option." + name, CallerProcess.decoded(value)));
        JsonObject answer;
        try {
            RunningContainer container = RunningContainer.find(command.root(), command.id());
            answer = container == null ? ask(command.root(), command.id(), request, SWAP_TIMEOUT_MS) : container.ask(request, SWAP_TIMEOUT_MS);
        } catch (IOException e) {
            throw new SandboxException(e.getMessage(), e);
        }
        if (answer == null) {
            throw new SandboxException("container " + command.id() + " is not running", null);
        }
        System.out.println(report(command, answer));
        return 0;
    }

    /** A line, and one more for each file that stayed behind. */
    static String report(Command.Swap command, JsonObject report) {
        String pause = ", pause " + report.getString("pauseMs") + " ms";
        if (!command.isFileSystem()) {
            return command.id() + ": " + command.kind() + " is now " + report.getString("to") + ", was " + report.getString("from") + pause;
        }
        String from = report.getString("from");
        StringBuilder text = new StringBuilder("swapped ").append(cell(command.kind())).append(' ').append(from).append(" -> ").append(report.getString("to")).append(pause);
        JsonArray stayed = report.getArray("stayed", new JsonArray());
        if (!stayed.isEmpty()) {
            text.append(", ").append(stayed.size()).append(stayed.size() == 1 ? " file stays" : " files stay").append(" with ").append(from)
                    .append(" until closed:");
            stayed.forEach(file -> text.append("\n  ").append(cell(file)));
        }
        return text.toString();
    }

    private static JsonObject ask(Path root, String name, Map<String, String> request, long timeoutMs)
            throws SandboxException {
        try {
            RuntimeDirectory directory = RuntimeDirectory.of(root);
            JsonObject answer = new ControlClient(directory, timeoutMs).ask(name, request);
            if (answer == null) {
                throw missing(directory, name);
            }
            return answer;
        } catch (IOException | IllegalArgumentException e) {
            throw new SandboxException(e.getMessage(), e);
        }
    }

    static SandboxException missing(RuntimeDirectory directory, String name) {
        List<String> names = directory.names();
        return new SandboxException("no sandbox named " + name + " runs; there are: " + (names.isEmpty() ? "none" : String.join(", ", names)), null);
    }

    /** Columns as wide as their widest cell; the last one as it comes. */
    static String table(JsonArray states) {
        List<List<String>> rows = new ArrayList<>();
        rows.add(COLUMNS.stream().map(column -> column.toUpperCase(Locale.ROOT)).toList());
        for (Object state : states) {
            rows.add(COLUMNS.stream().map(column -> cell(((JsonObject) state).get(KEYS.getOrDefault(column, column)))).toList());
        }
        StringBuilder text = new StringBuilder();
        for (List<String> row : rows) {
            if (!text.isEmpty()) {
                text.append('\n');
            }
            for (int column = 0; column < COLUMNS.size(); column++) {
                String cell = row.get(column);
                text.append(cell);
                if (column < COLUMNS.size() - 1) {
                    int index = column;
                    int width = rows.stream().mapToInt(other -> other.get(index).length()).max().orElse(0);
                    text.append(" ".repeat(width - cell.length() + 2));
                }
            }
        }
        return text.toString();
    }

    /** Control characters in a program's arguments must not reach the terminal. */
    private static String cell(Object value) {
        if (value == null) {
            return "-";
        }
        String text = value instanceof JsonArray words ? String.join(" ", words.stream().map(String::valueOf).toList()) : value.toString();
        return text.replaceAll("\\p{Cntrl}", "?");
    }
}
