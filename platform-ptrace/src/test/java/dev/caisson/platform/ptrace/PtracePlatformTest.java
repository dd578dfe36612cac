package dev.caisson.platform.ptrace;

import dev.caisson.spi.platform.Platform;
import dev.caisson.testing.platform.PlatformContractTest;

/** The platform keeps the contract of platforms. */
class PtracePlatformTest extends PlatformContractTest {
    @Override
    protected Platform newPlatform() throws Exception {
        return new PtracePlatform();
    }
}
