package dev.caisson.kernel.syscall.decode;

import static dev.caisson.kernel.syscall.decode.Structures.bracketed;
import static dev.caisson.kernel.syscall.decode.Structures.format;

import dev.caisson.abi.Layouts;
import dev.caisson.abi.Prctl;
import dev.caisson.abi.Seccomp;
import dev.caisson.kernel.syscall.Argument;
import dev.caisson.kernel.syscall.Argument.Format;
import dev.caisson.kernel.syscall.Argument.Kind;
import dev.caisson.kernel.syscall.FlagNames;
import dev.caisson.kernel.syscall.TracedCall;
import java.lang.foreign.MemorySegment;

/** prctl(2), arch_prctl(2), seccomp(2): the arguments depend on the option. */
public final class Prctls {
    private static final FlagNames SECCOMP = FlagNames.oneOf(Seccomp.class, "SECCOMP_").without("SECCOMP_FILTER_", "SECCOMP_RET_",
            "SECCOMP_MODE_", "SECCOMP_USER_", "SECCOMP_ADDFD_");
    private static final FlagNames SECCOMP_FLAG = FlagNames.mask(Seccomp.class, "SECCOMP_FILTER_FLAG_");
    private static final FlagNames SECCOMP_MODE = FlagNames.oneOf(Seccomp.class, "SECCOMP_MODE_");
    private static final FlagNames AMBIENT = FlagNames.oneOf(Prctl.class, "PR_CAP_AMBIENT_");
    private static final FlagNames PRCTL = FlagNames.oneOf(Prctl.class, "PR_").without("PR_ENDIAN_", "PR_FP_", "PR_MCE_KILL_C",
            "PR_MCE_KILL_L", "PR_MCE_KILL_E", "PR_MCE_KILL_S", "PR_MCE_KILL_D", "PR_MTE_", "PR_SCHED_CORE_", "PR_SET_VMA_", "PR_SPEC_",
            "PR_SYS_", "PR_TIMING_", "PR_CAP_AMBIENT_", "PR_FPEMU_", "PR_PAC_AP", "PR_SET_MM_", "PR_TAGGED_", "PR_TSC_", "PR_UNALIGN_",
            "PR_SET_PTRACER_", "PR_SME_VL", "PR_SVE_VL", "PR_SME_SET_VL_", "PR_SVE_SET_VL_");
    private static final Format INT = format(4, bracketed(Structures::int32));

    private Prctls() {}

    /** The option of prctl(2). */
    public static Argument prctl(String name) {
        return new Argument(name, Kind.NAMED, (call, value) -> PRCTL.format(call.out(), (int) value));
    }

    /** Arguments of prctl(2), as many as the option has. */
    public static Argument prctlArgument(String name, int index) {
        return Argument.inOut(name, (call, value) -> {
            if (index == 1) {
                prctlFirst(call, value);
            } else {
                prctlOther(call, value, index);
            }
        }, (call, value) -> {
            int option = (int) call.argument(0);
            if (index != 1 || !call.hasSucceeded()) {
                call.out().append(call.before());
            } else if (option == Prctl.PR_GET_NAME) {
                Quoted.string().write(call, value);
            } else if (option == Prctl.PR_GET_PDEATHSIG) {
                MemorySegment word = call.fetch(value, 4);
                call.out().append(word == null ? call.before() : "[" + SignalStructures.name(word.get(Layouts.U32, 0)) + "]");
            } else if (option == Prctl.PR_GET_CHILD_SUBREAPER || option == Prctl.PR_GET_TSC) {
                INT.write(call, value);
            } else {
                call.out().append(call.before());
            }
        }).unless(values -> index > prctlArguments(values));
    }

