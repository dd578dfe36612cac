package dev.caisson.cli;

import dev.caisson.cli.boot.BootParts;
import dev.caisson.cli.boot.BootPlan;
import dev.caisson.control.ContainerPolicy;
import dev.caisson.control.ProviderKind;
import dev.caisson.control.ProviderSelection;
import dev.caisson.control.SandboxBuilder;
import dev.caisson.control.SandboxException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

/** What lies in the installation and says how sandboxes are made without the container. */
public final class Boot {
    private Boot() {}

    /** The plan, or null when there is none that fits the installation. */
    static BootPlan plan(Home home) throws IOException {
        Set<String> known = Arrays.stream(ProviderKind.values()).map(ProviderKind::pid).collect(Collectors.toSet());
        known.add(ProviderSelection.VOLUMES_PID);
        known.add(ContainerPolicy.PID);
        return BootPlan.read(home.directory(), known);
    }

    /** The values in etc/, by the names of its files. */
    static Function<String, Map<String, Object>> configuration(Home home) throws IOException {
        Map<String, Map<String, Object>> files = new HashMap<>();
        for (Path file : home.configurations()) {
            String name = file.getFileName().toString();
            Map<String, Object> values = new HashMap<>();
            Home.properties(file).forEach((key, value) -> values.put(key.toString(), value));
            files.put(name.substring(0, name.length() - ".cfg".length()), values);
        }
        return pid -> files.getOrDefault(pid, Map.of());
    }

    /**
     * Prepares a kernel for containers.
     *
     * @param wanted providers by kind; a kind without an entry takes what the configuration says
     * @return a builder that has all but the root
     * @throws SandboxException when a part is missing or cannot be made
     */
    public static SandboxBuilder prepare(Map<ProviderKind, String> wanted) throws SandboxException {
        Home home = Home.find();
        try {
            Preloader.start(home);
            BootPlan plan = plan(home);
            if (plan == null) {
                throw new SandboxException("lib/boot.plan does not fit bundles/, etc/ and deploy/ of " + home.directory()
                        + "; containers need it: run bin/caisson-prepare", null);
            }
            SandboxBuilder builder = BootParts.prepare(plan, configuration(home), wanted);
            if (builder == null) {
                throw new SandboxException("a provider named in etc/ is not there or does not work on this host: "
                        + "caisson do -- true says which", null);
            }
            return builder;
        } catch (IOException e) {
            throw new SandboxException("cannot read the configuration: " + e.getMessage(), e);
        }
    }

    /** {@return the installation's directory} */
    public static Path home() throws SandboxException {
        return Home.find().directory();
    }

    /**
     * What the operator lets annotations choose.
     *
     * @param annotations those to be checked: where none is of Caisson's, nothing is read
     * @return the policy
     * @throws SandboxException when the configuration cannot be read
     */
    public static ContainerPolicy policy(Map<String, String> annotations) throws SandboxException {
        if (annotations.keySet().stream().noneMatch(name -> name.startsWith(ContainerPolicy.ANNOTATION))) {
            return new ContainerPolicy(key -> null);
        }
        try {
            return new ContainerPolicy(configuration(Home.find()).apply(ContainerPolicy.PID)::get);
        } catch (IOException e) {
            throw new SandboxException("cannot read the configuration: " + e.getMessage(), e);
        }
    }

    /**
     * Sets the log of this process up.
     *
     * @param file where to
     * @param isDebug whether debug messages are wanted
     */
    public static void log(Path file, boolean isDebug) {
        new Logging(file.toString(), isDebug).apply();
    }
}
