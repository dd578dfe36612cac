package dev.caisson.oci.spec;

import java.util.ArrayList;
import java.util.List;

/**
 * Programs for the moments of a container's life, each with the container's state on its standard input.
 *
 * @param prestart after the namespaces exist, before the root is changed (deprecated; in the runtime's namespaces)
 * @param createRuntime as prestart, after it
 * @param createContainer as createRuntime, in the container's namespaces
 * @param startContainer before the program, in the container
 * @param poststart after the program has started
 * @param poststop after the container was deleted
 */
public record OciHooks(List<Hook> prestart, List<Hook> createRuntime, List<Hook> createContainer, List<Hook> startContainer,
        List<Hook> poststart, List<Hook> poststop) {
    /** No hooks. */
    public static final OciHooks NONE = new OciHooks(List.of(), List.of(), List.of(), List.of(), List.of(), List.of());

    /** Names of the kinds, in the order in which they run. */
    static final List<String> KINDS = List.of("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop");

    /**
     * One program.
     *
     * @param path absolute path
     * @param args its arguments, argv[0] first; none leaves only the path
     * @param env its whole environment
     * @param timeoutSeconds after which it has failed; 0 for no limit
     */
    public record Hook(String path, List<String> args, List<String> env, int timeoutSeconds) {
        /** Copies what could change. */
        public Hook {
            args = List.copyOf(args);
            env = List.copyOf(env);
        }

        static Hook of(SpecNode node) throws OciConfigException {
            Integer timeout = node.integer("timeout", 1, Integer.MAX_VALUE);
            return new Hook(node.absolutePath("path"), node.textList("args"), node.textList("env"), timeout == null ? 0 : timeout);
        }
    }

    /** {@return whether there is none of any kind} */
    public boolean isEmpty() {
        return equals(NONE);
    }

    static OciHooks of(SpecNode node) throws OciConfigException {
        if (node == null) {
            return NONE;
        }
        List<List<Hook>> kinds = new ArrayList<>();
        for (String kind : KINDS) {
            List<Hook> hooks = new ArrayList<>();
            for (SpecNode each : node.list(kind)) {
                hooks.add(Hook.of(each));
            }
            kinds.add(List.copyOf(hooks));
        }
        return new OciHooks(kinds.get(0), kinds.get(1), kinds.get(2), kinds.get(3), kinds.get(4), kinds.get(5));
    }
}
