package dev.caisson.gofer;

import dev.caisson.host.HostScheduler;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** What all connections of a gofer share. */
final class Environment {
    /** Where the descriptors of this process are found as links, when nothing else is known. */
    static final String PROC_FD = "/proc/self/fd/";

    private final List<Export> exports;
    private final AttachPolicy policy;
    private final Limits limits;
    private final String links;
    private final Handle.Budget handles;
    private final int[] processors = HostScheduler.processors();
    private final AtomicInteger fids = new AtomicInteger();
    private final AtomicInteger failures = new AtomicInteger();
    private final AtomicLong bufferBytes = new AtomicLong();

    /**
     * Makes one.
     *
     * @param exports the trees
     * @param policy as whom attaches work
     * @param limits bounds
     * @param links what to put before a descriptor's number to get the path of its link; empty where the working directory is
     *     {@code /proc/self/fd}
     */
    Environment(List<Export> exports, AttachPolicy policy, Limits limits, String links) {
        this.exports = List.copyOf(exports);
        this.policy = policy;
        this.limits = limits;
        this.links = links;
        this.handles = new Handle.Budget(limits.handles());
    }

    /** {@return the processors of the host that the gofer may use} */
    int[] processors() {
        return processors;
    }

    AttachPolicy policy() {
        return policy;
    }

    Limits limits() {
        return limits;
    }

    Handle.Budget handles() {
        return handles;
    }

    /** {@return a path that leads to the file of a descriptor, even one that is open with O_PATH} */
    String link(int fd) {
        return links.concat(Integer.toString(fd)); // not "+": its bootstrap costs a cold JVM 20 ms
    }

    /**
     * Finds an export.
     *
     * @param name aname of Tattach; empty for the first one
     * @return the export, or null
     */
    Export export(String name) {
        for (Export export : exports) {
            if (name.isEmpty() || export.name().equals(name)) {
                return export;
            }
        }
        return null;
    }

    List<Export> exports() {
        return exports;
    }

    /** {@return whether one more fid may be; then it counts} */
    boolean takeFid() {
        if (fids.incrementAndGet() <= limits.fids()) {
            return true;
        }
        fids.decrementAndGet();
        return false;
    }

    void returnFid() {
        fids.decrementAndGet();
    }

    int fids() {
        return fids.get();
    }

    /** A connection ended because of a mistake of ours. */
    void failed() {
        failures.incrementAndGet();
    }

    /** {@return how many connections ended so} */
    int failures() {
        return failures.get();
    }

    /**
     * Reserves memory for messages.
     *
     * @param buffers how many
     * @param wanted their size
     * @param least size that is granted in any case
     * @return the size
     */
    int reserveBuffers(int buffers, int wanted, int least) {
        int size = wanted;
        while (size > least) {
            if (bufferBytes.addAndGet((long) buffers * size) <= limits.bufferBytes()) {
                return size;
            }
            returnBuffers(buffers, size);
            size = Math.max(size / 2, least);
        }
        bufferBytes.addAndGet((long) buffers * size);
        return size;
    }

    void returnBuffers(int buffers, int size) {
        bufferBytes.addAndGet(-(long) buffers * size);
    }
}
