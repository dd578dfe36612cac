package dev.caisson.cli.oci;

import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonWriter;
import dev.caisson.oci.cgroup.ControlGroup;
import dev.caisson.oci.runtime.ContainerException;
import dev.caisson.oci.runtime.PodMembership;
import dev.caisson.oci.runtime.Status;
import java.io.IOException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** {@code caisson events}: what a container uses, in runc's form, and when it lacks memory. */
final class EventsCommand {
    private static final Pattern TIME = Pattern.compile("(\\d{1,6})(ms|s|m|h)");
    private static final long ANSWER_MS = 60_000;

    private EventsCommand() {}

    static int run(OciLine line) throws IOException, ContainerException, InterruptedException {
        long pauseMs = interval(line.value("--interval", "5s"));
        if (!line.has("--stats")) {
            Thread watch = new Thread(() -> watch(line), "out of memory");
            watch.setDaemon(true);
            watch.start();
        }
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
            print(line, "stats", stats(line, answer));
            if (line.has("--stats")) {
                return 0;
            }
            if (OciCommands.directory(line).state().status() == Status.STOPPED) {
                return 0;
            }
            Thread.sleep(pauseMs);
        }
    }

    private static synchronized void print(OciLine line, String type, JsonObject data) {
        JsonObject event = new JsonObject();
        event.put("type", type);
        event.put("id", line.id());
        if (data != null) {
            event.put("data", data);
        }
        System.out.println(JsonWriter.string(event));
        System.out.flush();
    }

    /** Of the host what the sandbox uses, with all that it takes to run; of the guest its memory, tasks and their limits. */
    private static JsonObject stats(OciLine line, JsonObject guest) throws IOException, ContainerException {
        ControlGroup group = ControlGroup.of(OciCommands.directory(line).path());
        if (group == null || PodMembership.of(OciCommands.directory(line).state().annotations()).isMember()) {
            return guest;
        }
        JsonObject all = group.stats();
        all.put("pids", guest.getObject("pids"));
        JsonObject usage = all.getObject("memory").getObject("usage");
        JsonObject limited = guest.getObject("memory").getObject("usage");
        usage.put("limit", limited.get("limit"));
        all.getObject("memory").put("guest", limited);
        return all;
    }

    /** One event for each process that was killed for lack of memory. */
    private static void watch(OciLine line) {
        long known = -1;
        try {
            while (true) {
                JsonObject request = OciCommands.request("oom");
                request.put("after", known);
                JsonObject answer = OciCommands.running(line, request, Long.MAX_VALUE / 2_000_000);
                long now = answer.getLong("count");
                for (long i = Math.max(known, 0); known >= 0 && i < now; i++) {
                    print(line, "oom", null);
                }
                known = now;
                if (answer.getBoolean("over", false)) {
                    return;
                }
            }
        } catch (IOException | ContainerException e) {
            return; // the container is over, which the other thread tells
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
