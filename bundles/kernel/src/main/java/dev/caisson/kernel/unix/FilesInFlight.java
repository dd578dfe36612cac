package dev.caisson.kernel.unix;

import dev.caisson.vfs.FileDescription;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Descriptions that are in messages nobody has received. A local socket that is only reachable through messages waiting in sockets that
 * are themselves only reachable so would never be closed: {@link #collect} finds such groups and empties their queues, as Linux's
 * net/unix/garbage.c does.
 *
 * <p>The monitor is a leaf; the collection itself takes sockets' locks one at a time, without the monitor.
 */
final class FilesInFlight {
    /** How often each description of a local socket is in flight. Others cannot be part of a cycle. Guarded by this. */
    private final Map<FileDescription, Integer> counts = new IdentityHashMap<>();
    private boolean collecting;
    private boolean planned;
    private final Consumer<Runnable> later;

    /**
     * Makes an empty account.
     *
     * @param later runs a task on another thread, after what is going on now
     */
    FilesInFlight(Consumer<Runnable> later) {
        this.later = later;
    }

    synchronized void sent(List<FileDescription> files) {
        for (FileDescription file : files) {
            if (file.file() instanceof UnixSocket) {
                counts.merge(file, 1, Integer::sum);
            }
        }
    }

    synchronized void received(List<FileDescription> files) {
        for (FileDescription file : files) {
            if (file.file() instanceof UnixSocket) {
                counts.computeIfPresent(file, (key, count) -> count == 1 ? null : count - 1);
            }
        }
    }

    /** Plans a collection, unless there is nothing to collect. */
    void collectSoon() {
        synchronized (this) {
            if (counts.isEmpty() || planned) {
                return;
            }
            planned = true;
        }
        later.accept(this::collect);
    }

    /** Looks for groups of sockets that only hold each other, and empties them. */
    void collect() {
        Map<FileDescription, Integer> candidates = new IdentityHashMap<>();
        synchronized (this) {
            planned = false;
            if (counts.isEmpty() || collecting) {
                return;
            }
            collecting = true;
            // Only those whose every reference is in flight can be garbage.
            counts.forEach((file, count) -> {
                if (file.references() == count) {
                    candidates.put(file, count);
                }
            });
        }
        try {
            for (FileDescription file : unreachable(candidates)) {
                empty((UnixSocket) file.file());
            }
        } finally {
            synchronized (this) {
                collecting = false;
            }
        }
    }

    private static List<FileDescription> unreachable(Map<FileDescription, Integer> candidates) {
        if (candidates.isEmpty()) {
            return List.of();
        }
        // References that come from within the group do not count.
        Map<FileDescription, List<FileDescription>> holds = new IdentityHashMap<>();
        Map<FileDescription, Integer> outside = new IdentityHashMap<>(candidates);
        for (FileDescription file : candidates.keySet()) {
            List<FileDescription> held = new ArrayList<>();
            addQueued((UnixSocket) file.file(), held);
            held.removeIf(each -> !candidates.containsKey(each));
            holds.put(file, held);
            held.forEach(each -> outside.merge(each, -1, Integer::sum));
        }
        // What is held from outside is alive, and so is what it holds.
        List<FileDescription> alive = new ArrayList<>();
        outside.forEach((file, count) -> {
            if (count > 0) {
                alive.add(file);
            }
        });
        for (int i = 0; i < alive.size(); i++) {
            List<FileDescription> held = holds.remove(alive.get(i));
            if (held != null) {
                held.forEach(each -> {
                    if (holds.containsKey(each)) {
                        alive.add(each);
                    }
                });
            }
        }
        return new ArrayList<>(holds.keySet());
    }

    private static void addQueued(UnixSocket socket, List<FileDescription> held) {
        socket.lock.lock();
        try {
            for (UnixPacket packet : socket.received) {
                if (packet.files != null) {
                    held.addAll(packet.files);
                }
            }
        } finally {
            socket.lock.unlock();
        }
        if (socket instanceof UnixConnectionSocket listener) {
            for (UnixSocket waiting : listener.waitingConnections()) {
                addQueued(waiting, held);
            }
        }
    }

    private static void empty(UnixSocket socket) {
        socket.discardReceived();
        if (socket instanceof UnixConnectionSocket listener) {
            listener.waitingConnections().forEach(UnixSocket::discardReceived);
        }
    }
}
