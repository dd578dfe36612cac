package dev.caisson.platform.kvm;

import dev.caisson.spi.platform.Platform;
import dev.caisson.testing.platform.PlatformContractTest;
import org.opentest4j.TestAbortedException;

/** The platform keeps the contract of platforms where a companion runs the guest from the first call on. */
class KvmCompanyPlatformTest extends PlatformContractTest {
    @Override
    protected Platform newPlatform() throws Exception {
        try {
            return new KvmPlatform(KvmPlatform.DEVICE, 0, new Crowd(Short.MAX_VALUE, Integer.MIN_VALUE));
        } catch (KvmUnusableException e) {
            throw new TestAbortedException(e.getMessage());
        }
    }
}
