package dev.caisson.vfs;

import java.util.ArrayList;
import java.util.List;

/**
 * The descriptions that are open on one filesystem, for those who must find them all. They are linked through each other: opening
 * and closing a file allocates nothing here, and files of different names seldom meet at one lock.
 */
final class OpenDescriptions {
    private static final int LISTS = 8;

    /** A list; its monitor, a leaf lock, guards the links of its members. */
    private static final class Head {
        private FileDescription first;
    }

    private final Head[] heads = new Head[LISTS];

    OpenDescriptions() {
        for (int i = 0; i < LISTS; i++) {
            heads[i] = new Head();
        }
    }

    private Head head(FileDescription description) {
        return heads[description.listNumber() & LISTS - 1];
    }

    void add(FileDescription description) {
        Head head = head(description);
        synchronized (head) {
            FileDescription next = head.first;
            description.nextOpen = next;
            if (next != null) {
                next.previousOpen = description;
            }
            head.first = description;
        }
    }

    void remove(FileDescription description) {
        Head head = head(description);
        synchronized (head) {
            FileDescription previous = description.previousOpen;
            FileDescription next = description.nextOpen;
            if (previous != null) {
                previous.nextOpen = next;
            } else if (head.first == description) {
                head.first = next;
            }
            if (next != null) {
                next.previousOpen = previous;
            }
            description.previousOpen = null;
            description.nextOpen = null;
        }
    }

    /** {@return all of them; some may be closed meanwhile} */
    List<FileDescription> all() {
        List<FileDescription> all = new ArrayList<>();
        for (Head head : heads) {
            synchronized (head) {
                for (FileDescription at = head.first; at != null; at = at.nextOpen) {
                    all.add(at);
                }
            }
        }
        return all;
    }
}
