package dev.caisson.control;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * What the operator lets annotations of containers choose: {@code dev.caisson.platform}, {@code .rootfs}, {@code .network} and {@code
 * .syscalls}. Whoever writes a pod's annotations need not be the operator, so that a root filesystem gets no paths of the host from there.
 */
public final class ContainerPolicy {
    /** The persistent identity of its configuration. */
    public static final String PID = "caisson.containers";
    /** Starts the names of the annotations. */
    public static final String ANNOTATION = "dev.caisson.";

    private static final String ANY = "*";
    private static final String OPTIONS = "rootfs.options";

    private final Map<ProviderKind, List<String>> allowed = new EnumMap<>(ProviderKind.class);
    private final List<String> options;

    /**
     * Reads a configuration.
     *
     * @param configuration gives the value of a key, or null
     */
    public ContainerPolicy(Function<String, Object> configuration) {
        for (ProviderKind kind : ProviderKind.values()) {
            allowed.put(kind, words(configuration.apply(kind.word()), otherwise(kind)));
        }
        options = words(configuration.apply(OPTIONS), "size,cache");
    }

    /** What reaches more of the host than the container was given is the operator's to allow. */
    private static String otherwise(ProviderKind kind) {
        return switch (kind) {
            case ROOTFS -> "hostdir,overlay";
            case NETWORK -> "none";
            default -> ANY;
        };
    }

    private static List<String> words(Object value, String otherwise) {
        List<String> words = new ArrayList<>();
        for (String word : (value == null ? otherwise : value.toString()).split(",")) {
            if (!word.isBlank()) {
                words.add(word.trim());
            }
        }
        return words;
    }

    /**
     * Checks annotations.
     *
     * @param annotations by name; those of others are none of its business
     * @return the providers that they choose for the sandbox, by kind; the root filesystem's is not among them
     * @throws SandboxException when one of them is unknown, or chooses what is not allowed; the message begins with its name
     */
    public Map<ProviderKind, String> check(Map<String, String> annotations) throws SandboxException {
        Map<ProviderKind, String> chosen = new EnumMap<>(ProviderKind.class);
        for (Map.Entry<String, String> each : new TreeMap<>(annotations).entrySet()) {
            if (!each.getKey().startsWith(ANNOTATION)) {
                continue;
            }
            String field = "annotations[\"" + each.getKey() + "\"]: ";
            ProviderKind kind;
            try {
                kind = ProviderKind.byWord(each.getKey().substring(ANNOTATION.length()));
            } catch (IllegalArgumentException e) {
                throw new SandboxException(field + e.getMessage(), e);
            }
            String[] words = each.getValue().split(",");
            check(field, words[0], allowed.get(kind), kind.word());
            if (kind != ProviderKind.ROOTFS) {
                chosen.put(kind, each.getValue());
                continue;
            }
            for (int i = 1; i < words.length; i++) {
                check(field, words[i].split("=", 2)[0], options, OPTIONS);
            }
        }
        return chosen;
    }

    private static void check(String field, String word, List<String> allowed, String key) throws SandboxException {
        if (!allowed.contains(ANY) && !allowed.contains(word)) {
            throw new SandboxException(field + word + " is not allowed here; etc/" + PID + ".cfg says " + key + "=" + String.join(",", allowed),
                    null);
        }
    }
}
