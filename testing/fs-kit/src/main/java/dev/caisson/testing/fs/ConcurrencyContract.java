package dev.caisson.testing.fs;

import static dev.caisson.testing.fs.FileCalls.AT_OFFSET;
import static dev.caisson.testing.fs.FileCalls.CWD;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** What holds while many change one directory or one file. */
public interface ConcurrencyContract extends CaseSubject {
    /** What one of the threads does. */
    @FunctionalInterface
    interface Work {
        /**
         * Runs on a thread of its own.
         *
         * @param calls a caller of its own in the common directory
         * @param thread which thread, from 0
         * @throws ErrnoException a failure of the test
         */
        void run(FileCalls calls, int thread) throws ErrnoException;
    }

    /** Runs work on several threads and throws the first failure. */
    private static void together(FileCalls calls, int threads, Work work) {
        AtomicReference<Throwable> failure = new AtomicReference<>();
        List<Thread> running = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            int number = i;
            running.add(Thread.ofPlatform().start(() -> {
                try (FileCalls own = calls.another()) {
                    work.run(own, number);
                } catch (Throwable e) {
                    failure.compareAndSet(null, e);
                }
            }));
        }
        for (Thread thread : running) {
            try {
                thread.join(120_000);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            assertTrue(!thread.isAlive(), "the threads wait for each other");
        }
        if (failure.get() != null) {
            throw new AssertionError(failure.get());
        }
    }

    private static boolean succeeds(Guest.Operation operation, Errno... allowed) throws ErrnoException {
        try {
            operation.run();
            return true;
        } catch (ErrnoException e) {
            if (!List.of(allowed).contains(e.errno())) {
                throw e;
            }
            return false;
        }
    }

    private static Map<String, FileCalls.Entry> list(FileCalls calls, String path) throws ErrnoException {
        Map<String, FileCalls.Entry> all = new HashMap<>();
        int fd = calls.open(CWD, path, Fcntl.O_RDONLY | Fcntl.O_DIRECTORY, 0);
        for (List<FileCalls.Entry> some = calls.entries(fd, 2000); !some.isEmpty(); some = calls.entries(fd, 2000)) {
            for (FileCalls.Entry entry : some) {
                assertNull(all.put(entry.name(), entry), "listed twice: " + entry.name());
            }
        }
        calls.close(fd);
        all.remove(".");
        all.remove("..");
        return all;
    }

    private static void make(FileCalls calls, String path) throws ErrnoException {
        calls.close(calls.open(CWD, path, Fcntl.O_CREAT | Fcntl.O_WRONLY, 0644));
    }

    @Test
    default void appendsOfManyThreadsDoNotMix() throws ErrnoException {
        int threads = 4;
        int lines = 60;
        try (FileCalls calls = freshDirectory()) {
            together(calls, threads, (own, thread) -> {
                int fd = own.open(CWD, "log", Fcntl.O_CREAT | Fcntl.O_WRONLY | Fcntl.O_APPEND, 0644);
                for (int i = 0; i < lines; i++) {
                    assertEquals(12, own.write(fd, String.format("%02d %07d\n ", thread, i).substring(0, 11) + "\n", AT_OFFSET));
                }
                own.close(fd);
            });
            int fd = calls.open(CWD, "log", Fcntl.O_RDONLY, 0);
            String text = calls.read(fd, 100_000, AT_OFFSET);
            assertEquals(threads * lines * 12, text.length());
            int[] next = new int[threads];
            for (int at = 0; at < text.length(); at += 12) {
                int thread = Integer.parseInt(text.substring(at, at + 2));
                assertEquals(next[thread]++, Integer.parseInt(text.substring(at + 3, at + 10)));
            }
        }
    }

    @Test
    default void exclusiveCreationHasOneWinner() throws ErrnoException {
        int names = 40;
        AtomicInteger winners = new AtomicInteger();
        try (FileCalls calls = freshDirectory()) {
            together(calls, 4, (own, thread) -> {
                for (int i = 0; i < names; i++) {
                    String name = "f" + i;
                    if (i % 2 == 0 ? succeeds(() -> own.close(own.open(CWD, name, Fcntl.O_CREAT | Fcntl.O_EXCL | Fcntl.O_WRONLY, 0644)),
                            Errno.EEXIST) : succeeds(() -> own.mkdir(CWD, name, 0755), Errno.EEXIST)) {
                        winners.incrementAndGet();
                    }
                }
            });
            assertEquals(names, winners.get());
            assertEquals(names, list(calls, ".").size());
        }
    }

