package dev.caisson.kernel.syscall.decode;

import static dev.caisson.kernel.syscall.decode.Structures.array;
import static dev.caisson.kernel.syscall.decode.Structures.bracketed;
import static dev.caisson.kernel.syscall.decode.Structures.format;

import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Time;
import dev.caisson.kernel.syscall.Argument;
import dev.caisson.kernel.syscall.Argument.Format;
import dev.caisson.kernel.syscall.Argument.Kind;
import dev.caisson.kernel.syscall.Flags;
import dev.caisson.kernel.syscall.TracedCall;
import java.lang.foreign.MemorySegment;

/** Times, intervals and timers. */
public final class Times {
    private static final int PAIR = 16;
    private static final Format TIMESPEC = format(PAIR, (call, bytes, at) -> pair(call, bytes, at, "tv_nsec"));
    private static final Format TIMEVAL = format(PAIR, (call, bytes, at) -> pair(call, bytes, at, "tv_usec"));
    private static final Format ITIMERSPEC = format(2 * PAIR, (call, bytes, at) -> interval(call, bytes, at, "tv_nsec"));
    private static final Format ITIMERVAL = format(2 * PAIR, (call, bytes, at) -> interval(call, bytes, at, "tv_usec"));

    private Times() {}

    private static Argument in(String name, Format format) {
        return new Argument(name, Kind.INPUT, format);
    }

    private static Argument out(String name, Format format) {
        return new Argument(name, Kind.OUTPUT, format);
    }

    /** {@code struct timespec} the guest gives. */
    public static Argument timespec(String name) {
        return in(name, TIMESPEC);
    }

    /** {@code struct timespec} the guest gets. */
    public static Argument timespecOut(String name) {
        return out(name, TIMESPEC);
    }

    /** The time that is left of an interrupted sleep: the call sets it when it fails. */
    public static Argument remaining(String name) {
        return Argument.inOut(name, TracedCall::address, (call, value) -> {
            if (call.hasSucceeded()) {
                call.address(value);
            } else {
                TIMESPEC.write(call, value);
            }
        });
    }

    /** {@code struct timeval} the guest gives. */
    public static Argument timeval(String name) {
        return in(name, TIMEVAL);
    }

    /** {@code struct timeval} the guest gets. */
    public static Argument timevalOut(String name) {
        return out(name, TIMEVAL);
    }

    /** {@code struct itimerspec} the guest gives. */
    public static Argument itimerspec(String name) {
        return in(name, ITIMERSPEC);
    }

    /** {@code struct itimerspec} the guest gets. */
    public static Argument itimerspecOut(String name) {
        return out(name, ITIMERSPEC);
    }

    /** {@code struct itimerval} the guest gives. */
    public static Argument itimerval(String name) {
        return in(name, ITIMERVAL);
    }

    /** {@code struct itimerval} the guest gets. */
    public static Argument itimervalOut(String name) {
        return out(name, ITIMERVAL);
    }

    /** Two {@code struct timespec}: access and modification, with UTIME_NOW and UTIME_OMIT. */
    public static Argument fileTimes(String name) {
        return in(name, (call, value) -> array(call, value, value == 0 ? 0 : 2, PAIR, (c, bytes, at) -> {
            long fraction = bytes.get(Layouts.U64, at + 8);
            if (fraction == Fcntl.UTIME_NOW || fraction == Fcntl.UTIME_OMIT) {
                c.out().append(fraction == Fcntl.UTIME_NOW ? "UTIME_NOW" : "UTIME_OMIT");
            } else {
                pair(c, bytes, at, "tv_nsec");
            }
        }));
    }

    /** Two {@code struct timeval}. */
    public static Argument timevalPair(String name) {
        return in(name, (call, value) -> array(call, value, value == 0 ? 0 : 2, PAIR, (c, bytes, at) -> pair(c, bytes, at, "tv_usec")));
    }

    /** {@code struct utimbuf}. */
    public static Argument utimbuf(String name) {
        return in(name, format(PAIR, (call, bytes, at) -> {
            Fields fields = new Fields(call.out(), bytes, at);
            fields.number("actime", fields.u64(0)).number("modtime", fields.u64(8)).end();
        }));
    }

