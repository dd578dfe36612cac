package dev.caisson.kernel;

import dev.caisson.spi.platform.AddressSpace;
import dev.caisson.spi.platform.Capability;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Platform;
import java.util.Set;

/** A platform that nobody may ask for anything but what it is. */
class NoPlatform implements Platform {
    @Override
    public String name() {
        return "none";
    }

    @Override
    public Set<Capability> capabilities() {
        return Set.of();
    }

    @Override
    public long addressLimit() {
        return 1L << 46;
    }

    @Override
    public AddressSpace newAddressSpace(int memoryFile) {
        throw new UnsupportedOperationException();
    }

    @Override
    public GuestContext newContext() {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {}
}
