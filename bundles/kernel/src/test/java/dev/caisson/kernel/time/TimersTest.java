package dev.caisson.kernel.time;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.testing.kit.Await;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class TimersTest {
    private final Timers timers = new Timers();

    @AfterEach
    void close() {
        timers.close();
    }

    @Test
    void alarmsRingInOrderOfTheirDeadlines() {
        List<Integer> order = Collections.synchronizedList(new ArrayList<>());
        CountDownLatch isHeld = new CountDownLatch(1);
        CountDownLatch allAreArmed = new CountDownLatch(1);
        CountDownLatch done = new CountDownLatch(100);
        long base = System.nanoTime();
        timers.arm(new Alarm(() -> { // none of the others rings before all are armed
            isHeld.countDown();
            await(allAreArmed);
        }), base);
        await(isHeld);
        List<Integer> numbers = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            numbers.add(i);
        }
        Collections.shuffle(numbers, new Random(7));
        for (int number : numbers) {
            timers.arm(new Alarm(() -> {
                order.add(number);
                done.countDown();
            }), base + number * 1000L);
        }
        allAreArmed.countDown();
        await(done);
        for (int i = 0; i < 100; i++) {
            assertEquals(i, order.get(i));
        }
    }

    @Test
    void movedAndDisarmedAlarmsKeepTheHeapInOrder() {
        Random random = new Random(3);
        List<Alarm> alarms = new ArrayList<>();
        long far = System.nanoTime() + 3_600_000_000_000L;
        for (int i = 0; i < 200; i++) {
            alarms.add(new Alarm(() -> { }));
        }
        int armed = 0;
        boolean[] isArmed = new boolean[200];
        for (int step = 0; step < 5000; step++) {
            int which = random.nextInt(200);
            if (random.nextInt(3) == 0) {
                timers.disarm(alarms.get(which));
                armed -= isArmed[which] ? 1 : 0;
                isArmed[which] = false;
            } else {
                timers.arm(alarms.get(which), far + random.nextInt(1000));
                armed += isArmed[which] ? 0 : 1;
                isArmed[which] = true;
            }
            assertEquals(armed, timers.armedCount());
        }
    }

    @Test
    void anAlarmThatFailsDoesNotStopTheOthers() {
        CountDownLatch done = new CountDownLatch(1);
        timers.arm(new Alarm(() -> {
            throw new IllegalStateException("expected by the test");
        }), System.nanoTime());
        timers.arm(new Alarm(done::countDown), System.nanoTime() + 1_000_000);
        await(done);
    }

    private static void await(CountDownLatch latch) {
        try {
            assertTrue(latch.await(Await.PATIENCE_S, TimeUnit.SECONDS));
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
