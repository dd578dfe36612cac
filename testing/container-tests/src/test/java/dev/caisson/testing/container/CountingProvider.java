package dev.caisson.testing.container;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.FileSystemProvider;
import dev.caisson.spi.fs.MountRequest;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A provider of somebody else's bundle: another name for a provider that is there.
 *
 * @param provider does the work
 * @param name its own name
 * @param mounts how often it was asked
 */
record CountingProvider(FileSystemProvider provider, String name, AtomicInteger mounts) implements FileSystemProvider {
    @Override
    public boolean isGuestMountable() {
        return provider.isGuestMountable();
    }

    @Override
    public FileSystem mount(MountRequest request) throws ErrnoException {
        mounts.incrementAndGet();
        return provider.mount(request);
    }
}
