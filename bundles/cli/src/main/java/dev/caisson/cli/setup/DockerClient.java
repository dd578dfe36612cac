package dev.caisson.cli.setup;

import com.grack.nanojson.JsonArray;
import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonParser;
import com.grack.nanojson.JsonParserException;
import com.grack.nanojson.JsonWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Docker: a member of {@code runtimes} in daemon.json, dockerd(8). */
final class DockerClient implements Client {
    private static final String RUNTIMES = "runtimes", DEFAULT = "default-runtime";

    @Override
    public String word() {
        return "docker";
    }

    @Override
    public String title() {
        return "Docker";
    }

    @Override
    public Path file(Path home) {
        return home == null ? Path.of("/etc/docker/daemon.json") : home.resolve(".config/docker/daemon.json");
    }

    @Override
    public String with(String text, Runtime runtime) {
        JsonObject wanted = new JsonObject();
        wanted.put("path", runtime.program().toString());
        if (!runtime.arguments().isEmpty()) {
            wanted.put("runtimeArgs", new JsonArray(runtime.arguments()));
        }
        String old = isEmpty(text) ? "{\n}\n" : text;
        if (wanted.equals(entry(old, runtime.name()))) {
            return text;
        }
        String changed = JsonText.put(old, path(runtime.name()), value(runtime));
        if (!wanted.equals(entry(changed, runtime.name()))) {
            throw new IllegalArgumentException("the file is not understood; enter " + RUNTIMES + "." + runtime.name() + " by hand: "
                    + JsonWriter.string(wanted));
        }
        return changed;
    }

    private static String value(Runtime runtime) {
        List<String> members = new ArrayList<>(List.of("\"path\": " + JsonText.quote(runtime.program().toString())));
        if (!runtime.arguments().isEmpty()) {
            members.add("\"runtimeArgs\": [" + String.join(", ", runtime.arguments().stream().map(JsonText::quote).toList()) + "]");
        }
        return "{" + String.join(", ", members) + "}";
    }

    @Override
    public String without(String text, String name) {
        if (isEmpty(text) || entry(text, name) == null) {
            return text;
        }
        if (name.equals(parse(text).getString(DEFAULT))) {
            throw new IllegalArgumentException("\"" + DEFAULT + "\" is " + name + ", and dockerd would not start without it; take that out first");
        }
        String changed = JsonText.remove(text, path(name));
        if (entry(changed, name) != null) {
            throw new IllegalArgumentException("the file is not understood; take " + RUNTIMES + "." + name + " out by hand");
        }
        return parse(changed).isEmpty() ? null : changed;
    }

    private static boolean isEmpty(String text) {
        return text == null || text.isBlank();
    }

    private static List<String> path(String name) {
        return List.of(RUNTIMES, name);
    }

    private static JsonObject parse(String text) {
        try {
            return JsonParser.object().from(text);
        } catch (JsonParserException e) {
            throw new IllegalArgumentException("this is no JSON object: " + e.getMessage(), e);
        }
    }

    private static JsonObject entry(String text, String name) {
        JsonObject all = parse(text).getObject(RUNTIMES);
        return all == null ? null : all.getObject(name);
    }

    @Override
    public List<String> next(String name, boolean isInstalled) {
        return isInstalled
                ? List.of("systemctl reload docker", "docker run --rm --runtime=" + name + " hello-world")
                : List.of("systemctl reload docker    # containers made with --runtime=" + name + " cannot start any more");
    }
}
