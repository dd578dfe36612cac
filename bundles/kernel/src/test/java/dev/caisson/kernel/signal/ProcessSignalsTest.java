package dev.caisson.kernel.signal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.SignalAction;
import dev.caisson.abi.SignalCodes;
import dev.caisson.abi.SignalInfo;
import dev.caisson.abi.Signals;
import dev.caisson.kernel.signal.SignalDelivery.Outcome;
import java.util.List;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

class ProcessSignalsTest {
    private final FakeOwner owner = new FakeOwner();
    private final ProcessSignals process = new ProcessSignals(owner, new SignalHandlers(), false);
    private final FakeThread first = new FakeThread(1, process);
    private final FakeThread second = new FakeThread(2, process);

    private boolean send(int signal) {
        return process.send(SignalInfo.sent(signal, SignalCodes.SI_USER, 5, 6), null, false);
    }

    private void handle(int signal) {
        process.setAction(signal, new SignalAction(0x1000, Signals.SA_RESTORER, 0x2000, 0));
    }

    private static Outcome deliver(FakeThread thread) {
        return SignalDelivery.deliver(thread.signals);
    }

    @Nested
    class Sending {
        @Test
        void theMainThreadIsPreferred() {
            handle(Signals.SIGUSR1);
            send(Signals.SIGUSR1);
            assertTrue(first.signals.hasWork());
            assertFalse(second.signals.hasWork());
        }

        @Test
        void aThreadThatBlocksIsPassedOver() {
            handle(Signals.SIGUSR1);
            first.signals.setMask(SignalSets.bit(Signals.SIGUSR1));
            send(Signals.SIGUSR1);
            assertFalse(first.signals.hasWork());
            assertTrue(second.signals.hasWork());
        }

        @Test
        void blockingASignalHandsItToAnotherThread() {
            handle(Signals.SIGUSR1);
            send(Signals.SIGUSR1);
            first.signals.setMask(SignalSets.bit(Signals.SIGUSR1));
            assertFalse(first.signals.hasWork());
            assertTrue(second.signals.hasWork());
        }

        @Test
        void anExitingThreadHandsItsSignalsOn() {
            handle(Signals.SIGUSR1);
            send(Signals.SIGUSR1);
            process.remove(first.signals);
            assertTrue(second.signals.hasWork());
        }

        @Test
        void anIgnoredSignalIsDropped() {
            send(Signals.SIGCHLD);
            assertEquals(0, process.pendingSet());
            first.signals.setMask(SignalSets.bit(Signals.SIGCHLD));
            send(Signals.SIGCHLD);
            assertEquals(SignalSets.bit(Signals.SIGCHLD), process.pendingSet());
        }

        @Test
        void ignoringAPendingSignalDiscardsIt() {
            first.signals.setMask(SignalSets.bit(Signals.SIGUSR1));
            second.signals.setMask(SignalSets.bit(Signals.SIGUSR1));
            send(Signals.SIGUSR1);
            process.setAction(Signals.SIGUSR1, new SignalAction(Signals.SIG_IGN, 0, 0, 0));
            assertEquals(0, process.pendingSet());
        }

        @Test
        void aFatalSignalEndsEveryThreadAtOnce() {
            send(Signals.SIGTERM);
            assertTrue(process.isEnding());
            assertEquals(Outcome.EXIT_GROUP, deliver(second));
            assertEquals(Outcome.EXIT_GROUP, deliver(first));
            assertEquals(Signals.SIGTERM, process.endStatus());
        }

        @Test
        void theInitProcessIsDeafToWhatItDoesNotHandle() {
            ProcessSignals init = new ProcessSignals(owner, new SignalHandlers(), true);
            new FakeThread(1, init);
            init.send(SignalInfo.sent(Signals.SIGTERM, 0, 2, 0), null, false);
            init.send(SignalInfo.sent(Signals.SIGKILL, 0, 2, 0), null, false);
            assertFalse(init.isEnding());
            init.send(SignalInfo.kernel(Signals.SIGTERM), null, true);
            assertFalse(init.isEnding());
            init.send(SignalInfo.kernel(Signals.SIGKILL), null, true);
            assertTrue(init.isEnding());
        }

        @Test
        void aFaultKillsTheInitProcessToo() {
            ProcessSignals init = new ProcessSignals(owner, new SignalHandlers(), true);
            FakeThread thread = new FakeThread(1, init);
            SignalDelivery.forceFault(thread.signals, Signals.SIGSEGV, SignalCodes.SEGV_MAPERR, 0);
            assertEquals(Outcome.EXIT_GROUP, deliver(thread));
        }

