package dev.caisson.kernel;

import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/**
 * State that parts of the kernel hang on a process, by type, so that the core does not know them. Each part may ask to be told of the
 * process' end.
 */
public final class ProcessAttachments {
    /** An attachment that wants to know when the process leaves. */
    public interface Lifecycle {
        /**
         * The last thread exits; its address space and descriptors still exist. Runs on that thread, without locks.
         *
         * @param task the last thread
         */
        default void processExits(Task task) {}

        /**
         * The process executes a new program. Runs on the only thread, without locks.
         *
         * @param task the only thread
         */
        default void processExecutes(Task task) {}
    }

    private final ConcurrentHashMap<Class<?>, Object> byType = new ConcurrentHashMap<>(4);

    ProcessAttachments() {}

    /**
     * Finds or makes an attachment.
     *
     * @param <T> its type
     * @param type the key
     * @param make makes it; null only looks
     * @return the attachment, or null
     */
    public <T> T of(Class<T> type, Supplier<? extends T> make) {
        Object found = byType.get(type);
        if (found == null && make != null) {
            found = byType.computeIfAbsent(type, key -> make.get());
        }
        return type.cast(found);
    }

    void exits(Task task) {
        for (Object attachment : byType.values()) {
            if (attachment instanceof Lifecycle lifecycle) {
                lifecycle.processExits(task);
            }
        }
    }

    void executes(Task task) {
        for (Object attachment : byType.values()) {
            if (attachment instanceof Lifecycle lifecycle) {
                lifecycle.processExecutes(task);
            }
        }
    }
}
