package dev.caisson.cli.boot;

import dev.caisson.abi.ErrnoException;
import dev.caisson.control.ProviderKind;
import dev.caisson.control.ProviderSelection;
import dev.caisson.control.Sandbox;
import dev.caisson.control.SandboxBuilder;
import dev.caisson.control.SandboxException;
import dev.caisson.control.SandboxSpec;
import dev.caisson.control.internal.PlatformProbe;
import dev.caisson.fs.dev.SandboxDevices;
import dev.caisson.kernel.KernelFileSystem;
import dev.caisson.kernel.syscall.SyscallTableProvider;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.fs.FileSystemProvider;
import dev.caisson.spi.net.NetworkStack;
import dev.caisson.spi.platform.Platform;
import java.lang.reflect.InvocationTargetException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;

/** Providers made from a {@link BootPlan}, each once, and the sandbox made of them. {@link BootServices} gives them to the container. */
public final class BootParts {
    /** A provider, and the component that the container would have made it of. */
    record Part(BootComponent component, Object instance) {}

    private final BootPlan plan;
    private final MemoryFile memoryFile;
    private final Function<String, Map<String, Object>> configuration;
    private final Map<String, Part> made = new HashMap<>();
    private Sandbox sandbox;

    private BootParts(BootPlan plan, MemoryFile memoryFile, Function<String, Map<String, Object>> configuration) {
        this.plan = plan;
        this.memoryFile = memoryFile;
        this.configuration = configuration;
    }

    /**
     * Starts a program.
     *
     * @param plan where its parts come from
     * @param configuration gives the values of a persistent identity
     * @param spec what to run
     * @return the parts with the running sandbox, or null when the plan does not know them: then nothing was started, and the container
     *     has to find them, or to say what is wrong
     * @throws SandboxException when the program cannot be started
     */
    public static BootParts start(BootPlan plan, Function<String, Map<String, Object>> configuration, SandboxSpec spec)
            throws SandboxException {
        ProviderSelection selection = new ProviderSelection((pid, key) -> configuration.apply(pid).get(key));
        Map<ProviderKind, BootComponent> chosen = choose(plan, selection, spec.providers());
        if (chosen == null || !Boolean.TRUE.equals(chosen.get(ProviderKind.ROOTFS).properties().get(FileSystemProvider.ROOT))) {
            return null;
        }
        try {
            BootParts parts = new BootParts(plan, SandboxBuilder.newMemoryFile(), configuration);
            SandboxBuilder builder = parts.builder(chosen, spec.providers());
            if (builder == null) {
                return null;
            }
            builder.rootfs((FileSystemProvider) parts.make(chosen.get(ProviderKind.ROOTFS))).root(spec, selection);
            parts.sandbox = builder.start(spec.withVolumes(selection.volumes(spec.volumes())));
            return parts;
        } catch (ErrnoException | ReflectiveOperationException e) {
            throw new SandboxException("cannot start a part of the sandbox: " + reason(e), e);
        }
    }

    /**
     * Prepares a kernel without a program and a root, for containers.
     *
     * @param plan where its parts come from
     * @param configuration gives the values of a persistent identity
     * @param wanted providers by kind; a kind without an entry takes what the configuration says
     * @return a builder that has all but the root, or null when the plan or the host does not have what is wanted
     * @throws SandboxException when a part cannot be made
     */
    public static SandboxBuilder prepare(BootPlan plan, Function<String, Map<String, Object>> configuration, Map<ProviderKind, String> wanted)
            throws SandboxException {
        ProviderSelection selection = new ProviderSelection((pid, key) -> configuration.apply(pid).get(key));
        Map<ProviderKind, BootComponent> chosen = choose(plan, selection, wanted);
        if (chosen == null) {
            return null;
        }
        try {
            return new BootParts(plan, SandboxBuilder.newMemoryFile(), configuration).builder(chosen, wanted);
        } catch (ErrnoException | ReflectiveOperationException e) {
            throw new SandboxException("cannot start a part of the sandbox: " + reason(e), e);
        }
    }

    /**
     * What came of trying a platform.
     *
     * @param eventNs mean time of a system call or page fault there and back, in nanoseconds; 0 when it failed
     * @param failure why it does not work, or null
     */
    public record Tried(long eventNs, String failure) {}

    /**
     * Tries every platform on this host.
     *
     * @param plan where they come from
     * @param configuration gives the values of a persistent identity
     * @return by name, in order of the names
     * @throws SandboxException when the host gives no memory file
     */
    public static Map<String, Tried> tryPlatforms(BootPlan plan, Function<String, Map<String, Object>> configuration) throws SandboxException {
        Map<String, Tried> tried = new TreeMap<>();
        for (Map.Entry<String, BootComponent> each : plan.all(Platform.class.getName()).entrySet()) {
            try {
                BootParts parts = new BootParts(plan, SandboxBuilder.newMemoryFile(), configuration);
                Platform platform = (Platform) parts.make(each.getValue());
                tried.put(each.getKey(), new Tried(PlatformProbe.measureNs(platform, parts.memoryFile), null));
            } catch (ReflectiveOperationException | SandboxException e) {
                tried.put(each.getKey(), new Tried(0, reason(e)));
            } catch (ErrnoException e) {
                throw new SandboxException("cannot make a memory file: " + reason(e), e);
            }
        }
        return tried;
    }

