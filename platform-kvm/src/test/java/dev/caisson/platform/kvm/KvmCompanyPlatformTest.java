package dev.caisson.platform.kvm;

/** The platform keeps the contract of platforms where a companion runs the guest from the first call on. */
class KvmCompanyPlatformTest extends KvmPlatformTest {
    @Override
    Crowd crowd() {
        return HostileGuestInCompanyTest.company();
    }

    /** Thousands of companions would show nothing but how long they take for each other's processors. */
    @Override
    protected int manyContexts() {
        return 100;
    }
}
