package dev.caisson.kernel.signal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.SignalCodes;
import dev.caisson.abi.SignalInfo;
import dev.caisson.abi.Signals;
import org.junit.jupiter.api.Test;

class PendingSignalsTest {
    private final FakeOwner owner = new FakeOwner();
    private final PendingSignals pending = new PendingSignals();

    private static SignalInfo queued(int signal, long value) {
        return new SignalInfo(signal, 0, SignalCodes.SI_QUEUE, 0, value, 0, 0);
    }

    @Test
    void standardSignalIsPendingOnceWithTheFirstInformation() {
        pending.add(queued(Signals.SIGUSR1, 1), null, owner);
        pending.add(queued(Signals.SIGUSR1, 2), null, owner);
        assertEquals(1, pending.take(Signals.SIGUSR1).word24());
        assertFalse(pending.has(Signals.SIGUSR1));
        assertEquals(0, owner.quota.used());
    }

    @Test
    void realTimeSignalsQueueInOrder() {
        pending.add(queued(40, 1), null, owner);
        pending.add(queued(40, 2), null, owner);
        assertEquals(1, pending.take(40).word24());
        assertTrue(pending.has(40));
        assertEquals(2, pending.take(40).word24());
        assertFalse(pending.has(40));
    }

    @Test
    void fullQueueRefusesRealTimeSignals() {
        owner.limit = 1;
        assertTrue(pending.add(queued(40, 1), null, owner));
        assertFalse(pending.add(queued(40, 2), null, owner));
        pending.take(40);
        assertTrue(pending.add(queued(40, 3), null, owner));
    }

    @Test
    void fullQueueDeliversKillOfARealTimeSignalWithoutInformation() {
        owner.limit = 0;
        assertTrue(pending.add(SignalInfo.sent(40, SignalCodes.SI_USER, 7, 7), null, owner));
        assertEquals(0, pending.take(40).pid());
    }

    @Test
    void faultsAreTakenBeforeEverythingElse() {
        pending.add(SignalInfo.sent(Signals.SIGHUP, SignalCodes.SI_USER, 1, 0), null, owner);
        pending.add(SignalInfo.fault(Signals.SIGSEGV, SignalCodes.SEGV_MAPERR, 0x123), null, owner);
        assertEquals(0x123, pending.takeSynchronous(SignalSets.SYNCHRONOUS).address());
        assertNull(pending.takeSynchronous(SignalSets.SYNCHRONOUS));
    }

    @Test
    void aSentSegmentationFaultIsNotSynchronous() {
        pending.add(SignalInfo.sent(Signals.SIGSEGV, SignalCodes.SI_USER, 1, 0), null, owner);
        assertNull(pending.takeSynchronous(SignalSets.SYNCHRONOUS));
    }

    @Test
    void discardingGivesTheQuotaBack() {
        pending.add(queued(40, 1), null, owner);
        pending.add(queued(41, 1), null, owner);
        pending.discard(SignalSets.bit(40));
        assertEquals(1, owner.quota.used());
        assertFalse(pending.has(40));
        assertTrue(pending.has(41));
        pending.clear();
        assertEquals(0, pending.set());
    }

    @Test
    void aDeletedTimerTakesItsSignalAway() {
        SignalSource timer = info -> info;
        pending.add(SignalInfo.timer(Signals.SIGALRM, 0, 0, 0), timer, owner);
        assertTrue(pending.holds(timer));
        pending.discard(timer);
        assertFalse(pending.has(Signals.SIGALRM));
    }
}
