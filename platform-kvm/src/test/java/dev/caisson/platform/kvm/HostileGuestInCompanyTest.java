package dev.caisson.platform.kvm;

/** Guests that turn against a processor that a companion runs for them from their first instruction on. */
class HostileGuestInCompanyTest extends HostileGuestTest {
    @Override
    Crowd crowd() {
        return new Crowd(Short.MAX_VALUE, Integer.MIN_VALUE);
    }
}
