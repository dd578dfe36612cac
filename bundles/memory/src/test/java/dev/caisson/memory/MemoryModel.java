package dev.caisson.memory;

import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/** What the random test compares with: pages as byte arrays, nothing shared that Linux would not share. */
final class MemoryModel {
    static final int MAPERR = -1 - FaultOutcome.SEGV_MAPERR.ordinal();
    static final int ACCERR = -1 - FaultOutcome.SEGV_ACCERR.ordinal();
    static final int BUS = -1 - FaultOutcome.BUS_ADRERR.ordinal();

    /** Content that can be mapped: pages by index, and a size. */
    static final class Store {
        final Map<Long, byte[]> pages = new HashMap<>();
        long size;

        byte[] page(long index) {
            return pages.computeIfAbsent(index, i -> new byte[Pages.SIZE]);
        }

        byte[] read(long position, int length) {
            byte[] bytes = new byte[length];
            for (int done = 0; done < length; done += part(position + done, length - done)) {
                System.arraycopy(page(position + done >>> Pages.SHIFT), (int) (position + done & Pages.MASK), bytes, done,
                        part(position + done, length - done));
            }
            return bytes;
        }

        void write(long position, byte[] bytes) {
            for (int done = 0; done < bytes.length; done += part(position + done, bytes.length - done)) {
                System.arraycopy(bytes, done, page(position + done >>> Pages.SHIFT), (int) (position + done & Pages.MASK),
                        part(position + done, bytes.length - done));
            }
        }

        /** Bytes up to the end of the page. */
        private static int part(long position, int most) {
            return (int) Math.min(most, Pages.SIZE - (position & Pages.MASK));
        }

        void resize(long bytes) {
            long gone = Pages.up(bytes) >>> Pages.SHIFT;
            if (bytes < size) {
                pages.keySet().removeIf(i -> i >= gone);
                if ((bytes & Pages.MASK) != 0 && pages.containsKey(gone - 1)) {
                    java.util.Arrays.fill(pages.get(gone - 1), (int) (bytes & Pages.MASK), Pages.SIZE, (byte) 0);
                }
            }
            size = bytes;
        }
    }

    /** One mapped page. */
    static final class Page {
        int protection;
        boolean shared;
        Store store;
        long index;
        byte[] own;

        Page copy() {
            Page page = new Page();
            page.protection = protection;
            page.shared = shared;
            page.store = store;
            page.index = index;
            page.own = own == null ? null : own.clone();
            return page;
        }
    }

    final TreeMap<Long, Page> pages = new TreeMap<>();

    MemoryModel fork() {
        MemoryModel child = new MemoryModel();
        pages.forEach((number, page) -> child.pages.put(number, page.copy()));
        return child;
    }

    void truncated(Store store) {
        long gone = Pages.up(store.size) >>> Pages.SHIFT;
        for (Page page : pages.values()) {
            if (page.store == store && page.index >= gone) {
                page.own = null;
            }
        }
    }

    /** The bytes of a page for an access, or null with {@link #error} set. */
    byte[] reach(long address, boolean write) {
        Page page = pages.get(address >>> Pages.SHIFT);
        if (page == null) {
            error = MAPERR;
            return null;
        }
        if (write ? (page.protection & 2) == 0 : page.protection == 0) {
            error = ACCERR;
            return null;
        }
        if (page.own != null) {
            return page.own;
        }
        if (page.store == null) {
            return page.own = new byte[Pages.SIZE];
        }
        if (page.index >= Pages.up(page.store.size) >>> Pages.SHIFT) {
            error = BUS;
            return null;
        }
        byte[] content = page.store.page(page.index);
        if (write && !page.shared) {
            return page.own = content.clone();
        }
        return content;
    }

    int error;
}
