package dev.caisson.kernel.syscall.decode;

import static dev.caisson.kernel.syscall.decode.Structures.format;

import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Futex;
import dev.caisson.kernel.syscall.Argument;
import dev.caisson.kernel.syscall.Argument.Format;
import dev.caisson.kernel.syscall.Argument.Kind;
import dev.caisson.kernel.syscall.FlagNames;
import dev.caisson.kernel.syscall.Flags;
import dev.caisson.kernel.syscall.TracedCall;
import java.util.function.Predicate;

/** fcntl(2) and futex(2): the arguments depend on the request. */
public final class Requests {
    private static final FlagNames OWNER = FlagNames.oneOf(Fcntl.class, "F_OWNER_");
    private static final FlagNames SEALS = FlagNames.mask(Fcntl.class, "F_SEAL_");
    private static final FlagNames FCNTL = FlagNames.oneOf(Fcntl.class, "F_").without("F_OK", "F_RDLCK", "F_WRLCK", "F_UNLCK", "F_SEAL_",
            "F_OWNER_", "F_GETLK64", "F_SETLK64", "F_SETLKW64");
    private static final FlagNames FUTEX = FlagNames.oneOf(Futex.class, "FUTEX_").without("FUTEX_OP_", "FUTEX_CLOCK", "FUTEX_TID",
            "FUTEX_OWNER", "FUTEX_WAITERS", "FUTEX_BITSET", "FUTEX_CMD", "FUTEX_PRIVATE_FLAG", "FUTEX_WAITV", "FUTEX_32");

    private Requests() {}

    // ---- fcntl

    /** The command of fcntl(2). */
    public static Argument fcntl(String name) {
        return new Argument(name, Kind.NAMED, (call, value) -> FCNTL.format(call.out(), (int) value));
    }

    /** The argument of fcntl(2), and what its result means. */
    public static Argument fcntlArgument(String name) {
        return Argument.inOut(name, Requests::fcntlArgument, (call, value) -> {
            int command = (int) call.argument(1);
            if (call.hasSucceeded() && (command == Fcntl.F_GETLK || command == Fcntl.F_OFD_GETLK)) {
                FileStructures.lock(true).write(call, value);
            } else if (call.hasSucceeded() && command == Fcntl.F_GETOWN_EX) {
                owner().write(call, value);
            } else {
                call.out().append(call.before());
            }
        }).unless(values -> switch ((int) values[1]) {
            case Fcntl.F_GETFD, Fcntl.F_GETFL, Fcntl.F_GETOWN, Fcntl.F_GETSIG, Fcntl.F_GETLEASE, Fcntl.F_GETPIPE_SZ,
                    Fcntl.F_GET_SEALS -> true;
            default -> false;
        }).answering(call -> {
            switch ((int) call.argument(1)) {
                case Fcntl.F_GETFD, Fcntl.F_GETFL, Fcntl.F_GET_SEALS -> call.hex(call.result());
                default -> { }
            }
        }).noted((call, value) -> {
            if (!call.hasSucceeded() || call.result() == 0) {
                return;
            }
            switch ((int) call.argument(1)) {
                case Fcntl.F_GETFD -> call.out().append((call.result() & Fcntl.FD_CLOEXEC) != 0 ? "flags FD_CLOEXEC" : "");
                case Fcntl.F_GETFL -> Flags.OPEN.format(call.out().append("flags "), call.result());
                case Fcntl.F_GET_SEALS -> SEALS.format(call.out().append("seals "), call.result());
                default -> { }
            }
        });
    }

    private static void fcntlArgument(TracedCall call, long value) {
        StringBuilder out = call.out();
        switch ((int) call.argument(1)) {
            case Fcntl.F_DUPFD, Fcntl.F_DUPFD_CLOEXEC, Fcntl.F_SETPIPE_SZ, Fcntl.F_SETOWN -> out.append((int) value);
            case Fcntl.F_SETFD -> out.append(value == Fcntl.FD_CLOEXEC ? "FD_CLOEXEC" : Long.toString(value));
            case Fcntl.F_SETFL -> Flags.OPEN.format(out, (int) value);
            case Fcntl.F_SETSIG -> out.append(SignalStructures.name((int) value));
            case Fcntl.F_ADD_SEALS -> SEALS.format(out, (int) value);
            case Fcntl.F_SETLK, Fcntl.F_SETLKW, Fcntl.F_GETLK, Fcntl.F_OFD_SETLK, Fcntl.F_OFD_SETLKW, Fcntl.F_OFD_GETLK ->
                FileStructures.lock(false).write(call, value);
            case Fcntl.F_SETOWN_EX -> owner().write(call, value);
            default -> call.hex(value);
        }
    }

