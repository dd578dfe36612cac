package dev.caisson.control.internal;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceReference;

/**
 * The providers of one kind that are registered now, by name. Only those that are asked for are instantiated. Of two with one name the
 * one that ranks higher counts.
 *
 * @param <T> their contract
 */
final class ProviderSet<T> {
    private static final String NAME = "caisson.name";

    private final BundleContext context;
    /** Guarded by this. */
    private final List<ServiceReference<T>> references = new ArrayList<>();

    ProviderSet(BundleContext context) {
        this.context = context;
    }

    synchronized void add(ServiceReference<T> reference) {
        references.add(reference);
        references.sort(null);
    }

    synchronized void remove(ServiceReference<T> reference) {
        references.remove(reference);
    }

    /** The name that a reference is registered under. */
    static String name(ServiceReference<?> reference) {
        return String.valueOf(reference.getProperty(NAME));
    }

    /** {@return the best reference of each name, in order of names} */
    synchronized TreeMap<String, ServiceReference<T>> best() {
        TreeMap<String, ServiceReference<T>> result = new TreeMap<>();
        references.forEach(reference -> result.put(name(reference), reference)); // ascending rank: the last one wins
        return result;
    }

    /** {@return names that can be chosen} */
    List<String> names() {
        return List.copyOf(best().keySet());
    }

    /**
     * Takes a provider into use.
     *
     * @param name its name
     * @return the reference, or null when there is none
     */
    ServiceReference<T> find(String name) {
        return best().get(name);
    }

    /**
     * Instantiates a provider.
     *
     * @param reference which one
     * @return the provider, or null when it has just gone or cannot be activated
     */
    T open(ServiceReference<T> reference) {
        return context.getService(reference);
    }

    /**
     * Gives a provider back; the last one to do so lets the framework dispose of it.
     *
     * @param reference as {@link #open} was given it
     */
    void release(ServiceReference<T> reference) {
        context.ungetService(reference);
    }

    /** {@return all of the best ones, instantiated; those that cannot be activated are left out} */
    List<T> openAll() {
        List<T> result = new ArrayList<>();
        for (ServiceReference<T> reference : best().values()) {
            T provider = context.getService(reference);
            if (provider != null) {
                result.add(provider);
            }
        }
        return result;
    }
}
