package dev.caisson.cli.oci;

import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonWriter;
import dev.caisson.oci.runtime.ContainerException;
import dev.caisson.oci.runtime.Status;
import java.io.IOException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** {@code caisson events}: what a container uses, in runc's form. */
final class EventsCommand {
    private static final Pattern TIME = Pattern.compile("(\\d{1,6})(ms|s|m|h)");
    private static final long ANSWER_MS = 60_000;

    private EventsCommand() {}

    static int run(OciLine line) throws IOException, ContainerException, InterruptedException {
        long pauseMs = interval(line.value("--interval", "5s"));
        while (true) {
            JsonObject answer;
            try {
                answer = OciCommands.running(line, OciCommands.request("stats"), ANSWER_MS);
            } catch (ContainerException e) {
                if (line.has("--stats")) {
                    throw e;
                }
                return 0; // the container is over, and with it its events
            }
            JsonObject event = new JsonObject();
            event.put("type", "stats");
            event.put("id", line.id());
            event.put("data", answer);
            System.out.println(JsonWriter.string(event));
            if (line.has("--stats")) {
                return 0;
            }
            System.out.flush();
            if (OciCommands.directory(line).state().status() == Status.STOPPED) {
                return 0;
            }
            Thread.sleep(pauseMs);
        }
    }

    private static long interval(String text) throws ContainerException {
        Matcher time = TIME.matcher(text);
        long ms = time.matches() ? Long.parseLong(time.group(1)) * switch (time.group(2)) {
            case "ms" -> 1;
            case "s" -> 1000;
            case "m" -> 60_000;
            default -> 3_600_000;
        } : 0;
        if (ms == 0) {
            throw new ContainerException("--interval is a time such as 5s or 500ms, more than 0, not " + text);
        }
        return ms;
    }
}
