package dev.caisson.cli.boot;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * What the container found out about the distribution's own bundles the last time they changed: which components they have and what
 * each wants. With it a program can be started before the framework, from the same classes (see {@link BootParts}).
 *
 * <p>{@code lib/boot.plan} is text, one item a line, fields separated by tabs:
 * <pre>
 * jar        NAME  BYTES  MODIFIED-MS                what the plan is true for
 * component  CLASS  BUNDLE  SERVICE[,SERVICE...]  PID[,PID...]   the lines below belong to it
 * property   KEY  TYPE  VALUE                        TYPE is Boolean or String
 * argument   CLASS  NAME  OPTIONAL                   of the constructor; NAME may be empty; java.util.Map is the configuration
 * </pre>
 */
public final class BootPlan {
    /** The files of etc/ and deploy/ that mean something to the container: a filter for FileInstall. */
    public static final Pattern MANAGED = Pattern.compile(".*\\.(cfg|config|jar)");

    private static final String FILE = "lib/boot.plan";
    private static final String JARS = "bundles";

    private final List<BootComponent> components;

    private BootPlan(List<BootComponent> components) {
        this.components = components;
    }

    /**
     * Reads the plan.
     *
     * @param home directory of the distribution
     * @param pids configurations whose meaning the caller knows; with any other one but those of the plan's components, or with a drop-in
     *     bundle, the container has to say what is there
     * @return the plan, or null when there is none that is true for the present state of the distribution
     */
    public static BootPlan read(Path home, Set<String> pids) {
        try {
            List<String> lines = Files.readAllLines(home.resolve(FILE), StandardCharsets.UTF_8);
            List<String> state = state(home);
            if (lines.size() < state.size() || !lines.subList(0, state.size()).equals(state)) {
                return null;
            }
            List<BootComponent> components = parse(lines.subList(state.size(), lines.size()));
            if (components == null) {
                return null;
            }
            Set<String> known = new HashSet<>(pids);
            components.forEach(component -> known.addAll(component.pids()));
            return isPlain(home, known) ? new BootPlan(components) : null;
        } catch (IOException e) {
            return null; // not prepared: the container does it all
        }
    }

    static void write(Path home, List<BootComponent> components) throws IOException {
        List<String> lines = new ArrayList<>(state(home));
        for (BootComponent component : components) {
            lines.add(String.join("\t", "component", component.implementation(), component.bundle(),
                    String.join(",", component.services()), String.join(",", component.pids())));
            component.properties().forEach((key, value) ->
                    lines.add(String.join("\t", "property", key, value.getClass().getSimpleName(), value.toString())));
            component.arguments().forEach(argument -> lines.add(String.join("\t", "argument", argument.type(), argument.name(),
                    Boolean.toString(argument.isOptional()))));
        }
        Files.write(home.resolve(FILE), lines, StandardCharsets.UTF_8);
    }

    /** The jars of bundles/, as lines of a plan. */
    private static List<String> state(Path home) {
        List<String> lines = new ArrayList<>();
        File[] jars = home.resolve(JARS).toFile().listFiles();
        if (jars != null) {
            Arrays.sort(jars);
            for (File jar : jars) {
                lines.add(String.join("\t", "jar", jar.getName(), Long.toString(jar.length()), Long.toString(jar.lastModified())));
            }
        }
        return lines;
    }

    private static boolean isPlain(Path home, Set<String> pids) {
        if (!managed(home.resolve("deploy")).isEmpty()) {
            return false;
        }
        for (String file : managed(home.resolve("etc"))) {
            int dot = file.lastIndexOf('.');
            if (!file.endsWith(".cfg") || !pids.contains(file.substring(0, dot))) {
                return false;
            }
        }
        return true;
    }

    private static List<String> managed(Path directory) {
        String[] names = directory.toFile().list((parent, name) -> MANAGED.matcher(name).matches());
        return names == null ? List.of() : List.of(names);
    }

    private static List<BootComponent> parse(List<String> lines) {
        List<BootComponent> components = new ArrayList<>();
        for (String line : lines) {
            String[] fields = line.split("\t", -1);
            BootComponent last = components.isEmpty() ? null : components.getLast();
            if (fields.length == 5 && fields[0].equals("component")) {
                components.add(new BootComponent(fields[1], fields[2], List.of(fields[3].split(",")), List.of(fields[4].split(",")),
                        new TreeMap<>(), new ArrayList<>()));
            } else if (fields.length == 4 && fields[0].equals("property") && last != null) {
                last.properties().put(fields[1], fields[2].equals("Boolean") ? (Object) Boolean.valueOf(fields[3]) : fields[3]);
            } else if (fields.length == 4 && fields[0].equals("argument") && last != null) {
                last.arguments().add(new BootComponent.Argument(fields[1], fields[2], Boolean.parseBoolean(fields[3])));
            } else {
                return null;
            }
        }
        return components;
    }

    /**
     * Finds the one component that provides a service.
     *
     * @param service class name
     * @param name its {@code caisson.name}, or "" for any
     * @return the component, or null when there is none or more than one
     */
    BootComponent find(String service, String name) {
        BootComponent found = null;
        for (BootComponent component : components) {
            if (component.provides(service, name)) {
                if (found != null) {
                    return null; // ranking decides, and the container knows it
                }
                found = component;
            }
        }
        return found;
    }

    /** {@return components that provide a service, by name} */
    Map<String, BootComponent> all(String service) {
        Map<String, BootComponent> found = new LinkedHashMap<>();
        for (BootComponent component : components) {
            if (component.provides(service, "")) {
                found.put(component.name(), component);
            }
        }
        return found;
    }
}
