package dev.caisson.control.internal;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** What a sandbox takes over from the host and from this process. */
public final class HostFacts {
    private HostFacts() {}

    /** {@return the host's memory in bytes} */
    public static long memoryBytes() {
        String value = value("/proc/meminfo", "MemTotal:");
        return value == null ? Long.MAX_VALUE : Long.parseLong(value.split(" ")[0]) << 10;
    }

    /** {@return this process' umask, which the program inherits} */
    static int umask() {
        String value = value("/proc/self/status", "Umask:");
        return value == null ? 022 : Integer.parseInt(value, 8);
    }

    private static String value(String file, String key) {
        try {
            for (String line : Files.readAllLines(Path.of(file), StandardCharsets.ISO_8859_1)) {
                if (line.startsWith(key)) {
                    return line.substring(key.length()).trim();
                }
            }
        } catch (IOException e) {
            return null; // every Linux has these files; without them the defaults will do
        }
        return null;
    }
}