    @Test
    default void oneDirectoryStaysConsistentWhileManyChangeIt() throws ErrnoException {
        needs(Feature.ATOMIC_OPEN);
        try (FileCalls calls = freshDirectory()) {
            together(calls, 4, (own, thread) -> {
                Random random = new Random(thread);
                for (int i = 0; i < 120; i++) {
                    String one = "n" + random.nextInt(6);
                    String other = "n" + random.nextInt(6);
                    switch (random.nextInt(4)) {
                        case 0 -> succeeds(() -> make(own, one));
                        case 1 -> succeeds(() -> own.unlink(CWD, one, false), Errno.ENOENT);
                        case 2 -> succeeds(() -> own.rename(CWD, one, CWD, other, 0), Errno.ENOENT);
                        default -> succeeds(() -> own.stat(CWD, one, 0), Errno.ENOENT);
                    }
                }
            });
            Map<String, FileCalls.Entry> listed = list(calls, ".");
            for (int i = 0; i < 6; i++) {
                String name = "n" + i;
                boolean exists = succeeds(() -> calls.stat(CWD, name, 0), Errno.ENOENT);
                assertEquals(exists, listed.containsKey(name), name);
                if (exists) {
                    assertEquals(calls.stat(CWD, name, 0).inode(), listed.get(name).inode());
                    assertEquals(1, calls.stat(CWD, name, 0).links());
                }
            }
        }
    }

    @Test
    default void directoriesThatMoveBothWaysDoNotBlockEachOther() throws ErrnoException {
        try (FileCalls calls = freshDirectory()) {
            calls.mkdir(CWD, "a", 0755);
            calls.mkdir(CWD, "b", 0755);
            calls.mkdir(CWD, "a/d", 0755);
            make(calls, "b/f");
            together(calls, 4, (own, thread) -> {
                for (int i = 0; i < 60; i++) {
                    String from = (i + thread) % 2 == 0 ? "a/" : "b/";
                    String to = (i + thread) % 2 == 0 ? "b/" : "a/";
                    String name = thread < 2 ? "d" : "f";
                    // a directory may move into what was found before: then it would go into itself, or be replaced by what is in it
                    Errno[] races = {Errno.ENOENT, Errno.EINVAL, Errno.ENOTEMPTY};
                    succeeds(() -> own.rename(CWD, from + name, CWD, to + name, 0), races);
                    succeeds(() -> own.rename(CWD, "a", CWD, "b/d/x", 0), races);
                    succeeds(() -> own.rename(CWD, "b/d/x", CWD, "a", 0), races);
                }
            });
            succeeds(() -> calls.rename(CWD, "b/d/x", CWD, "a", 0), Errno.ENOENT);
            Set<String> names = new HashSet<>(list(calls, "a").keySet());
            names.addAll(list(calls, "b").keySet());
            assertEquals(Set.of("d", "f"), names);
        }
    }

    @Test
    default void aReplacedFileIsTheOldOrTheNewOne() throws ErrnoException {
        needs(Feature.ATOMIC_OPEN);
        AtomicBoolean done = new AtomicBoolean();
        try (FileCalls calls = freshDirectory()) {
            calls.close(calls.open(CWD, "f", Fcntl.O_CREAT | Fcntl.O_WRONLY, 0644));
            int first = calls.open(CWD, "f", Fcntl.O_WRONLY, 0);
            calls.write(first, "0".repeat(5000), AT_OFFSET);
            calls.close(first);
            together(calls, 3, (own, thread) -> {
                if (thread == 0) {
                    try {
                        for (int i = 1; i < 40; i++) {
                            int fd = own.open(CWD, "new", Fcntl.O_CREAT | Fcntl.O_EXCL | Fcntl.O_WRONLY, 0644);
                            own.write(fd, String.valueOf(i % 10).repeat(5000), AT_OFFSET);
                            own.close(fd);
                            own.rename(CWD, "new", CWD, "f", 0);
                        }
                    } finally {
                        done.set(true);
                    }
                    return;
                }
                do {
                    int fd = own.open(CWD, "f", Fcntl.O_RDONLY, 0);
                    String text = own.read(fd, 10_000, AT_OFFSET);
                    own.close(fd);
                    assertEquals(text.substring(0, 1).repeat(5000), text);
                } while (!done.get());
            });
            assertEquals(Set.of("f"), list(calls, ".").keySet());
        }
    }

