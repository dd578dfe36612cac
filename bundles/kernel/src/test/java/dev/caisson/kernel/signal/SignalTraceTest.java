package dev.caisson.kernel.signal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.SignalAction;
import dev.caisson.abi.SignalCodes;
import dev.caisson.abi.SignalInfo;
import dev.caisson.abi.Signals;
import dev.caisson.kernel.signal.SignalDelivery.Outcome;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

class SignalTraceTest {
    /** A tracer that writes down what happens, and decides about signals. */
    private final class Onlooker implements SignalTrace {
        final boolean seized;
        final List<String> seen = new ArrayList<>();
        UnaryOperator<SignalInfo> answer = info -> info;
        Runnable atTrap = () -> { };
        boolean stepping;

        Onlooker(boolean seized) {
            this.seized = seized;
        }

        @Override
        public SignalInfo deliver(SignalInfo info) {
            seen.add("signal " + info.signal());
            return answer.apply(info);
        }

        @Override
        public void trap(int stopSignal) {
            seen.add("trap " + stopSignal);
            atTrap.run();
            process.enterTrap(thread.signals, true);
            process.leaveTrap(thread.signals);
        }

        @Override
        public boolean isSeized() {
            return seized;
        }

        @Override
        public void trapPending() {}

        @Override
        public boolean endStep() {
            boolean was = stepping;
            stepping = false;
            return was;
        }

        @Override
        public void stepIntoHandler() {
            seen.add("handler");
        }
    }

    private final FakeOwner owner = new FakeOwner();
    private final ProcessSignals process = new ProcessSignals(owner, new SignalHandlers(), false);
    private final FakeThread thread = new FakeThread(1, process);

    private Onlooker trace(boolean seized) {
        Onlooker onlooker = new Onlooker(seized);
        process.trace(thread.signals, onlooker, false);
        return onlooker;
    }

    private void send(int signal) {
        process.send(SignalInfo.sent(signal, SignalCodes.SI_USER, 5, 6), null, false);
    }

    private Outcome deliver() {
        return SignalDelivery.deliver(thread.signals);
    }

    @Test
    void aTracerDecidesWhetherASignalKills() {
        Onlooker onlooker = trace(false);
        onlooker.answer = info -> null;
        send(Signals.SIGTERM);
        assertFalse(process.isEnding(), "not before the tracer has seen it");
        assertEquals(Outcome.RUN, deliver());
        onlooker.answer = info -> SignalInfo.sent(Signals.SIGINT, SignalCodes.SI_USER, 1, 0);
        send(Signals.SIGTERM);
        assertEquals(Outcome.EXIT_GROUP, deliver());
        assertEquals(Signals.SIGINT, process.endStatus());
        assertEquals(List.of("signal 15", "signal 15"), onlooker.seen);
    }

    @Test
    void ignoredSignalsAreSeenAndKillIsNot() {
        Onlooker onlooker = trace(false);
        send(Signals.SIGWINCH);
        assertEquals(Outcome.RUN, deliver());
        assertEquals(List.of("signal 28"), onlooker.seen);
        send(Signals.SIGKILL);
        assertEquals(Outcome.EXIT_GROUP, deliver());
        assertEquals(List.of("signal 28"), onlooker.seen);
    }

    @Test
    void aSignalThatIsBlockedMeanwhileStaysPending() {
        Onlooker onlooker = trace(false);
        onlooker.answer = info -> {
            thread.signals.replaceMask(SignalSets.bit(Signals.SIGUSR1));
            return info;
        };
        send(Signals.SIGUSR1);
        assertEquals(Outcome.RUN, deliver());
        assertEquals(SignalSets.bit(Signals.SIGUSR1), thread.signals.pendingSet());
        assertFalse(thread.signals.hasWork());
    }

    @Test
    void aGroupStopStopsATracedThreadOnceAndItsTracerLetsItGo() {
        Onlooker onlooker = trace(false);
        send(Signals.SIGTSTP);
        assertEquals(Outcome.RUN, deliver());
        assertEquals(List.of("signal 20", "trap 20"), onlooker.seen);
        assertTrue(process.isStopped());
        assertFalse(thread.signals.hasWork());
        send(Signals.SIGUSR1);
        onlooker.answer = info -> null;
        assertEquals(Outcome.RUN, deliver(), "it takes signals while its group is stopped");
        onlooker.answer = info -> info;
        send(Signals.SIGSTOP);
        assertEquals(Outcome.RUN, deliver());
        assertEquals(List.of("signal 20", "trap 20", "signal 10", "signal 19", "trap 19"), onlooker.seen, "and stops anew");
        process.endTrace(thread.signals);
        assertTrue(thread.signals.hasWork());
        assertEquals(Outcome.STOP, deliver(), "without a tracer it is stopped as its group is");
    }

    @Test
    void aSeizedThreadIsToldOfTheEndOfAStop() {
        Onlooker onlooker = trace(true);
        send(Signals.SIGSTOP);
        assertEquals(Outcome.RUN, deliver());
        send(Signals.SIGCONT);
        assertTrue(thread.signals.hasTraps());
        assertEquals(Outcome.RUN, deliver());
        assertEquals(List.of("signal 19", "trap 19", "trap 0", "signal 18"), onlooker.seen);
        process.interrupt(thread.signals);
        assertEquals(Outcome.RUN, deliver());
        assertEquals("trap 0", onlooker.seen.getLast());
        assertFalse(thread.signals.hasWork());
    }

    @Test
    void aContinuationIsNotLostWhileTheThreadIsOnItsWayToTheStop() {
        Onlooker onlooker = trace(true);
        onlooker.atTrap = () -> {
            onlooker.atTrap = () -> { };
            send(Signals.SIGCONT);
        };
        send(Signals.SIGSTOP);
        assertEquals(Outcome.RUN, deliver());
        assertEquals(List.of("signal 19", "trap 19", "trap 0", "signal 18"), onlooker.seen);
    }

    @Test
    void aThreadThatIsStoppedAlreadyIsTheTracersAtOnce() {
        send(Signals.SIGSTOP);
        assertEquals(Outcome.STOP, deliver());
        Onlooker onlooker = trace(true);
        assertTrue(thread.signals.hasWork());
        assertEquals(Outcome.RUN, deliver());
        assertEquals(List.of("trap 19"), onlooker.seen);
    }

    @Test
    void aStepGoesToTheFirstInstructionOfAHandler() {
        Onlooker onlooker = trace(false);
        onlooker.stepping = true;
        process.setAction(Signals.SIGUSR1, new SignalAction(0x401000, Integer.toUnsignedLong(Signals.SA_RESTORER), 0x402000, 0));
        send(Signals.SIGUSR1);
        assertEquals(Outcome.RUN, deliver());
        assertEquals(List.of("signal 10", "handler"), onlooker.seen);
        assertEquals(0x401000, thread.registers.rip());
    }

    @Test
    void aSignalThatNothingCanPreventIsNotTheTracers() {
        Onlooker onlooker = trace(false);
        process.force(thread.signals, SignalInfo.kernel(Signals.SIGSYS), true);
        assertEquals(Outcome.EXIT_GROUP, deliver());
        assertEquals(List.of(), onlooker.seen);
    }
}