        @Test
        void aBlockedFaultKills() {
            handle(Signals.SIGSEGV);
            first.signals.setMask(SignalSets.bit(Signals.SIGSEGV));
            SignalDelivery.forceFault(first.signals, Signals.SIGSEGV, SignalCodes.SEGV_MAPERR, 0x10);
            assertEquals(Outcome.EXIT_GROUP, deliver(first));
            assertEquals(Signals.SIGSEGV, process.endStatus());
        }

        @Test
        void sigtimedwaitTakesASignalWithoutItsHandler() {
            long wanted = SignalSets.bit(Signals.SIGUSR1);
            first.signals.setMask(wanted);
            second.signals.setMask(wanted);
            assertNull(process.take(first.signals, wanted));
            process.beginAwait(first.signals, wanted);
            send(Signals.SIGUSR1);
            assertTrue(first.signals.hasWork());
            assertFalse(process.isEnding());
            SignalInfo info = process.endAwait(first.signals, wanted);
            assertNotNull(info);
            assertEquals(5, info.pid());
            assertFalse(first.signals.hasWork());
            assertEquals(wanted, first.signals.mask());
        }

        @Test
        void aWaiterThatTakesOneSignalLeavesTheRestToAnother() {
            long wanted = SignalSets.bit(40);
            first.signals.setMask(wanted);
            second.signals.setMask(wanted);
            process.beginAwait(first.signals, wanted);
            send(40);
            send(40);
            assertFalse(second.signals.hasWork());
            process.beginAwait(second.signals, wanted);
            assertTrue(second.signals.hasWork());
            assertNotNull(process.endAwait(first.signals, wanted));
            assertTrue(second.signals.hasWork());
            assertNotNull(process.endAwait(second.signals, wanted));
        }

        @Test
        void severalSignalsWakeSeveralThreads() {
            handle(Signals.SIGUSR1);
            handle(Signals.SIGUSR2);
            send(Signals.SIGUSR1);
            send(Signals.SIGUSR2);
            assertTrue(first.signals.hasWork());
            assertTrue(second.signals.hasWork());
        }

        @Test
        void executionEndsTheOtherThreadsOnly() {
            assertTrue(process.endOthers(second.signals));
            assertEquals(Outcome.EXIT_THREAD, deliver(first));
            process.remove(first.signals);
            assertEquals(Outcome.RUN, deliver(second));
            assertEquals(1, process.threadCount());
        }
    }

    @Nested
    class JobControl {
        @Test
        void theParentHearsWhenTheLastThreadHasStopped() {
            send(Signals.SIGSTOP);
            assertEquals(Outcome.STOP, deliver(first));
            assertEquals(List.of(), owner.changes);
            assertTrue(second.signals.hasWork());
            assertEquals(Outcome.STOP, deliver(second));
            assertEquals(List.of(SignalCodes.CLD_STOPPED + ":" + Signals.SIGSTOP), owner.changes);
            assertTrue(process.isStopped());
            assertEquals(Signals.SIGSTOP, process.takeStopped(true));
            assertEquals(0, process.takeStopped(true));
        }

        @Test
        void continuingWakesEverybodyAndIsReported() {
            send(Signals.SIGSTOP);
            deliver(first);
            deliver(second);
            send(Signals.SIGCONT);
            assertEquals(SignalCodes.CLD_CONTINUED + ":" + Signals.SIGCONT, owner.changes.getLast());
            assertEquals(Outcome.RUN, deliver(first));
            assertEquals(Outcome.RUN, deliver(second));
            assertTrue(process.takeContinued(true));
            assertFalse(process.takeContinued(true));
        }

        @Test
        void continueAndStopDiscardEachOther() {
            handle(Signals.SIGCONT);
            first.signals.setMask(~0L);
            second.signals.setMask(~0L);
            send(Signals.SIGTSTP);
            send(Signals.SIGCONT);
            assertEquals(SignalSets.bit(Signals.SIGCONT), process.pendingSet());
            send(Signals.SIGTTIN);
            assertEquals(SignalSets.bit(Signals.SIGTTIN), process.pendingSet());
        }

        @Test
        void killingAStoppedProcessWorks() {
            send(Signals.SIGSTOP);
            deliver(first);
            deliver(second);
            send(Signals.SIGTERM);
            assertFalse(process.isEnding());
            send(Signals.SIGKILL);
            assertEquals(Outcome.EXIT_GROUP, deliver(first));
            assertEquals(Signals.SIGKILL, process.endStatus());
        }

        @Test
        void anOrphanedGroupIsNotStoppedByTheTerminal() {
            owner.orphaned = true;
            send(Signals.SIGTSTP);
            assertEquals(Outcome.RUN, deliver(first));
            send(Signals.SIGSTOP);
            assertEquals(Outcome.STOP, deliver(first));
        }

        @Test
        void aThreadThatLeavesCompletesTheStop() {
            send(Signals.SIGSTOP);
            deliver(first);
            process.remove(second.signals);
            assertTrue(process.isStopped());
        }
    }
}
