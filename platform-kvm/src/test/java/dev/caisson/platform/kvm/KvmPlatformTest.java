package dev.caisson.platform.kvm;

import dev.caisson.spi.platform.Platform;
import dev.caisson.testing.platform.PlatformContractTest;
import org.opentest4j.TestAbortedException;

/** The platform keeps the contract of platforms. */
class KvmPlatformTest extends PlatformContractTest {
    @Override
    protected Platform newPlatform() throws Exception {
        try {
            return new KvmPlatform();
        } catch (KvmUnusableException e) {
            throw new TestAbortedException(e.getMessage());
        }
    }
}
