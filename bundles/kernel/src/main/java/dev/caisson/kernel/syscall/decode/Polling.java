package dev.caisson.kernel.syscall.decode;

import static dev.caisson.kernel.syscall.decode.Structures.array;
import static dev.caisson.kernel.syscall.decode.Structures.format;

import dev.caisson.abi.EpollEvent;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Poll;
import dev.caisson.kernel.syscall.Argument;
import dev.caisson.kernel.syscall.Argument.Format;
import dev.caisson.kernel.syscall.Argument.Kind;
import dev.caisson.kernel.syscall.FlagNames;
import dev.caisson.kernel.syscall.TracedCall;
import java.lang.foreign.MemorySegment;

/** Sets of descriptors and their readiness. */
public final class Polling {
    private static final int POLLFD_BYTES = 8;
    /** Descriptors that a set of select(2) is searched for. */
    private static final int MOST_DESCRIPTORS = 1 << 16;
    private static final FlagNames POLL = FlagNames.mask(Poll.class, "POLL");
    private static final FlagNames EPOLL = FlagNames.mask(Poll.class, "EPOLL").without("EPOLL_");

    private Polling() {}

    /** The array of poll(2): events before, revents in the note behind the result. */
    public static Argument pollfds(String name) {
        return new Argument(name, Kind.IN_OUT, (call, value) -> array(call, value, call.argument(1) & 0xffffffffL, POLLFD_BYTES,
                (c, bytes, at) -> {
                    Fields fields = new Fields(c.out(), bytes, at);
                    fields.number("fd", fields.i32(0));
                    if (fields.i32(0) >= 0) {
                        fields.flags("events", POLL, (short) fields.u16(4));
                    }
                    fields.end();
                })).noted(Polling::ready);
    }

    private static void ready(TracedCall call, long value) {
        if (!call.hasSucceeded()) {
            return;
        }
        if (call.result() == 0) {
            call.out().append("Timeout");
            return;
        }
        long count = Math.min(call.argument(1) & 0xffffffffL, 1024);
        int shown = 0;
        StringBuilder out = call.out().append('[');
        for (long i = 0; i < count && shown < TracedCall.MOST_ELEMENTS; i++) {
            MemorySegment bytes = call.fetch(value + i * POLLFD_BYTES, POLLFD_BYTES);
            if (bytes == null) {
                break;
            }
            int revents = bytes.get(Layouts.U16, 6);
            if (revents == 0) {
                continue;
            }
            out.append(shown++ > 0 ? ", " : "");
            Fields fields = new Fields(out, bytes, 0);
            fields.number("fd", fields.i32(0)).flags("revents", POLL, revents & 0xffff).end();
        }
        out.append(']');
    }

    /** A set of select(2): the set before, what remained in the note behind the result. */
    public static Argument set(String name, String remains) {
        return new Argument(name, Kind.IN_OUT, Polling::set).noted((call, value) -> {
            if (value != 0 && call.hasSucceeded() && call.result() > 0) {
                int start = call.out().length();
                call.out().append(remains).append(' ');
                set(call, value);
                if (call.out().lastIndexOf("[]") >= start) {
                    call.out().setLength(start);
                }
            }
        });
    }

    private static void set(TracedCall call, long value) {
        int count = Math.max(0, Math.min((int) call.argument(0), MOST_DESCRIPTORS));
        bits(call, value, count);
    }

    /** Numbers of the bits that are set: {@code [0 3 5]}. */
    static void bits(TracedCall call, long value, int count) {
        MemorySegment bytes = call.fetch(value, (count + 63) / 64 * 8);
        if (bytes == null) {
            call.address(value);
            return;
        }
        StringBuilder out = call.out().append('[');
        int shown = 0;
        for (int i = 0; i < count; i++) {
            if ((bytes.get(Layouts.U8, i >> 3) >> (i & 7) & 1) != 0) {
                if (shown == 4 * TracedCall.MOST_ELEMENTS) {
                    out.append(" ...");
                    break;
                }
                out.append(shown++ > 0 ? " " : "").append(i);
            }
        }
        out.append(']');
    }

    /** The timeout of select(2), in which the rest of the time remains. */
    public static Argument selectTimeout(String name, boolean nanoseconds) {
        Format format = nanoseconds ? Times.timespecFormat() : Times.timevalFormat();
        return new Argument(name, Kind.IN_OUT, format).noted((call, value) -> {
            if (value == 0 || !call.hasSucceeded()) {
                return;
            }
            if (call.result() == 0) {
                call.out().append("Timeout");
            } else {
                call.out().append("left ");
                format.write(call, value);
            }
        });
    }

    /** The timeout of ppoll(2). */
    public static Argument pollTimeout(String name) {
        return new Argument(name, Kind.IN_OUT, Times.timespecFormat()).noted((call, value) -> {
            if (value != 0 && call.hasSucceeded() && call.result() > 0) {
                call.out().append("left ");
                Times.timespecFormat().write(call, value);
            }
        });
    }

    /** The pair of address and size that pselect6 has for its signal mask. */
    public static Argument maskPair(String name) {
        return new Argument(name, Kind.INPUT, format(16, (call, bytes, at) -> {
            Fields fields = new Fields(call.out(), bytes, at);
            fields.name("sigmask");
            SignalStructures.set(call, fields.u64(0));
            fields.unsigned("sigsetsize", fields.u64(8)).end();
        }));
    }

    /** One {@code struct epoll_event} the guest gives; EPOLL_CTL_DEL does not look at it. */
    public static Argument epollEvent(String name) {
        Format event = format(EpollEvent.BYTES, Polling::event);
        return new Argument(name, Kind.INPUT, (call, value) -> {
            if ((int) call.argument(1) == Poll.EPOLL_CTL_DEL) {
                call.address(value);
            } else {
                event.write(call, value);
            }
        });
    }

    /** Events the guest gets, as many as the result says. */
    public static Argument epollEvents(String name) {
        return new Argument(name, Kind.OUTPUT,
                (call, value) -> array(call, value, call.result(), EpollEvent.BYTES, Polling::event));
    }

    private static void event(TracedCall call, MemorySegment bytes, long at) {
        Fields fields = new Fields(call.out(), bytes, at);
        long data = fields.u64(4);
        fields.flags("events", EPOLL, fields.i32(0));
        fields.name("data").append("{u32=").append(data & 0xffffffffL).append(", u64=").append(Long.toUnsignedString(data)).append('}');
        fields.end();
    }
}
