package dev.caisson.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** What page table and page index do in one step is what they would do page by page. */
class PageRunsTest {
    private static final long FIRST = (1L << 18) - 700; // a border of every level but the top one lies inside
    private static final int COUNT = 1400;

    private final PageTable table = new PageTable();
    private final TreeMap<Long, Integer> model = new TreeMap<>();
    private final Random random = new Random(7);

    private int entry(long page) {
        return model.getOrDefault(page, 0);
    }

    private long anyPage() {
        return FIRST + random.nextInt(COUNT);
    }

    @Test
    void runsOfAPageTableFollowItsPages() {
        for (int i = 0; i < 20_000; i++) {
            long page = anyPage();
            long end = Math.min(FIRST + COUNT, page + 1 + random.nextInt(600));
            switch (random.nextInt(6)) {
                case 0 -> clear(page, end);
                case 1 -> enter(page, end);
                case 2 -> change(page, end);
                case 3 -> checkRunEnd(page, end);
                case 4 -> checkUnmappedEnd(page, end);
                default -> checkUnmappedStart(page, Math.max(FIRST, page - random.nextInt(600)));
            }
            assertEquals(model.size(), table.present());
            assertEquals(model.values().stream().filter(entry -> (entry & PageTable.PRIVATE) != 0).count(), table.privatePages());
        }
        for (long page = FIRST; page < FIRST + COUNT; page++) {
            assertEquals(entry(page), table.get(page));
        }
    }

    private void clear(long page, long end) {
        for (long p = page; p < end; p++) {
            table.set(p, 0);
            model.remove(p);
        }
    }

    private void enter(long page, long end) {
        if (entry(page) != 0) {
            return;
        }
        int first = 1 + random.nextInt(1 << 20) | (random.nextBoolean() ? PageTable.PRIVATE | PageTable.WRITABLE : 0);
        long stop = page;
        while (stop < end && entry(stop) == 0) {
            model.put(stop, first + (int) (stop - page));
            stop++;
        }
        assertEquals(stop, table.enterRun(page, end, first));
    }

    private void change(long page, long end) {
        int clear = random.nextBoolean() ? PageTable.MAPPED | PageTable.MAPPED_WRITABLE : PageTable.WRITABLE;
        int set = random.nextBoolean() ? PageTable.MAPPED : 0;
        table.changeBits(page, end, clear, set);
        model.subMap(page, end).replaceAll((p, entry) -> entry & ~clear | set);
    }

    private static int kind(int entry) {
        return entry & (PageTable.FRAME | PageTable.WRITABLE);
    }

    private void checkRunEnd(long page, long end) {
        if (entry(page) == 0) {
            return;
        }
        long stop = page + 1;
        while (stop < end && entry(stop) != 0 && kind(entry(stop)) == kind(entry(page)) + (stop - page)) {
            stop++;
        }
        assertEquals(stop, table.runEnd(page, end));
    }

    private boolean isUnmapped(long page) {
        return entry(page) != 0 && (entry(page) & PageTable.MAPPED) == 0;
    }

    private void checkUnmappedEnd(long page, long end) {
        if (entry(page) == 0) {
            return;
        }
        int calls = 1;
        long stop = page + 1;
        while (stop < end && isUnmapped(stop)) {
            calls += kind(entry(stop)) == kind(entry(stop - 1)) + 1 ? 0 : 1;
            if (calls > 4) {
                break;
            }
            stop++;
        }
        assertEquals(stop, table.unmappedEnd(page, end, 4));
    }

    private void checkUnmappedStart(long page, long lowest) {
        if (entry(page) == 0) {
            return;
        }
        int calls = 1;
        long stop = page;
        while (stop > lowest && isUnmapped(stop - 1)) {
            calls += kind(entry(stop)) == kind(entry(stop - 1)) + 1 ? 0 : 1;
            if (calls > 4) {
                break;
            }
            stop--;
        }
        assertEquals(stop, table.unmappedStart(page, lowest, 4));
    }

    @Test
    void runsOfAPageIndexFollowItsPages() {
        FrameIndex index = new FrameIndex();
        int pages = 2000;
        int frame = 10;
        for (int page = 0; page < pages; page++) {
            frame += random.nextInt(40) == 0 ? 5 : 1;
            index.set(page, frame | (random.nextInt(60) == 0 ? 0 : FrameIndex.FILLED) | (random.nextBoolean() ? FrameIndex.DIRTY : 0));
        }
        for (int page = 0; page < pages; page++) {
            int most = random.nextInt(700);
            int count = 0;
            int here = index.get(page) & FrameIndex.FRAME;
            while (count < most && (index.get(page + count + 1) & (FrameIndex.FRAME | FrameIndex.FILLED))
                    == (here + count + 1 | FrameIndex.FILLED)) {
                count++;
            }
            assertEquals(count, index.filledRun(page, most));
        }
    }

    @Test
    void runsAreEnteredIntoAPageIndexAsPagesAre() {
        FrameIndex index = new FrameIndex();
        FrameIndex single = new FrameIndex();
        for (int i = 0; i < 300; i++) {
            long page = random.nextInt(3000);
            long end = page + 1 + random.nextInt(700);
            int entry = 1 + random.nextInt(1 << 20) | (random.nextBoolean() ? FrameIndex.FILLED : 0);
            index.setRun(page, end, entry);
            for (long p = page; p < end; p++) {
                single.set(p, entry + (int) (p - page));
            }
            assertEquals(single.filled(), index.filled());
            int reserved = index.reservedRun(page, 4000);
            assertEquals(true, reserved >= end - page - 1);
            assertEquals(entry + reserved, index.get(page + reserved));
        }
        for (long page = 0; page < 4000; page++) {
            assertEquals(single.get(page), index.get(page));
        }
    }
}
