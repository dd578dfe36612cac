package dev.caisson.kernel.pipe;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.caisson.testing.kit.Bytes;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class ByteRingTest {
    @Test
    void behavesLikeAListOfBytes() throws Exception {
        Random random = new Random(42);
        ByteRing ring = new ByteRing();
        List<Byte> model = new ArrayList<>();
        for (int step = 0; step < 20_000; step++) {
            int length = random.nextInt(300);
            switch (random.nextInt(6)) {
                case 0 -> {
                    byte[] bytes = bytes(random, length);
                    assertEquals(length, ring.fill(Bytes.of(bytes), length));
                    add(model, model.size(), bytes);
                }
                case 1 -> {
                    byte[] bytes = bytes(random, length);
                    ring.append(bytes, 0, length);
                    add(model, model.size(), bytes);
                }
                case 2 -> {
                    byte[] bytes = bytes(random, length);
                    ring.prepend(bytes, 0, length);
                    add(model, 0, bytes);
                }
                case 3 -> {
                    int taken = Math.min(2 * length, model.size());
                    Bytes target = Bytes.room(taken);
                    assertEquals(taken, ring.drain(target.buffer(), taken));
                    assertArrayEquals(array(model, 0, taken), target.first(taken));
                    model.subList(0, taken).clear();
                }
                case 4 -> {
                    int dropped = Math.min(length, model.size());
                    ring.unfill(dropped);
                    model.subList(model.size() - dropped, model.size()).clear();
                }
                default -> {
                    int from = model.isEmpty() ? 0 : random.nextInt(model.size());
                    int count = Math.min(length, model.size() - from);
                    assertArrayEquals(array(model, from, count), ring.copy(from, count));
                }
            }
            assertEquals(model.size(), ring.used());
        }
    }

    private static byte[] bytes(Random random, int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
    }

    private static void add(List<Byte> model, int at, byte[] bytes) {
        List<Byte> boxed = new ArrayList<>();
        for (byte each : bytes) {
            boxed.add(each);
        }
        model.addAll(at, boxed);
    }

    private static byte[] array(List<Byte> model, int from, int count) {
        byte[] bytes = new byte[count];
        for (int i = 0; i < count; i++) {
            bytes[i] = model.get(from + i);
        }
        return bytes;
    }
}
