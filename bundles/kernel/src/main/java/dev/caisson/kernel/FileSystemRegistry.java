package dev.caisson.kernel;

import dev.caisson.spi.fs.FileSystemProvider;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;

/**
 * The kinds of filesystems a kernel knows: what mount(2) may mount and /proc/filesystems lists. A kind that goes away is not torn
 * from its mounts; only new mounts lack it.
 */
public final class FileSystemRegistry {
    private final Map<String, FileSystemProvider> providers = new ConcurrentSkipListMap<>();

    /** Makes an empty registry. */
    public FileSystemRegistry() {}

    /**
     * Adds a kind, or replaces the one of the same name for new mounts.
     *
     * @param provider the kind
     */
    public void register(FileSystemProvider provider) {
        providers.put(provider.name(), provider);
    }

    /**
     * Takes a kind away from new mounts.
     *
     * @param provider the kind; does nothing when another took its name
     */
    public void unregister(FileSystemProvider provider) {
        providers.remove(provider.name(), provider);
    }

    /**
     * Finds a kind.
     *
     * @param name as in mount(2)
     * @return the provider, or null
     */
    public FileSystemProvider find(String name) {
        return providers.get(name);
    }

    /** {@return all kinds by name} */
    public Collection<FileSystemProvider> all() {
        return List.copyOf(providers.values());
    }
}