    private static int prctlArguments(long[] values) {
        return switch ((int) values[0]) {
            case Prctl.PR_GET_DUMPABLE, Prctl.PR_GET_KEEPCAPS, Prctl.PR_GET_SECCOMP, Prctl.PR_GET_SECUREBITS, Prctl.PR_GET_TIMERSLACK,
                    Prctl.PR_GET_TIMING, Prctl.PR_TASK_PERF_EVENTS_DISABLE, Prctl.PR_TASK_PERF_EVENTS_ENABLE -> 0;
            case Prctl.PR_SET_NAME, Prctl.PR_GET_NAME, Prctl.PR_SET_PDEATHSIG, Prctl.PR_GET_PDEATHSIG, Prctl.PR_SET_DUMPABLE,
                    Prctl.PR_SET_KEEPCAPS, Prctl.PR_CAPBSET_READ, Prctl.PR_CAPBSET_DROP, Prctl.PR_SET_TIMERSLACK, Prctl.PR_GET_TSC,
                    Prctl.PR_SET_TSC, Prctl.PR_SET_SECUREBITS, Prctl.PR_GET_TID_ADDRESS, Prctl.PR_SET_CHILD_SUBREAPER,
                    Prctl.PR_GET_CHILD_SUBREAPER, Prctl.PR_SET_TIMING -> 1;
            case Prctl.PR_SET_SECCOMP -> (int) values[1] == Seccomp.SECCOMP_MODE_FILTER ? 2 : 1;
            default -> 4;
        };
    }

    private static void prctlFirst(TracedCall call, long value) {
        StringBuilder out = call.out();
        switch ((int) call.argument(0)) {
            case Prctl.PR_SET_NAME -> Quoted.string(call, value, 16);
            case Prctl.PR_SET_PDEATHSIG -> out.append(SignalStructures.name((int) value));
            case Prctl.PR_CAPBSET_READ, Prctl.PR_CAPBSET_DROP -> out.append(ProcessStructures.capability(value));
            case Prctl.PR_CAP_AMBIENT -> AMBIENT.format(out, value);
            case Prctl.PR_SET_SECCOMP -> SECCOMP_MODE.format(out, (int) value);
            case Prctl.PR_GET_NAME, Prctl.PR_GET_PDEATHSIG, Prctl.PR_GET_TID_ADDRESS, Prctl.PR_GET_CHILD_SUBREAPER, Prctl.PR_GET_TSC ->
                call.address(value);
            default -> plain(call, value);
        }
    }

    private static void prctlOther(TracedCall call, long value, int index) {
        switch ((int) call.argument(0)) {
            case Prctl.PR_CAP_AMBIENT -> {
                if (index == 2 && call.argument(1) != Prctl.PR_CAP_AMBIENT_CLEAR_ALL) {
                    call.out().append(ProcessStructures.capability(value));
                } else {
                    plain(call, value);
                }
            }
            case Prctl.PR_SET_SECCOMP -> ProcessStructures.program(call, value);
            default -> plain(call, value);
        }
    }

    private static void plain(TracedCall call, long value) {
        if (value >= 0 && value < 0x10000) {
            call.out().append(value);
        } else {
            call.hex(value);
        }
    }

    /** The argument of arch_prctl(2). */
    public static Argument archPrctlArgument(String name) {
        return Argument.inOut(name, TracedCall::address, (call, value) -> {
            int code = (int) call.argument(0);
            MemorySegment word = call.hasSucceeded() && (code == Prctl.ARCH_GET_FS || code == Prctl.ARCH_GET_GS) ? call.fetch(value, 8)
                    : null;
            if (word == null) {
                call.out().append(call.before());
            } else {
                call.out().append('[');
                call.address(word.get(Layouts.U64, 0));
                call.out().append(']');
            }
        });
    }

    // ---- seccomp

    /** The operation of seccomp(2). */
    public static Argument seccomp(String name) {
        return new Argument(name, Kind.NAMED, (call, value) -> SECCOMP.format(call.out(), (int) value));
    }

    /** The flags of seccomp(2). */
    public static Argument seccompFlags(String name) {
        return new Argument(name, Kind.NAMED, (call, value) -> SECCOMP_FLAG.format(call.out(), (int) value));
    }

    /** The argument of seccomp(2). */
    public static Argument seccompArgument(String name) {
        return new Argument(name, Kind.INPUT, (call, value) -> {
            if ((int) call.argument(0) == Seccomp.SECCOMP_SET_MODE_FILTER) {
                ProcessStructures.program(call, value);
            } else {
                call.address(value);
            }
        });
    }
}
