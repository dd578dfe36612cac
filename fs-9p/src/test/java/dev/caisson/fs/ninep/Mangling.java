package dev.caisson.fs.ninep;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Changes messages at random, to what is telling more often than not. */
final class Mangling {
    private static final int HEADER_BYTES = 7;
    private static final long[] TELLING = {0, 1, -1, 2, 7, 0x7f, 0x80, 0xff, 0xffff, 0x7fff_ffff, 0x8000_0000L, 0xffff_ffffL, 0xffff_fff0L,
        Long.MAX_VALUE, Long.MIN_VALUE, 1L << 40};

    private Mangling() {}

    /** {@return number of the type of a message} */
    static int type(byte[] message) {
        return message[4] & 0xff;
    }

    /** {@return what is sent in place of a message: that, changed, or twice, or nothing} */
    static List<byte[]> mangled(byte[] message, List<byte[]> corpus, Random random) {
        byte[] changed = message.clone();
        for (int i = 1 + random.nextInt(3); i > 0; i--) {
            changed = change(changed, corpus, random);
        }
        return switch (random.nextInt(60)) {
            case 0 -> List.of(changed, changed);
            case 1 -> List.of(changed, message);
            case 2 -> List.of();
            default -> List.of(changed);
        };
    }

    private static byte[] change(byte[] message, List<byte[]> corpus, Random random) {
        int body = message.length - HEADER_BYTES;
        ByteBuffer fields = ByteBuffer.wrap(message).order(ByteOrder.LITTLE_ENDIAN);
        switch (random.nextInt(12)) {
            case 0, 1 -> {
                if (body > 0) {
                    message[HEADER_BYTES + random.nextInt(body)] ^= (byte) (1 << random.nextInt(8));
                }
                return message;
            }
            case 2, 3, 4 -> {
                long value = TELLING[random.nextInt(TELLING.length)];
                int bytes = 1 << random.nextInt(4);
                if (body >= bytes) {
                    int at = HEADER_BYTES + random.nextInt(body - bytes + 1);
                    for (int i = 0; i < bytes; i++) {
                        message[at + i] = (byte) (value >>> 8 * i);
                    }
                }
                return message;
            }
            case 5 -> {
                return sized(Arrays.copyOf(message, HEADER_BYTES + random.nextInt(body + 1)));
            }
            case 6 -> {
                byte[] longer = Arrays.copyOf(message, message.length + 1 + random.nextInt(40));
                for (int i = message.length; i < longer.length; i++) {
                    longer[i] = (byte) random.nextInt();
                }
                return sized(longer);
            }
            case 7 -> {
                if (random.nextInt(10) == 0) {
                    message[4] = (byte) random.nextInt();
                }
                return message;
            }
            case 8 -> {
                if (random.nextInt(5) == 0) {
                    fields.putShort(5, (short) random.nextInt(random.nextBoolean() ? 8 : 1 << 16));
                }
                return message;
            }
            case 9 -> {
                if (random.nextInt(30) == 0) {
                    fields.putInt(0, random.nextInt(random.nextBoolean() ? 20 : Integer.MAX_VALUE));
                }
                return message;
            }
            default -> {
                // The answer (or request) of another time, or a piece of it.
                byte[] other = corpus.get(random.nextInt(corpus.size())).clone();
                if (random.nextBoolean() && type(other) == type(message)) {
                    ByteBuffer.wrap(other).order(ByteOrder.LITTLE_ENDIAN).putShort(5, fields.getShort(5));
                    return other;
                }
                int length = Math.min(body, other.length - HEADER_BYTES);
                if (length > 0) {
                    int count = 1 + random.nextInt(Math.min(length, 30));
                    System.arraycopy(other, HEADER_BYTES + random.nextInt(length - count + 1), message,
                            HEADER_BYTES + random.nextInt(length - count + 1), count);
                }
                return message;
            }
        }
    }

    private static byte[] sized(byte[] message) {
        ByteBuffer.wrap(message).order(ByteOrder.LITTLE_ENDIAN).putInt(0, message.length);
        return message;
    }
}
