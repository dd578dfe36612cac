package dev.caisson.shell;

import dev.caisson.control.ProviderKind;
import dev.caisson.control.Sandbox;
import dev.caisson.control.SandboxException;
import dev.caisson.control.SandboxService;
import dev.caisson.control.SandboxSpec;
import dev.caisson.control.SwapReport;
import java.io.IOException;
import java.util.Dictionary;
import java.util.Hashtable;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.osgi.service.cm.Configuration;
import org.osgi.service.cm.ConfigurationAdmin;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;

/** What an operator types. Public methods are commands; what they return is printed. */
@Component(service = SandboxCommands.class, property = {
    "osgi.command.scope=caisson", "osgi.command.function=providers", "osgi.command.function=select",
    "osgi.command.function=sandboxes", "osgi.command.function=run", "osgi.command.function=kill",
    "osgi.command.function=swap"})
public final class SandboxCommands {
    private static final String VOLUME = "volume:";

    private final SandboxService service;
    private final ConfigurationAdmin configurations;

    /**
     * For Declarative Services.
     *
     * @param service what the commands command
     * @param configurations where selections are kept
     */
    @Activate
    public SandboxCommands(@Reference SandboxService service, @Reference ConfigurationAdmin configurations) {
        this.service = service;
        this.configurations = configurations;
    }

    /** {@return each kind of provider: its names, the selected one marked} */
    public String providers() {
        StringBuilder text = new StringBuilder();
        for (ProviderKind kind : ProviderKind.values()) {
            String selected = service.selected().get(kind);
            text.append(String.format("%-9s", kind.word())).append(service.available(kind).stream()
                    .map(name -> name.equals(selected) ? "[" + name + "]" : name).collect(Collectors.joining(" "))).append('\n');
        }
        return text.toString();
    }

    /**
     * Chooses a provider, as a change of etc/ would: the platform and the table for running sandboxes too.
     *
     * @param kind platform, rootfs, network or syscalls
     * @param name its name
     * @return what was done
     * @throws IOException when the configuration cannot be stored
     */
    public String select(String kind, String name) throws IOException {
        ProviderKind chosen;
        try {
            chosen = ProviderKind.byWord(kind);
        } catch (IllegalArgumentException e) {
            return e.getMessage();
        }
        if (!service.available(chosen).contains(name)) {
            return "no " + kind + " named " + name + "; there are: " + String.join(", ", service.available(chosen));
        }
        Configuration configuration = configurations.getConfiguration(chosen.pid(), "?");
        Dictionary<String, Object> values = configuration.getProperties();
        Dictionary<String, Object> next = values == null ? new Hashtable<>() : values;
        next.put("name", name);
        configuration.update(next);
        return kind + " = " + name;
    }

    /** {@return the sandboxes of this process, one a line} */
    public String sandboxes() {
        StringBuilder text = new StringBuilder();
        for (Sandbox sandbox : service.sandboxes()) {
            text.append(sandbox.id()).append("  ").append(sandbox.name()).append(sandbox.isRunning() ? "  running  " : "  ended    ")
                    .append(String.join(" ", sandbox.spec().command())).append("  ").append(sandbox.providers()).append('\n');
        }
        return text.isEmpty() ? "none" : text.toString();
    }

    /**
     * Gives one sandbox another provider, whatever the configuration says.
     *
     * @param sandbox its number or its name
     * @param kind platform, rootfs, network, syscalls, or volume:PATH
     * @param name the provider
     * @return what was done
     */
    public String swap(String sandbox, String kind, String name) {
        try {
            for (Sandbox candidate : service.sandboxes()) {
                if (sandbox.equals(candidate.name()) || sandbox.equals(Integer.toString(candidate.id()))) {
                    SwapReport report = kind.startsWith(VOLUME)
                            ? service.swapVolume(candidate, kind.substring(VOLUME.length()), name, null, Map.of())
                            : service.swap(candidate, ProviderKind.byWord(kind), name);
                    StringBuilder text = new StringBuilder(String.format(Locale.ROOT, "%s: %s is now %s, was %s, pause %.1f ms",
                            candidate.name(), kind, report.to(), report.from(), report.pauseNs() / 1e6));
                    report.stayed().forEach(line -> text.append("\nstays until it is closed: ").append(line));
                    return text.toString();
                }
            }
            return "no sandbox " + sandbox;
        } catch (SandboxException | IllegalArgumentException e) {
            return e.getMessage();
        }
    }

    /**
     * Runs a program in a new sandbox and waits for it.
     *
     * @param command program and arguments
     * @return how it ended
     * @throws InterruptedException when the shell is interrupted
     */
    public String run(String... command) throws InterruptedException {
        try (Sandbox sandbox = service.start(SandboxSpec.of(List.of(command)).build())) {
            return "exit status " + sandbox.awaitExit();
        } catch (SandboxException e) {
            return e.getMessage();
        }
    }

    /**
     * Ends a sandbox.
     *
     * @param id its number
     * @return what was done
     */
    public String kill(int id) {
        for (Sandbox sandbox : service.sandboxes()) {
            if (sandbox.id() == id) {
                sandbox.close();
                return "ended " + id;
            }
        }
        return "no sandbox " + id;
    }
}