    @Test
    default void entriesThatStayAreListedOnceWhileOthersComeAndGo() throws ErrnoException {
        AtomicBoolean done = new AtomicBoolean();
        try (FileCalls calls = freshDirectory()) {
            for (int i = 0; i < 60; i++) {
                make(calls, "stay" + i);
            }
            together(calls, 3, (own, thread) -> {
                if (thread == 0) {
                    try {
                        for (int round = 0; round < 6; round++) {
                            Map<String, FileCalls.Entry> seen = list(own, ".");
                            for (int i = 0; i < 60; i++) {
                                assertTrue(seen.containsKey("stay" + i), "missing: stay" + i);
                            }
                        }
                    } finally {
                        done.set(true);
                    }
                    return;
                }
                for (int i = 0; !done.get(); i++) {
                    String name = thread + "go" + i % 20;
                    make(own, name);
                    own.rename(CWD, name, CWD, name + "x", 0);
                    own.unlink(CWD, name + "x", false);
                }
            });
        }
    }

    @Test
    default void positionsInADirectoryStayGood() throws ErrnoException {
        try (FileCalls calls = freshDirectory()) {
            for (int i = 0; i < 100; i++) {
                make(calls, "name" + i);
            }
            int fd = calls.open(CWD, ".", Fcntl.O_RDONLY, 0);
            List<FileCalls.Entry> order = new ArrayList<>();
            for (List<FileCalls.Entry> some = calls.entries(fd, 300); !some.isEmpty(); some = calls.entries(fd, 300)) {
                order.addAll(some);
            }
            assertEquals(102, order.size());
            for (int i = 0; i < 100; i += 2) {
                calls.unlink(CWD, "name" + i, false);
                make(calls, "other" + i);
            }
            for (int i = 0; i + 1 < order.size(); i += 7) {
                assertEquals(order.get(i).next(), calls.seek(fd, order.get(i).next(), Fcntl.SEEK_SET));
                List<String> rest = new ArrayList<>();
                for (List<FileCalls.Entry> some = calls.entries(fd, 4000); !some.isEmpty(); some = calls.entries(fd, 4000)) {
                    some.forEach(entry -> rest.add(entry.name()));
                }
                for (int later = i + 1; later < order.size(); later++) {
                    String name = order.get(later).name();
                    if (name.startsWith("name") && Integer.parseInt(name.substring(4)) % 2 == 1) {
                        assertEquals(1, rest.stream().filter(name::equals).count(), name);
                    }
                }
                for (int earlier = 0; earlier <= i; earlier++) {
                    assertTrue(!rest.contains(order.get(earlier).name()), order.get(earlier).name());
                }
            }
        }
    }

    @Test
    default void oneNameIsMadeAndRemovedByManyInTurns() throws ErrnoException {
        AtomicInteger balance = new AtomicInteger();
        try (FileCalls calls = freshDirectory()) {
            together(calls, 4, (own, thread) -> {
                for (int i = 0; i < 60; i++) {
                    if (succeeds(() -> own.mkdir(CWD, "d", 0755), Errno.EEXIST)) {
                        balance.incrementAndGet();
                    }
                    if (thread % 2 == 0) {
                        succeeds(() -> make(own, "d/f"), Errno.ENOENT);
                        succeeds(() -> own.unlink(CWD, "d/f", false), Errno.ENOENT);
                    }
                    if (succeeds(() -> own.unlink(CWD, "d", true), Errno.ENOENT, Errno.ENOTEMPTY)) {
                        balance.decrementAndGet();
                    }
                }
            });
            assertEquals(balance.get(), list(calls, ".").size());
        }
    }
}
