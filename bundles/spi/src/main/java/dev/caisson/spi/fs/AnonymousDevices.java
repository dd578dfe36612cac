package dev.caisson.spi.fs;

import java.util.concurrent.atomic.AtomicInteger;

/** Device numbers for filesystems without a device: major 0, one minor number per instance. */
public final class AnonymousDevices {
    private static final AtomicInteger LAST = new AtomicInteger(20);

    private AnonymousDevices() {}

    /** {@return a number that no other filesystem of this process has} */
    public static long next() {
        return DeviceNumbers.of(0, LAST.incrementAndGet());
    }
}
