package dev.caisson.testing.fs;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Cases as text, in files named {@code cases/FAMILY.txt}: a title at the margin, then indented {@linkplain Step steps}, run one after
 * another in a fresh directory of mode 0777 that belongs to the superuser. Lines between title and steps:
 * <pre>
 *  needs FEATURE...        skipped where the filesystem lacks one; most needs show in the steps and go without saying
 *  each NAME VALUE...      the case is run for every value, $NAME standing for it
 *  sysctl NAME VALUE       the host proves it only when its /proc/sys/fs/NAME is so
 * </pre>
 * Lines that start with {@code #} are comments.
 */
final class CaseFile {
    private static final List<String> FAMILIES = List.of("open", "mkdir", "mknod", "link", "symlink", "unlink", "rmdir", "rename",
            "truncate", "chmod", "chown", "times", "access", "stat", "directory", "xattr", "acl", "lock", "content", "path", "removed");

    private CaseFile() {}

    /**
     * One case.
     *
     * @param name family and title, with the values it is run for
     * @param needs what the filesystem must have
     * @param settings what the host's settings must be
     * @param steps what is done
     */
    record Case(String name, Set<Feature> needs, Map<String, String> settings, List<Step> steps) {
        /** Runs it; the first step that goes wrong fails it. */
        void run(FileCalls calls) {
            Interpreter interpreter = new Interpreter(calls);
            for (int i = 0; i < steps.size(); i++) {
                Step step = steps.get(i);
                String got = interpreter.run(step);
                List<String> expected = step.expected();
                boolean isError = got.matches("E[A-Z0-9]{2,}");
                if (expected == null ? isError || got.equals(Interpreter.UNBOUND) : !matches(expected, got, step)) {
                    throw new AssertionError(describe(i, got));
                }
            }
        }

        private static boolean matches(List<String> expected, String got, Step step) {
            if (step.operation().endsWith("getx") && expected.get(0).contains("::")) {
                return expected.get(0).equals(AclText.decode(got));
            }
            return expected.contains(got);
        }

        private String describe(int failed, String got) {
            StringBuilder text = new StringBuilder("got ").append(Step.printable(got.startsWith("\2\0\0\0") ? AclText.decode(got) : got))
                    .append(" at the last of these steps:\n");
            for (int i = 0; i <= failed; i++) {
                text.append("  ").append(steps.get(i).text()).append('\n');
            }
            return text.toString();
        }
    }

    /** {@return every case of the kit} */
    static List<Case> all() {
        List<Case> cases = new ArrayList<>();
        for (String family : FAMILIES) {
            try (InputStream in = CaseFile.class.getResourceAsStream("cases/" + family + ".txt")) {
                parse(family, new String(in.readAllBytes(), StandardCharsets.UTF_8), cases);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return cases;
    }

    private static void parse(String family, String text, List<Case> into) {
        String title = null;
        List<String> lines = new ArrayList<>();
        for (String line : text.lines().toList()) {
            if (line.isBlank() || line.startsWith("#")) {
                continue;
            }
            if (Character.isWhitespace(line.charAt(0))) {
                lines.add(line.strip());
                continue;
            }
            add(family, title, lines, into);
            title = line;
            lines = new ArrayList<>();
        }
        add(family, title, lines, into);
    }

    private static void add(String family, String title, List<String> lines, List<Case> into) {
        if (title == null) {
            return;
        }
        Set<Feature> needs = EnumSet.noneOf(Feature.class);
        Map<String, String> settings = new HashMap<>();
        List<Map<String, String>> variants = new ArrayList<>(List.of(Map.of()));
        List<String> steps = new ArrayList<>();
        for (String line : lines) {
            String[] words = line.split("\\s+");
            switch (words[0]) {
                case "needs" -> {
                    for (int i = 1; i < words.length; i++) {
                        needs.add(Feature.valueOf(words[i]));
                    }
                }
                case "sysctl" -> settings.put(words[1], words[2]);
                case "each" -> variants = combine(variants, words);
                default -> steps.add(line);
            }
        }
        for (Map<String, String> variant : variants) {
            List<Step> parsed = new ArrayList<>();
            Set<Feature> all = EnumSet.copyOf(needs.isEmpty() ? EnumSet.noneOf(Feature.class) : needs);
            for (String line : steps) {
                String filled = line;
                for (Map.Entry<String, String> value : variant.entrySet()) {
                    filled = filled.replace("$" + value.getKey(), value.getValue());
                }
                Step step = Step.of(filled);
                parsed.add(step);
                all.addAll(step.needs());
            }
            into.add(new Case(family + ": " + title + (variant.isEmpty() ? "" : " " + variant), all, settings, parsed));
        }
    }

    private static List<Map<String, String>> combine(List<Map<String, String>> variants, String[] words) {
        List<Map<String, String>> combined = new ArrayList<>();
        for (Map<String, String> variant : variants) {
            for (int i = 2; i < words.length; i++) {
                Map<String, String> more = new java.util.TreeMap<>(variant);
                more.put(words[1], words[i]);
                combined.add(more);
            }
        }
        return combined;
    }
}
