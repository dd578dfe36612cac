package dev.caisson.mailbox;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** All interleavings of kernel, stub and interrupter. */
class ProtocolTest {
    @Test
    void aGuestThatNeverCallsIsInterruptedEveryTime() {
        assertEquals("", explore(new Protocol(false), 3));
    }

    @Test
    void aGuestThatCallsIsAnsweredEveryTime() {
        assertEquals("", explore(new Protocol(true), 3));
    }

    @ParameterizedTest
    @EnumSource(Protocol.Mistake.class)
    void everyMistakeIsFound(Protocol.Mistake mistake) {
        String silent = explore(new Protocol(false, mistake), 3);
        String calling = explore(new Protocol(true, mistake), 3);
        assertNotEquals("", silent + calling, mistake + " goes unnoticed");
    }

    @Test
    void theExplorationIsNotTrivial() {
        Protocol protocol = new Protocol(true);
        assertTrue(reachable(protocol, protocol.start(3)).size() > 500);
    }

    /** Visits every reachable state; says what is wrong with the first bad one. */
    private static String explore(Protocol protocol, int interrupts) {
        Protocol.State start = protocol.start(interrupts);
        Map<Protocol.State, List<Protocol.State>> before = reachable(protocol, start);
        for (Protocol.State state : before.keySet()) {
            if (state.isDoubleRun()) {
                return "both sides own the slot: " + state;
            }
        }
        Set<Protocol.State> live = new HashSet<>();
        ArrayDeque<Protocol.State> work = new ArrayDeque<>();
        for (Protocol.State state : before.keySet()) {
            if (protocol.isEnd(state)) {
                live.add(state);
                work.add(state);
            }
        }
        while (!work.isEmpty()) { // backwards from the ends
            for (Protocol.State state : before.get(work.poll())) {
                if (live.add(state)) {
                    work.add(state);
                }
            }
        }
        for (Protocol.State state : before.keySet()) {
            if (!live.contains(state)) {
                return "nothing leads on to the end from " + state;
            }
        }
        return "";
    }

    /** All reachable states, with their predecessors. */
    private static Map<Protocol.State, List<Protocol.State>> reachable(Protocol protocol, Protocol.State start) {
        Map<Protocol.State, List<Protocol.State>> before = new HashMap<>();
        before.put(start, new ArrayList<>());
        ArrayDeque<Protocol.State> work = new ArrayDeque<>(List.of(start));
        while (!work.isEmpty()) {
            Protocol.State state = work.poll();
            for (Protocol.State next : protocol.next(state)) {
                List<Protocol.State> known = before.get(next);
                if (known == null) {
                    known = new ArrayList<>();
                    before.put(next, known);
                    work.add(next);
                }
                known.add(state);
            }
        }
        return before;
    }
}
