package dev.caisson.cli.boot;

import java.util.List;
import java.util.Map;

/**
 * One Declarative Services component as a {@link BootPlan} remembers it.
 *
 * @param implementation class name
 * @param bundle symbolic name of the bundle it comes from
 * @param services class names it is registered under
 * @param pids persistent identities of its configuration
 * @param properties component properties
 * @param arguments of its constructor, in order
 */
record BootComponent(String implementation, String bundle, List<String> services, List<String> pids,
        Map<String, Object> properties, List<Argument> arguments) {
    static final String NAME = "caisson.name";

    /**
     * A constructor argument: a service, or the component's own properties.
     *
     * @param type class name of the service, which is the parameter's type too, or {@link #PROPERTIES}
     * @param name the {@code caisson.name} it must have, or "" for any
     * @param isOptional whether null will do when there is none
     */
    record Argument(String type, String name, boolean isOptional) {
        /** Type of the argument that takes the component's properties and its configuration. */
        static final String PROPERTIES = "java.util.Map";

        boolean isProperties() {
            return type.equals(PROPERTIES);
        }
    }

    /** {@return the name by which configuration chooses it, or "" } */
    String name() {
        return String.valueOf(properties.getOrDefault(NAME, ""));
    }

    boolean provides(String service, String wanted) {
        return services.contains(service) && (wanted.isEmpty() || wanted.equals(name()));
    }
}
