package dev.caisson.kernel.pipe;

import java.util.Arrays;

/**
 * The pages of a pipe as Linux counts them, without their bytes: each has a number of bytes left, an end up to which it was filled, and
 * may be a packet. Writes go behind the end of the last page if they fit there whole, else to new pages; a pipe is full when it has no
 * page left, however little is in them. Guarded by the pipe's lock.
 */
final class PipeSlots {
    private static final int FIRST = 4;
    private static final int PACKET = 1 << 30;

    private int[] lefts = new int[FIRST];
    /** End of each page, with {@link #PACKET} for packets. */
    private int[] ends = new int[FIRST];
    private int head;
    private int count;

    int count() {
        return count;
    }

    boolean isEmpty() {
        return count == 0;
    }

    /** Whether bytes fit behind the last page's end. */
    boolean mergesIntoLast(int lengthBytes) {
        return count > 0 && ends[index(count - 1)] + lengthBytes <= Pipe.PIPE_BUF;
    }

    void merge(int lengthBytes) {
        int last = index(count - 1);
        lefts[last] += lengthBytes;
        ends[last] += lengthBytes;
    }

    void add(int lengthBytes, boolean packet) {
        grow();
        int at = index(count++);
        lefts[at] = lengthBytes;
        ends[at] = packet ? lengthBytes | PACKET : lengthBytes;
    }

    /** Adds pages in front: bytes that were taken out and come back. */
    void addFirst(int lengthBytes) {
        int left = lengthBytes;
        while (left > 0) {
            grow();
            int step = Math.min(left, Pipe.PIPE_BUF);
            head = head - 1 & lefts.length - 1;
            lefts[head] = step;
            ends[head] = Pipe.PIPE_BUF; // nothing is merged into it
            count++;
            left -= step;
        }
    }

    int firstLeft() {
        return lefts[head];
    }

    boolean isFirstPacket() {
        return (ends[head] & PACKET) != 0;
    }

    /** Takes bytes off the first page, which goes when it is empty. */
    void consume(int lengthBytes) {
        lefts[head] -= lengthBytes;
        if (lefts[head] == 0) {
            head = head + 1 & lefts.length - 1;
            count--;
        }
    }

    void clear() {
        head = 0;
        count = 0;
        lefts = new int[FIRST];
        ends = new int[FIRST];
    }

    private int index(int position) {
        return head + position & lefts.length - 1;
    }

    private void grow() {
        if (count < lefts.length) {
            return;
        }
        int[] moreLefts = new int[count * 2];
        int[] moreEnds = new int[count * 2];
        for (int i = 0; i < count; i++) {
            moreLefts[i] = lefts[index(i)];
            moreEnds[i] = ends[index(i)];
        }
        lefts = moreLefts;
        ends = moreEnds;
        head = 0;
    }

    @Override
    public String toString() {
        return "pages " + Arrays.toString(lefts) + " from " + head + ", " + count;
    }
}
