package dev.caisson.kernel.syscall.decode;

import static dev.caisson.kernel.syscall.decode.Structures.format;

import dev.caisson.abi.Layouts;
import dev.caisson.abi.SignalAction;
import dev.caisson.abi.SignalCodes;
import dev.caisson.abi.SignalInfo;
import dev.caisson.abi.Signals;
import dev.caisson.kernel.syscall.Argument;
import dev.caisson.kernel.syscall.Argument.Format;
import dev.caisson.kernel.syscall.Argument.Kind;
import dev.caisson.kernel.syscall.FlagNames;
import dev.caisson.kernel.syscall.TracedCall;
import java.lang.foreign.MemorySegment;

/** Signals: sets, actions, information, stacks. */
public final class SignalStructures {
    private static final int SIGNALS = 64;
    private static final FlagNames NAMES = FlagNames.oneOf(Signals.class, "SIG").without("SIG_", "SIGEV_", "SIGSTKSZ", "SIGRTM");
    private static final FlagNames ACTION = FlagNames.mask(Signals.class, "SA_");
    private static final FlagNames STACK = FlagNames.mask(Signals.class, "SS_");
    private static final FlagNames EVENT = FlagNames.oneOf(Signals.class, "SIGEV_");
    private static final FlagNames SENDER = FlagNames.oneOf(SignalCodes.class, "SI_");
    private static final Format SET = SignalStructures::set;
    private static final Format ACTION_FORMAT = format(SignalAction.CODEC.sizeBytes(), SignalStructures::action);
    private static final Format STACK_FORMAT = format(24, SignalStructures::stack);
    private static final Format INFO = format(SignalInfo.BYTES, SignalStructures::info);

    private SignalStructures() {}

    /** A signal number. */
    public static Argument signal(String name) {
        return new Argument(name, Kind.NAMED, (call, value) -> call.out().append(name((int) value)));
    }

    /** {@code SIGINT}, {@code SIGRT_3}, or the number. */
    public static String name(int signal) {
        if (signal >= Signals.SIGRTMIN && signal <= SIGNALS) {
            return signal == Signals.SIGRTMIN ? "SIGRTMIN" : "SIGRT_" + (signal - Signals.SIGRTMIN);
        }
        String name = signal > 0 && signal < Signals.SIGRTMIN ? NAMES.name(signal) : null;
        return name != null ? name : Integer.toString(signal);
    }

    /** A signal set the guest gives. */
    public static Argument set(String name) {
        return new Argument(name, Kind.INPUT, SET);
    }

    /** A signal set the guest gets. */
    public static Argument setOut(String name) {
        return new Argument(name, Kind.OUTPUT, SET);
    }

    static void set(TracedCall call, long value) {
        MemorySegment bytes = call.fetch(value, 8);
        if (bytes == null) {
            call.address(value);
        } else {
            mask(call.out(), bytes.get(Layouts.U64, 0));
        }
    }

    /** {@code [INT CHLD]}, or what is missing when most are there: {@code ~[KILL STOP]}. */
    static void mask(StringBuilder out, long mask) {
        long shown = mask;
        if (Long.bitCount(mask) > SIGNALS * 2 / 3) {
            out.append('~');
            shown = ~mask;
        }
        out.append('[');
        boolean first = true;
        for (int signal = 1; signal <= SIGNALS; signal++) {
            if ((shown >>> signal - 1 & 1) != 0) {
                out.append(first ? "" : " ").append(name(signal).substring(3));
                first = false;
            }
        }
        out.append(']');
    }

    /** {@code struct sigaction} the guest gives. */
    public static Argument action(String name) {
        return new Argument(name, Kind.INPUT, ACTION_FORMAT);
    }

    /** {@code struct sigaction} the guest gets. */
    public static Argument actionOut(String name) {
        return new Argument(name, Kind.OUTPUT, ACTION_FORMAT);
    }

    private static void action(TracedCall call, MemorySegment bytes, long at) {
        Fields fields = new Fields(call.out(), bytes, at);
        long handler = fields.u64(0);
        long flags = fields.u64(8);
        String field = (flags & Signals.SA_SIGINFO) != 0 && handler > 1 ? "sa_sigaction" : "sa_handler";
        if (handler == Signals.SIG_DFL || handler == Signals.SIG_IGN) {
            fields.text(field, handler == Signals.SIG_DFL ? "SIG_DFL" : "SIG_IGN");
        } else {
            fields.hex(field, handler);
        }
        mask(fields.name("sa_mask"), fields.u64(24));
        fields.flags("sa_flags", ACTION, flags);
        if ((flags & Signals.SA_RESTORER) != 0) {
            fields.address("sa_restorer", fields.u64(16));
        }
        fields.end();
    }

    /** {@code stack_t} the guest gives. */
    public static Argument stack(String name) {
        return new Argument(name, Kind.INPUT, STACK_FORMAT);
    }

