package dev.caisson.cli.boot;

import java.io.IOException;
import java.lang.reflect.Constructor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.runtime.ServiceComponentRuntime;
import org.osgi.service.component.runtime.dto.ComponentDescriptionDTO;
import org.osgi.service.component.runtime.dto.ReferenceDTO;

/** Asks a running container what components there are, and writes the ones that need nothing but other services into a plan. */
public final class BootPlanWriter {
    /** Target of the reference that every component has: a condition that is always true (DS 1.5, "Satisfying Condition"). */
    private static final String ALWAYS = "(osgi.condition.id=true)";
    private static final Pattern TARGET = Pattern.compile("\\(" + Pattern.quote(BootComponent.NAME) + "=([^()*\\\\]+)\\)");

    private BootPlanWriter() {}

    /**
     * Writes the plan.
     *
     * @param home directory of the distribution
     * @param context of the framework
     * @param runtime its component runtime
     * @throws IOException when the file cannot be written
     */
    public static void write(Path home, BundleContext context, ServiceComponentRuntime runtime) throws IOException {
        List<BootComponent> components = new ArrayList<>();
        for (ComponentDescriptionDTO description : runtime.getComponentDescriptionDTOs()) {
            BootComponent component = component(description, context.getBundle(description.bundle.id));
            if (component != null) {
                components.add(component);
            }
        }
        BootPlan.write(home, components);
    }

    private static BootComponent component(ComponentDescriptionDTO description, Bundle bundle) {
        Class<?>[] parameters = parameters(bundle, description);
        if (parameters == null || description.serviceInterfaces.length == 0) {
            return null;
        }
        List<BootComponent.Argument> arguments = new ArrayList<>();
        for (int index = 0; index < parameters.length; index++) {
            BootComponent.Argument argument = argument(description, index, parameters[index]);
            if (argument == null) {
                return null;
            }
            arguments.add(argument);
        }
        for (ReferenceDTO reference : description.references) {
            if (reference.parameter == null && !ALWAYS.equals(reference.target)) {
                return null; // services that come and go are the container's business
            }
        }
        Map<String, Object> properties = new TreeMap<>();
        for (Map.Entry<String, Object> entry : description.properties.entrySet()) {
            boolean isWiring = entry.getKey().endsWith(".target");
            if (!isWiring && (entry.getValue() instanceof String || entry.getValue() instanceof Boolean)) {
                properties.put(entry.getKey(), entry.getValue());
            }
        }
        return new BootComponent(description.implementationClass, bundle.getSymbolicName(), List.of(description.serviceInterfaces),
                List.of(description.configurationPid), properties, arguments);
    }

    private static Class<?>[] parameters(Bundle bundle, ComponentDescriptionDTO description) {
        try {
            for (Constructor<?> constructor : bundle.loadClass(description.implementationClass).getConstructors()) {
                if (constructor.getParameterCount() == description.init) {
                    return constructor.getParameterTypes();
                }
            }
        } catch (ClassNotFoundException e) {
            return null;
        }
        return null;
    }

    private static BootComponent.Argument argument(ComponentDescriptionDTO description, int index, Class<?> type) {
        if (type.getName().equals(BootComponent.Argument.PROPERTIES)) {
            return new BootComponent.Argument(type.getName(), "", false);
        }
        for (ReferenceDTO reference : description.references) {
            if (reference.parameter != null && reference.parameter == index) {
                boolean isOptional = reference.cardinality.equals("0..1");
                boolean isService = reference.interfaceName.equals(type.getName()) && (isOptional || reference.cardinality.equals("1..1"));
                String target = reference.target == null ? "" : reference.target;
                Matcher matcher = TARGET.matcher(target);
                if (!isService || !target.isEmpty() && !matcher.matches()) {
                    return null;
                }
                return new BootComponent.Argument(type.getName(), target.isEmpty() ? "" : matcher.group(1), isOptional);
            }
        }
        return null;
    }
}
