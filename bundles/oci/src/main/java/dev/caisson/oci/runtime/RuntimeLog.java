package dev.caisson.oci.runtime;

import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.temporal.ChronoUnit;

/**
 * The log that a client of the runtime names and reads ({@code --log}): a line per event, in logrus's formats, since clients parse them.
 *
 * @param file where to; null for nowhere
 * @param isJson whether a line is a JSON object
 */
public record RuntimeLog(Path file, boolean isJson) {
    /** Writes nothing. */
    public static final RuntimeLog NONE = new RuntimeLog(null, false);

    /**
     * Appends a line.
     *
     * @param level error, warning or info
     * @param message the text
     */
    public void write(String level, String message) {
        if (file == null) {
            return;
        }
        try {
            Files.writeString(file, line(level, message, Instant.now()), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException e) {
            System.err.println("caisson: cannot write the log " + file + ": " + e);
        }
    }

    /**
     * A line as {@link #write} appends it.
     *
     * @param level error, warning or info
     * @param message the text
     * @param now the time that it tells
     * @return the line, with its end
     */
    public String line(String level, String message, Instant now) {
        String time = now.truncatedTo(ChronoUnit.SECONDS).toString();
        if (!isJson) {
            return "time=" + JsonWriter.string(time) + " level=" + level + " msg=" + JsonWriter.string(message) + "\n";
        }
        JsonObject json = new JsonObject();
        json.put("level", level);
        json.put("msg", message);
        json.put("time", time);
        return JsonWriter.string(json) + "\n";
    }
}
