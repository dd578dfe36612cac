package dev.caisson.testing.container;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.platform.AddressSpace;
import dev.caisson.spi.platform.Capability;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Platform;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;

/** A platform under another name, which may run out of address spaces. */
final class RenamedPlatform implements Platform {
    private final Platform platform;
    private final String name;
    private final AtomicInteger spacesLeft;

    RenamedPlatform(Platform platform, String name, int spaces) {
        this.platform = platform;
        this.name = name;
        this.spacesLeft = new AtomicInteger(spaces);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public Set<Capability> capabilities() {
        return platform.capabilities();
    }

    @Override
    public long addressLimit() {
        return platform.addressLimit();
    }

    @Override
    public void kill(int memoryFile) {
        platform.kill(memoryFile);
    }

    @Override
    public AddressSpace newAddressSpace(int memoryFile) throws ErrnoException {
        if (spacesLeft.getAndDecrement() <= 0) {
            throw Errno.ENOMEM.error("no address space is left");
        }
        return platform.newAddressSpace(memoryFile);
    }

    @Override
    public GuestContext newContext() {
        return platform.newContext();
    }

    @Override
    public void close() {}
}
