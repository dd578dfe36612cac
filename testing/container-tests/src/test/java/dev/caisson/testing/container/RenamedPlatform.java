package dev.caisson.testing.container;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.platform.AddressSpace;
import dev.caisson.spi.platform.ForwardingPlatform;
import dev.caisson.spi.platform.Platform;
import java.util.concurrent.atomic.AtomicInteger;

/** A platform under another name, which may run out of address spaces. */
final class RenamedPlatform extends ForwardingPlatform {
    private final String name;
    private final AtomicInteger spacesLeft;

    RenamedPlatform(Platform platform, String name, int spaces) {
        super(platform);
        this.name = name;
        this.spacesLeft = new AtomicInteger(spaces);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public AddressSpace newAddressSpace(int memoryFile) throws ErrnoException {
        if (spacesLeft.getAndDecrement() <= 0) {
            throw Errno.ENOMEM.error("no address space is left");
        }
        return super.newAddressSpace(memoryFile);
    }

    @Override
    public void close() {}
}
