package dev.caisson.platform.systrap;

import dev.caisson.spi.platform.Platform;
import dev.caisson.testing.platform.PlatformContractTest;

/** The platform keeps the contract of platforms. */
class SystrapPlatformTest extends PlatformContractTest {
    @Override
    protected Platform newPlatform() throws Exception {
        return new SystrapPlatform();
    }
}