    /** {@code stack_t} the guest gets. */
    public static Argument stackOut(String name) {
        return new Argument(name, Kind.OUTPUT, STACK_FORMAT);
    }

    private static void stack(TracedCall call, MemorySegment bytes, long at) {
        Fields fields = new Fields(call.out(), bytes, at);
        fields.address("ss_sp", fields.u64(0)).flags("ss_flags", STACK, fields.i32(8)).unsigned("ss_size", fields.u64(16)).end();
    }

    /** {@code siginfo_t} the guest gives. */
    public static Argument info(String name) {
        return new Argument(name, Kind.INPUT, INFO);
    }

    /** {@code siginfo_t} the guest gets. */
    public static Argument infoOut(String name) {
        return new Argument(name, Kind.OUTPUT, INFO);
    }

    private static void info(TracedCall call, MemorySegment bytes, long at) {
        info(call.out(), SignalInfo.CODEC.read(bytes, at));
    }

    /**
     * A signal and all that is known of it.
     *
     * @param info the signal
     * @return {@code SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, ...}}
     */
    public static String describe(SignalInfo info) {
        StringBuilder out = new StringBuilder(name(info.signal())).append(' ');
        info(out, info);
        return out.toString();
    }

    private static void info(StringBuilder out, SignalInfo info) {
        Fields fields = new Fields(out, null, 0);
        if (info.signal() == 0) {
            fields.end();
            return;
        }
        fields.text("si_signo", name(info.signal())).text("si_code", code(info));
        if (info.errno() != 0) {
            fields.number("si_errno", info.errno());
        }
        int code = info.code();
        if (code == SignalCodes.SI_TIMER) {
            fields.hex("si_timerid", info.pid()).number("si_overrun", info.uid());
            value(fields, info.word24());
        } else if (info.signal() == Signals.SIGCHLD && code >= SignalCodes.CLD_EXITED && code <= SignalCodes.CLD_CONTINUED) {
            fields.number("si_pid", info.pid()).number("si_uid", info.uid());
            fields.text("si_status", code == SignalCodes.CLD_EXITED ? Integer.toString(info.status()) : name(info.status()));
            fields.number("si_utime", info.word32()).number("si_stime", info.word40());
        } else if (code <= 0) {
            fields.number("si_pid", info.pid()).number("si_uid", info.uid());
            if (code != SignalCodes.SI_USER && code != SignalCodes.SI_TKILL) {
                value(fields, info.word24());
            }
        } else {
            other(fields, info);
        }
        fields.end();
    }

    private static void other(Fields fields, SignalInfo info) {
        switch (info.signal()) {
            case Signals.SIGSEGV, Signals.SIGBUS, Signals.SIGILL, Signals.SIGFPE, Signals.SIGTRAP ->
                fields.address("si_addr", info.address());
            case Signals.SIGIO -> fields.hex("si_band", info.word16()).number("si_fd", info.status());
            case Signals.SIGSYS -> fields.address("si_call_addr", info.word16()).number("si_syscall", info.status())
                    .hex("si_arch", info.word24() >>> 32);
            default -> { }
        }
    }

    private static void value(Fields fields, long value) {
        fields.name("si_value").append("{sival_int=").append((int) value).append(", sival_ptr=")
                .append(value == 0 ? "NULL" : "0x" + Long.toHexString(value)).append('}');
    }

    private static String code(SignalInfo info) {
        String common = SENDER.name(info.code());
        if (common != null) {
            return common;
        }
        String prefix = switch (info.signal()) {
            case Signals.SIGCHLD -> "CLD_";
            case Signals.SIGSEGV -> "SEGV_";
            case Signals.SIGBUS -> "BUS_";
            case Signals.SIGILL -> "ILL_";
            case Signals.SIGFPE -> "FPE_";
            case Signals.SIGTRAP -> "TRAP_";
            case Signals.SIGIO -> "POLL_";
            case Signals.SIGSYS -> "SYS_";
            default -> null;
        };
        String name = prefix == null ? null : FlagNames.oneOf(SignalCodes.class, prefix).name(info.code());
        return name != null ? name : info.code() > 0 ? "0x" + Integer.toHexString(info.code()) : Integer.toString(info.code());
    }

    /** {@code struct sigevent}. */
    public static Argument event(String name) {
        return Structures.in(name, 64, (call, bytes, at) -> {
            Fields fields = new Fields(call.out(), bytes, at);
            int notify = fields.i32(12);
            fields.name("sigev_value").append("{sival_int=").append((int) fields.u64(0)).append(", sival_ptr=");
            call.address(fields.u64(0));
            call.out().append('}');
            fields.text("sigev_signo", name(fields.i32(8))).flags("sigev_notify", EVENT, notify);
            if (notify == Signals.SIGEV_THREAD_ID) {
                fields.number("sigev_notify_thread_id", fields.i32(16));
            }
            fields.end();
        });
    }
}
