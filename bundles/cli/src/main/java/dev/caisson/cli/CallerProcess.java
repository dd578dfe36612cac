package dev.caisson.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.StringTokenizer;

/** What the caller gave this process, byte for byte: the JVM would decode arguments and environment by the locale. */
final class CallerProcess {
    private CallerProcess() {}

    /**
     * The arguments, one byte per character.
     *
     * @param decoded what the JVM made of them
     * @return as many raw ones
     */
    static List<String> rawArguments(String[] decoded) {
        List<String> all = zeroTerminated("/proc/self/cmdline");
        if (all.size() < decoded.length) {
            return Arrays.asList(decoded);
        }
        return all.subList(all.size() - decoded.length, all.size());
    }

    /**
     * A path for Java, which encodes it as it decoded the command line.
     *
     * @param raw one byte per character
     * @return text
     */
    static String decoded(String raw) {
        return new String(raw.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
    }

    /** {@return the environment as {@code NAME=value}, one byte per character, in their order, without what bin/caisson added} */
    static List<String> environment() {
        return CallerEnvironment.original(zeroTerminated("/proc/self/environ"));
    }

    /** {@return the working directory as bin/caisson was started in, one byte per character} */
    static String workingDirectory() {
        // The JVM's user.dir is decoded; environment PWD may be stale. The link is what getcwd(2) would say, but Java can only read
        // it decoded too, so PWD counts when it names the same directory.
        String decoded = System.getProperty("user.dir");
        for (String entry : environment()) {
            if (entry.startsWith("PWD=/")) {
                String raw = entry.substring(4);
                byte[] bytes = raw.getBytes(StandardCharsets.ISO_8859_1);
                if (Arrays.equals(bytes, decoded.getBytes(StandardCharsets.UTF_8))) {
                    return raw;
                }
            }
        }
        return new String(decoded.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
    }

    /**
     * Numbers from /proc/self/status.
     *
     * @param key as in "Uid"
     * @return the numbers of its line
     */
    static List<Integer> statusNumbers(String key) {
        List<Integer> numbers = new ArrayList<>();
        try {
            for (String line : Files.readAllLines(Path.of("/proc/self/status"), StandardCharsets.ISO_8859_1)) {
                if (line.startsWith(key + ":")) {
                    StringTokenizer words = new StringTokenizer(line.substring(key.length() + 1));
                    while (words.hasMoreTokens()) {
                        numbers.add(Integer.parseUnsignedInt(words.nextToken()));
                    }
                }
            }
        } catch (IOException e) {
            throw new IllegalStateException("cannot read /proc/self/status", e);
        }
        return numbers;
    }

    private static List<String> zeroTerminated(String path) {
        List<String> words = new ArrayList<>();
        try {
            String text = new String(Files.readAllBytes(Path.of(path)), StandardCharsets.ISO_8859_1);
            for (int start = 0; start < text.length();) {
                int end = text.indexOf('\0', start);
                if (end < 0) {
                    end = text.length();
                }
                words.add(text.substring(start, end));
                start = end + 1;
            }
        } catch (IOException e) {
            throw new IllegalStateException("cannot read " + path, e);
        }
        return words;
    }
}
