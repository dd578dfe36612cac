package dev.caisson.control.internal;

import com.grack.nanojson.JsonArray;
import com.grack.nanojson.JsonObject;
import dev.caisson.control.SwapReport;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/** What the request {@code swap} says, and its answer. */
public final class SwapMessages {
    /** A kind of swap: a volume, by its path. */
    public static final String VOLUME = "volume:";
    /** Starts the keys of options of a mount. */
    private static final String OPTION = "option.";
    /** More lines than that are only in the log. */
    private static final int MOST_STAYED = 200;

    private SwapMessages() {}

    /**
     * What is to be mounted.
     *
     * @param request the request
     * @return a source as the guest has strings, or null for the same
     */
    public static String source(Map<String, String> request) {
        return request.containsKey("source") ? raw(request.get("source")) : null;
    }

    /**
     * How it is to be mounted.
     *
     * @param request the request: {@code options} (comma separated) and {@code option.KEY}
     * @return by name
     */
    public static Map<String, String> options(Map<String, String> request) {
        Map<String, String> options = new LinkedHashMap<>(RootMount.byName(raw(request.getOrDefault("options", ""))));
        request.forEach((key, value) -> {
            if (key.startsWith(OPTION)) {
                options.put(key.substring(OPTION.length()), raw(value));
            }
        });
        return options;
    }

    /**
     * Tells what was done.
     *
     * @param kind as the request named it
     * @param report what was done
     * @return the answer
     */
    public static JsonObject answer(String kind, SwapReport report) {
        JsonObject answer = JsonObject.builder().value("kind", kind).value("from", report.from()).value("to", report.to())
                .value("pauseMs", String.format(Locale.ROOT, "%.3f", report.pauseNs() / 1e6)).done();
        if (!report.stayed().isEmpty()) {
            JsonArray stayed = new JsonArray();
            report.stayed().stream().limit(MOST_STAYED).forEach(line -> stayed.add(new String(line.getBytes(StandardCharsets.ISO_8859_1),
                    StandardCharsets.UTF_8)));
            answer.put("stayed", stayed);
        }
        return answer;
    }

    /**
     * One byte per character, as guests and the host's paths have them.
     *
     * @param text characters
     * @return bytes in UTF-8, as characters
     */
    public static String raw(String text) {
        return new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
    }
}