    /** {@code struct timezone} the guest gets. */
    public static Argument timezoneOut(String name) {
        return out(name, timezone());
    }

    /** {@code struct timezone} the guest gives. */
    public static Argument timezone(String name) {
        return in(name, timezone());
    }

    private static Format timezone() {
        return format(8, (call, bytes, at) -> {
            Fields fields = new Fields(call.out(), bytes, at);
            fields.number("tz_minuteswest", fields.i32(0)).number("tz_dsttime", fields.i32(4)).end();
        });
    }

    /** {@code time_t} the guest gets. */
    public static Argument seconds(String name) {
        return out(name, format(8, bracketed(Structures::int64)));
    }

    /** {@code struct tms} the guest gets. */
    public static Argument tms(String name) {
        return out(name, format(32, (call, bytes, at) -> {
            Fields fields = new Fields(call.out(), bytes, at);
            fields.number("tms_utime", fields.u64(0)).number("tms_stime", fields.u64(8)).number("tms_cutime", fields.u64(16))
                    .number("tms_cstime", fields.u64(24)).end();
        }));
    }

    /** {@code struct timex} the guest gives and gets. */
    public static Argument timex(String name) {
        return out(name, format(208, (call, bytes, at) -> {
            Fields fields = new Fields(call.out(), bytes, at);
            fields.hex("modes", Integer.toUnsignedLong(fields.i32(0))).number("offset", fields.u64(8)).number("freq", fields.u64(16))
                    .number("maxerror", fields.u64(24)).number("esterror", fields.u64(32)).hex("status", fields.i32(40))
                    .number("constant", fields.u64(48)).number("precision", fields.u64(56)).number("tolerance", fields.u64(64));
            pair(call.out().append(", time="), bytes, at + 72, "tv_usec");
            fields.number("tick", fields.u64(88)).more();
        }));
    }

    /** The clock of a dynamic or static id. */
    public static Argument clock(String name) {
        return new Argument(name, Kind.NAMED, (call, value) -> {
            int id = (int) value;
            if (id >= 0) {
                Flags.CLOCK.format(call.out(), id);
                return;
            }
            String kind = switch (id & 3) {
                case 0 -> "CPUCLOCK_PROF";
                case 1 -> "CPUCLOCK_VIRT";
                case 2 -> "CPUCLOCK_SCHED";
                default -> "CLOCKFD";
            };
            if ((id & 3) == 3) {
                call.out().append("FD_TO_CLOCKID(").append(~(id >> 3)).append(')');
            } else {
                call.out().append((id & 4) != 0 ? "MAKE_THREAD_CPUCLOCK(" : "MAKE_PROCESS_CPUCLOCK(").append(~(id >> 3)).append(", ")
                        .append(kind).append(')');
            }
        });
    }

    /** Flags of clock_nanosleep and timer_settime. */
    public static Argument absolute(String name) {
        return new Argument(name, Kind.NAMED, (call, value) -> {
            switch ((int) value) {
                case 0 -> call.out().append('0');
                case Time.TIMER_ABSTIME -> call.out().append("TIMER_ABSTIME");
                default -> call.hex(value & 0xffffffffL);
            }
        });
    }

    static void pair(TracedCall call, MemorySegment bytes, long at, String fraction) {
        pair(call.out(), bytes, at, fraction);
    }

    static void pair(StringBuilder out, MemorySegment bytes, long at, String fraction) {
        Fields fields = new Fields(out, bytes, at);
        fields.number("tv_sec", fields.u64(0)).number(fraction, fields.u64(8)).end();
    }

    private static void interval(TracedCall call, MemorySegment bytes, long at, String fraction) {
        pair(call.out().append("{it_interval="), bytes, at, fraction);
        pair(call.out().append(", it_value="), bytes, at + PAIR, fraction);
        call.out().append('}');
    }

    /** A format for a timeval that select(2) takes and changes. */
    static Format timevalFormat() {
        return TIMEVAL;
    }

    /** A format for a timespec. */
    static Format timespecFormat() {
        return TIMESPEC;
    }
}
