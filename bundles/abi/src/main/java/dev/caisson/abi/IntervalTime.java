package dev.caisson.abi;

/**
 * {@code struct itimerspec} (and {@code struct itimerval}) on amd64: 32 bytes.
 * <pre>
 *  off size field
 *    0   16 it_interval
 *   16   16 it_value
 * </pre>
 * Source: include/uapi/linux/time.h.
 *
 * @param interval period of a periodic timer, zero for a single expiration
 * @param value time to the next expiration, zero when disarmed
 */
public record IntervalTime(Timespec interval, Timespec value) {
    /** A disarmed timer. */
    public static final IntervalTime ZERO = ofNanos(0, 0);

    /** Reads and writes {@code struct itimerspec}. */
    public static final StructCodec<IntervalTime> CODEC = codec(Timespec.CODEC);

    /** Reads and writes {@code struct itimerval}. */
    public static final StructCodec<IntervalTime> ITIMERVAL = codec(Timespec.TIMEVAL);

    private static StructCodec<IntervalTime> codec(StructCodec<Timespec> time) {
        return StructCodec.of(32, (seg, at) -> new IntervalTime(time.read(seg, at), time.read(seg, at + 16)),
                (seg, at, value) -> {
                    time.write(seg, at, value.interval);
                    time.write(seg, at + 16, value.value);
                });
    }

    /**
     * From nanoseconds.
     *
     * @param intervalNs period
     * @param valueNs time to the next expiration
     * @return the value
     */
    public static IntervalTime ofNanos(long intervalNs, long valueNs) {
        return new IntervalTime(Timespec.ofNanos(intervalNs), Timespec.ofNanos(valueNs));
    }

    /** {@return whether both times are valid} */
    public boolean isValid() {
        return interval.isValid() && value.isValid();
    }
}
