package dev.caisson.platform.kvm;

import dev.caisson.spi.platform.Platform;
import dev.caisson.testing.platform.PlatformContractTest;
import org.opentest4j.TestAbortedException;

/** The platform keeps the contract of platforms. */
class KvmPlatformTest extends PlatformContractTest {
    @Override
    protected Platform newPlatform() throws Exception {
        try {
            return new KvmPlatform(KvmPlatform.DEVICE, 0, crowd());
        } catch (KvmUnusableException e) {
            throw new TestAbortedException(e.getMessage());
        }
    }

    /** {@return who decides whether companions run the guests: here, as usual} */
    Crowd crowd() {
        return new Crowd(Runtime.getRuntime().availableProcessors(), Crowd.HASTY);
    }
}
