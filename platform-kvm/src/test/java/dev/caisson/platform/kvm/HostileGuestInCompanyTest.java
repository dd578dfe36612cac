package dev.caisson.platform.kvm;

/** Guests that turn against a processor that a companion runs for them from their first instruction on. */
class HostileGuestInCompanyTest extends HostileGuestTest {
    /** {@return who gives every guest a companion, however many there are} */
    static Crowd company() {
        return new Crowd(Short.MAX_VALUE, Integer.MIN_VALUE);
    }

    @Override
    Crowd crowd() {
        return company();
    }
}