    private static Format owner() {
        return format(8, (call, bytes, at) -> {
            Fields fields = new Fields(call.out(), bytes, at);
            fields.flags("type", OWNER, fields.i32(0)).number("pid", fields.i32(4)).end();
        });
    }

    // ---- futex

    /** The operation of futex(2). */
    public static Argument futex(String name) {
        return new Argument(name, Kind.NAMED, (call, value) -> {
            FUTEX.format(call.out(), value & 0xff);
            if ((value & Futex.FUTEX_CLOCK_REALTIME) != 0) {
                call.out().append("|FUTEX_CLOCK_REALTIME");
            }
            if ((value & 0xfffffe00L) != 0) {
                call.out().append("|0x").append(Long.toHexString(value & 0xfffffe00L));
            }
        });
    }

    private static Predicate<long[]> unlessFutex(int... commands) {
        return values -> {
            int command = (int) values[1] & 0x7f;
            for (int known : commands) {
                if (known == command) {
                    return false;
                }
            }
            return true;
        };
    }

    /** The value of futex(2). */
    public static Argument futexValue(String name) {
        return new Argument(name, Kind.NUMBER, (call, value) -> call.out().append((int) value)).unless(values -> switch ((int) values[1] & 0x7f) {
            case Futex.FUTEX_LOCK_PI, Futex.FUTEX_UNLOCK_PI, Futex.FUTEX_TRYLOCK_PI, Futex.FUTEX_LOCK_PI2 -> true;
            default -> false;
        });
    }

    /** The timeout of futex(2), or the second number. */
    public static Argument futexTimeout(String name) {
        return new Argument(name, Kind.INPUT, (call, value) -> {
            switch ((int) call.argument(1) & 0x7f) {
                case Futex.FUTEX_REQUEUE, Futex.FUTEX_CMP_REQUEUE, Futex.FUTEX_CMP_REQUEUE_PI, Futex.FUTEX_WAKE_OP ->
                    call.out().append((int) value);
                default -> Times.timespecFormat().write(call, value);
            }
        }).unless(unlessFutex(Futex.FUTEX_WAIT, Futex.FUTEX_WAIT_BITSET, Futex.FUTEX_LOCK_PI, Futex.FUTEX_LOCK_PI2,
                Futex.FUTEX_WAIT_REQUEUE_PI, Futex.FUTEX_REQUEUE, Futex.FUTEX_CMP_REQUEUE, Futex.FUTEX_CMP_REQUEUE_PI,
                Futex.FUTEX_WAKE_OP));
    }

    /** The second word of futex(2). */
    public static Argument futexTarget(String name) {
        return new Argument(name, Kind.ADDRESS, TracedCall::address).unless(unlessFutex(Futex.FUTEX_REQUEUE, Futex.FUTEX_CMP_REQUEUE,
                Futex.FUTEX_CMP_REQUEUE_PI, Futex.FUTEX_WAKE_OP, Futex.FUTEX_WAIT_REQUEUE_PI));
    }

    /** The last argument of futex(2): expected value, bit set or operation. */
    public static Argument futexLast(String name) {
        return new Argument(name, Kind.NUMBER, (call, value) -> {
            int command = (int) call.argument(1) & 0x7f;
            if (command != Futex.FUTEX_WAIT_BITSET && command != Futex.FUTEX_WAKE_BITSET) {
                call.out().append((int) value);
            } else if ((int) value == -1) {
                call.out().append("FUTEX_BITSET_MATCH_ANY");
            } else {
                call.hex(value & 0xffffffffL);
            }
        }).unless(unlessFutex(Futex.FUTEX_CMP_REQUEUE, Futex.FUTEX_CMP_REQUEUE_PI, Futex.FUTEX_WAKE_OP, Futex.FUTEX_WAIT_BITSET,
                Futex.FUTEX_WAKE_BITSET));
    }
}
