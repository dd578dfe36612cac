package dev.caisson.fs.tar;

import java.io.IOException;
import java.util.Arrays;

/**
 * Where the data of a sparse file are: pieces in ascending order that do not overlap, stored one behind the other. What is between them
 * reads as zeros.
 */
final class Extents {
    private final long[] starts;
    private final long[] lengths;
    /** Where each piece lies, counted from the start of the stored data. */
    private final long[] stored;

    /**
     * Takes a map from an archive.
     *
     * @param map offsets and lengths in turn
     * @param count how many numbers of it count
     * @param sizeBytes size of the file
     * @param storedBytes size of its stored data
     * @throws IOException when the map cannot be of such a file
     */
    Extents(long[] map, int count, long sizeBytes, long storedBytes) throws IOException {
        int pieces = count / 2;
        starts = new long[pieces];
        lengths = new long[pieces];
        stored = new long[pieces];
        long end = 0;
        long sum = 0;
        int used = 0;
        for (int i = 0; i + 1 < count; i += 2) {
            long start = map[i];
            long length = map[i + 1];
            if (start < end || length < 0 || length > sizeBytes - start || length > storedBytes - sum) {
                throw new IOException("has a map of holes that cannot be");
            }
            if (length > 0) {
                starts[used] = start;
                lengths[used] = length;
                stored[used++] = sum;
            }
            end = start + length;
            sum += length;
        }
        if (count % 2 != 0 || sum != storedBytes) {
            throw new IOException("has a map of holes that cannot be");
        }
        Arrays.fill(starts, used, pieces, Long.MAX_VALUE);
    }

    /** The piece that a position lies in, or the next one behind it; may be beyond the last. */
    private int piece(long position) {
        int found = Arrays.binarySearch(starts, position);
        int at = found >= 0 ? found : -found - 2; // the last that starts at or before
        return at >= 0 && position - starts[at] < lengths[at] ? at : at + 1;
    }

    private boolean exists(int piece) {
        return piece < starts.length && starts[piece] != Long.MAX_VALUE;
    }

    /** Where data start at or behind a position; Long.MAX_VALUE when there are none. */
    long dataFrom(long position) {
        int piece = piece(position);
        return exists(piece) ? Math.max(position, starts[piece]) : Long.MAX_VALUE;
    }

    /** Where the data that a position lies in end; the position itself when it lies in a hole. Pieces that touch are one. */
    long dataEnd(long position) {
        long end = position;
        for (int piece = piece(position); exists(piece) && starts[piece] <= end; piece++) {
            end = starts[piece] + lengths[piece];
        }
        return end;
    }

    /** How many bytes are stored in one run from a position in data on. */
    long run(long position) {
        int piece = piece(position);
        return starts[piece] + lengths[piece] - position;
    }

    /** Where a position in data is stored, from the start of the stored data. */
    long storedAt(long position) {
        int piece = piece(position);
        return stored[piece] + position - starts[piece];
    }

    /** {@return bytes of data} */
    long storedBytes() {
        long sum = 0;
        for (long length : lengths) {
            sum += length;
        }
        return sum;
    }
}