    private static Map<ProviderKind, BootComponent> choose(BootPlan plan, ProviderSelection selection, Map<ProviderKind, String> wanted) {
        Map<ProviderKind, BootComponent> chosen = new HashMap<>();
        for (ProviderKind kind : ProviderKind.values()) {
            String asked = wanted.get(kind);
            BootComponent component = plan.find(service(kind).getName(), asked != null ? asked : selection.name(kind));
            if (component == null) {
                return null;
            }
            chosen.put(kind, component);
        }
        return plan.find(SandboxDevices.class.getName(), "") == null ? null : chosen;
    }

    /** All but the root; null when the host does not have the platform. */
    private SandboxBuilder builder(Map<ProviderKind, BootComponent> chosen, Map<ProviderKind, String> wanted)
            throws ReflectiveOperationException {
        Platform platform = makePlatform(chosen.get(ProviderKind.PLATFORM), wanted.containsKey(ProviderKind.PLATFORM));
        if (platform == null) {
            return null;
        }
        SandboxBuilder builder = new SandboxBuilder(memoryFile)
                .others(new PlannedProviders(plan, this))
                .platform(platform)
                .network((NetworkStack) make(chosen.get(ProviderKind.NETWORK)))
                .syscalls((SyscallTableProvider) make(chosen.get(ProviderKind.SYSCALLS)))
                .devices((SandboxDevices) make(plan.find(SandboxDevices.class.getName(), "")));
        for (BootComponent component : plan.all(FileSystemProvider.class.getName()).values()) {
            builder.fileSystem((FileSystemProvider) make(component));
        }
        for (BootComponent component : plan.all(KernelFileSystem.class.getName()).values()) {
            builder.kernelFileSystem((KernelFileSystem) make(component));
        }
        return builder;
    }

    /** Null when the host does not have a platform that nobody asked for: the container finds another one. */
    private Platform makePlatform(BootComponent component, boolean isAskedFor) throws ReflectiveOperationException {
        try {
            return (Platform) make(component);
        } catch (InvocationTargetException e) {
            if (isAskedFor) {
                throw e;
            }
            return null;
        }
    }

    static String reason(Exception e) {
        Throwable cause = e instanceof InvocationTargetException && e.getCause() != null ? e.getCause() : e;
        return cause.getMessage() == null ? cause.toString() : cause.getMessage();
    }

    private static Class<?> service(ProviderKind kind) {
        return switch (kind) {
            case PLATFORM -> Platform.class;
            case ROOTFS -> FileSystemProvider.class;
            case NETWORK -> NetworkStack.class;
            case SYSCALLS -> SyscallTableProvider.class;
        };
    }

    /** Makes the component's instance and those it needs. The plan has no cycles: the container could activate every component in it. */
    synchronized Object make(BootComponent component) throws ReflectiveOperationException {
        Part known = made.get(component.implementation());
        if (known != null) {
            return known.instance();
        }
        List<Class<?>> types = new ArrayList<>();
        List<Object> values = new ArrayList<>();
        for (BootComponent.Argument argument : component.arguments()) {
            types.add(Class.forName(argument.type()));
            values.add(argument.isProperties() ? properties(component)
                    : argument.type().equals(MemoryFile.class.getName()) ? memoryFile : made(argument));
        }
        Object instance = Class.forName(component.implementation()).getConstructor(types.toArray(Class<?>[]::new)).newInstance(values.toArray());
        made.put(component.implementation(), new Part(component, instance));
        return instance;
    }

    private Map<String, Object> properties(BootComponent component) {
        Map<String, Object> all = new HashMap<>(component.properties());
        component.pids().forEach(pid -> all.putAll(configuration.apply(pid)));
        return all;
    }

    private Object made(BootComponent.Argument argument) throws ReflectiveOperationException {
        BootComponent component = plan.find(argument.type(), argument.name());
        if (component == null && !argument.isOptional()) {
            throw new ClassNotFoundException("no provider of " + argument.type() + " " + argument.name());
        }
        return component == null ? null : make(component);
    }

    /** {@return the running sandbox} */
    public Sandbox sandbox() {
        return sandbox;
    }

    MemoryFile memoryFile() {
        return memoryFile;
    }

    /**
     * Finds providers that were made.
     *
     * @param service class name of their service
     * @return the parts
     */
    List<Part> of(String service) {
        return made.values().stream().filter(part -> part.component().services().contains(service)).toList();
    }
}
