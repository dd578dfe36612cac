package dev.caisson.control.container;

import dev.caisson.abi.Mount;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** What is mounted below a directory of the host, as this process sees it: /proc/self/mountinfo, proc(5). */
public final class Submounts {
    private static final Path MOUNTS = Path.of("/proc/self/mountinfo");
    private static final int MOUNT_POINT = 4, OPTIONS = 5;
    private static final Map<String, Integer> FLAGS = Map.of("ro", Mount.MS_RDONLY, "nosuid", Mount.MS_NOSUID, "nodev", Mount.MS_NODEV,
            "noexec", Mount.MS_NOEXEC);

    private Submounts() {}

    /**
     * Finds mounts.
     *
     * @param directory of the host, without symbolic links on the way
     * @return the directories strictly below it on which something is mounted, those above others first, with the flags ({@code MS_*}) that
     *     the host has for them
     */
    public static Map<Path, Long> below(Path directory) {
        Map<Path, Long> found = new LinkedHashMap<>();
        try {
            for (String line : Files.readString(MOUNTS, StandardCharsets.ISO_8859_1).split("\n")) {
                String[] fields = line.split(" ");
                Path point = Path.of(text(fields[MOUNT_POINT]));
                if (fields.length > OPTIONS && point.startsWith(directory) && !point.equals(directory)) {
                    long flags = 0;
                    for (String option : fields[OPTIONS].split(",")) {
                        flags |= FLAGS.getOrDefault(option, 0);
                    }
                    found.put(point, flags);
                }
            }
        } catch (IOException e) {
            return Map.of(); // without a proc, nothing is told
        }
        return found;
    }

    /** Blanks and the like are octal numbers there; and bytes are to be text. */
    private static String text(String field) {
        StringBuilder raw = new StringBuilder();
        for (int i = 0; i < field.length(); i++) {
            char c = field.charAt(i);
            if (c == '\\' && i + 3 < field.length()) {
                c = (char) Integer.parseInt(field.substring(i + 1, i + 4), 8);
                i += 3;
            }
            raw.append(c);
        }
        return new String(raw.toString().getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
    }
}
