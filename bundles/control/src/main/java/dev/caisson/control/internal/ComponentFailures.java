package dev.caisson.control.internal;

import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceReference;
import org.osgi.service.component.runtime.ServiceComponentRuntime;
import org.osgi.service.component.runtime.dto.ComponentConfigurationDTO;
import org.osgi.service.component.runtime.dto.ComponentDescriptionDTO;

/** Asks the component runtime why a component could not be activated. */
final class ComponentFailures {
    private static final String COMPONENT_ID = "component.id";

    private final BundleContext context;

    ComponentFailures(BundleContext context) {
        this.context = context;
    }

    /**
     * Says why.
     *
     * @param service a component's service that could not be had
     * @return one line
     */
    String reason(ServiceReference<?> service) {
        String reason = null;
        ServiceReference<ServiceComponentRuntime> reference = context.getServiceReference(ServiceComponentRuntime.class);
        ServiceComponentRuntime runtime = reference == null ? null : context.getService(reference);
        if (runtime != null && service.getBundle() != null) {
            for (ComponentDescriptionDTO description : runtime.getComponentDescriptionDTOs(service.getBundle())) {
                for (ComponentConfigurationDTO component : runtime.getComponentConfigurationDTOs(description)) {
                    if (Long.valueOf(component.id).equals(service.getProperty(COMPONENT_ID)) && component.failure != null) {
                        reason = firstCause(component.failure);
                    }
                }
            }
            context.ungetService(reference);
        }
        return reason == null ? "its service cannot be had; see --log FILE --debug" : reason;
    }

    /** The failure is a stack trace as text: its innermost cause says most. */
    private static String firstCause(String stackTrace) {
        String reason = null;
        for (String line : stackTrace.lines().toList()) {
            if (reason == null || line.startsWith("Caused by: ")) {
                reason = line.startsWith("Caused by: ") ? line.substring("Caused by: ".length()) : line;
            }
        }
        int message = reason == null ? -1 : reason.indexOf(": ");
        return message < 0 ? reason : reason.substring(message + 2);
    }
}
