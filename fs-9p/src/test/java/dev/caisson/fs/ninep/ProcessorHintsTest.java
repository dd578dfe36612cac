package dev.caisson.fs.ninep;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.caisson.ninep.Protocol;
import org.junit.jupiter.api.Test;

/** What was faster is done; told by made-up times. */
class ProcessorHintsTest {
    private static final int REQUESTS = 20_000;

    /** {@return how many of so many requests told their processor} */
    private static int told(ProcessorHints hints, int requests, long toldNs, long untoldNs) {
        int told = 0;
        for (int i = 0; i < requests; i++) {
            boolean tells = Protocol.processor(hints.tag(7)) >= 0;
            told += tells ? 1 : 0;
            hints.took(tells ? toldNs : untoldNs);
        }
        return told;
    }

    @Test
    void theFasterWayIsTaken() {
        assertEquals(1, told(new ProcessorHints(), REQUESTS, 30_000, 60_000) / (REQUESTS * 9 / 10));
        assertEquals(0, told(new ProcessorHints(), REQUESTS, 60_000, 30_000) / (REQUESTS / 10));
    }

    @Test
    void whatChangesIsNoticed() {
        ProcessorHints hints = new ProcessorHints();
        told(hints, REQUESTS, 30_000, 60_000);
        told(hints, REQUESTS / 2, 60_000, 30_000);
        assertEquals(0, told(hints, REQUESTS, 60_000, 30_000) / (REQUESTS / 10));
    }

    @Test
    void aTagTellsItsNumber() {
        for (int processor : new int[] {0, 1, 253}) {
            assertEquals(processor, Protocol.processor(Protocol.tag(200, processor)));
            assertEquals(200, Protocol.tag(200, processor) & 0xff);
        }
        assertEquals(-1, Protocol.processor(Protocol.tag(255, 254)));
        assertEquals(-1, Protocol.processor(Protocol.tag(3, -1)));
    }
}
