package dev.caisson.abi;

import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Layouts.U64;

/**
 * {@code struct epoll_event} on x86-64: 12 bytes, packed, little-endian.
 * <pre>
 *  off size field
 *    0    4 events  EPOLL* mask
 *    4    8 data    returned unchanged; unaligned, since the struct is packed
 * </pre>
 * Source: include/uapi/linux/eventpoll.h (EPOLL_PACKED).
 *
 * @param events {@code EPOLL*} mask
 * @param data the guest's own
 */
public record EpollEvent(int events, long data) {
    /** sizeof. */
    public static final int BYTES = 12;
    /** offsetof events. */
    public static final int EVENTS = 0;
    /** offsetof data. */
    public static final int DATA = 4;

    /** Reads and writes it. */
    public static final StructCodec<EpollEvent> CODEC = StructCodec.of(BYTES,
            (seg, at) -> new EpollEvent(seg.get(U32, at + EVENTS), seg.get(U64, at + DATA)),
            (seg, at, event) -> {
                seg.set(U32, at + EVENTS, event.events);
                seg.set(U64, at + DATA, event.data);
            });
}
