package dev.caisson.mailbox;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

class SpinnerTest {
    private final Spinner spinner = new Spinner(new SpinPolicy(2), () -> false);

    private void turns(int count) {
        for (int i = 0; i < count; i++) {
            if (spinner.begin()) {
                spinner.succeeded();
            }
        }
    }

    @Test
    void aNewTaskSpins() {
        assertTrue(spinner.begin());
        assertEquals(0, spinner.pair());
    }

    @Test
    void oneProcessorIsNotEnough() {
        assertFalse(new Spinner(new SpinPolicy(1), () -> false).begin());
    }

    @Test
    void aTaskThatSleepsAfterAFewTurnsDoesNotSpin() {
        turns(2);
        spinner.sleeping();
        assertFalse(spinner.begin());
    }

    @Test
    void aTaskThatGoesOnForLongerThanForecastSpins() {
        turns(2);
        spinner.sleeping();
        turns(12);
        assertTrue(spinner.begin());
    }

    @Test
    void aTaskWithMuchToDoSpinsAtOnceAfterItsSleep() {
        turns(24);
        spinner.sleeping();
        assertEquals(-1, spinner.pair());
        assertTrue(spinner.begin());
    }

    @Test
    void spinningInVainAtOnceIsEnough() {
        assertTrue(spinner.begin());
        spinner.failed();
        assertFalse(spinner.begin());
    }

    @Test
    void whatSpinningHasSavedMayBeLost() {
        turns(1000);
        spinner.failed();
        assertTrue(spinner.begin());
        int failures = 0;
        while (spinner.begin()) {
            spinner.failed();
            assertTrue(++failures < 100, "never gives up");
        }
        assertTrue(failures > 1, "gave up after " + failures);
    }

    @Test
    void aTaskThatSleepsLeavesItsPairToAnother() throws InterruptedException {
        SpinPolicy policy = new SpinPolicy(2);
        Spinner one = new Spinner(policy, () -> false);
        Spinner two = new Spinner(policy, () -> false);
        AtomicBoolean spins = new AtomicBoolean();
        assertTrue(one.begin());
        Thread thread = new Thread(() -> spins.set(two.begin()));
        thread.start();
        one.sleeping();
        thread.join();
        assertTrue(spins.get());
    }
}
