package dev.caisson.kernel;

import dev.caisson.abi.Resource;
import java.util.concurrent.atomic.AtomicReferenceArray;

/** The resource limits of a process, getrlimit(2). Values are unsigned; {@link Resource#RLIM_INFINITY} is no limit. */
public final class ResourceLimits {
    /**
     * One limit.
     *
     * @param soft {@code rlim_cur}
     * @param hard {@code rlim_max}
     */
    public record Limit(long soft, long hard) {}

    private static final Limit UNLIMITED = new Limit(Resource.RLIM_INFINITY, Resource.RLIM_INFINITY);

    private final AtomicReferenceArray<Limit> limits = new AtomicReferenceArray<>(Resource.RLIMIT_NLIMITS);

    /** Makes the limits of process 1, as Linux has them (include/asm-generic/resource.h). */
    public ResourceLimits() {
        for (int i = 0; i < Resource.RLIMIT_NLIMITS; i++) {
            limits.set(i, UNLIMITED);
        }
        set(Resource.RLIMIT_STACK, 8L << 20, Resource.RLIM_INFINITY);
        set(Resource.RLIMIT_CORE, 0, Resource.RLIM_INFINITY);
        set(Resource.RLIMIT_NPROC, 4096, 4096);
        set(Resource.RLIMIT_NOFILE, 1024, 1 << 20);
        set(Resource.RLIMIT_MEMLOCK, 8L << 20, 8L << 20);
        set(Resource.RLIMIT_SIGPENDING, 32768, 32768);
        set(Resource.RLIMIT_MSGQUEUE, 819200, 819200);
        set(Resource.RLIMIT_NICE, 0, 0);
        set(Resource.RLIMIT_RTPRIO, 0, 0);
    }

    /**
     * Copies limits, for a new process.
     *
     * @param other the parent's
     */
    public ResourceLimits(ResourceLimits other) {
        for (int i = 0; i < Resource.RLIMIT_NLIMITS; i++) {
            limits.set(i, other.limits.get(i));
        }
    }

    /**
     * One limit.
     *
     * @param resource {@code RLIMIT_*}
     * @return both values
     */
    public Limit get(int resource) {
        return limits.get(resource);
    }

    /**
     * The soft limit, for checks by unsigned comparison.
     *
     * @param resource {@code RLIMIT_*}
     * @return the limit, possibly {@link Resource#RLIM_INFINITY}
     */
    public long soft(int resource) {
        return limits.get(resource).soft;
    }

    /**
     * Sets one limit, unchecked.
     *
     * @param resource {@code RLIMIT_*}
     * @param soft {@code rlim_cur}
     * @param hard {@code rlim_max}
     */
    public void set(int resource, long soft, long hard) {
        limits.set(resource, new Limit(soft, hard));
    }
}
