package dev.caisson.kernel.syscall.decode;

import static dev.caisson.kernel.syscall.decode.Structures.array;
import static dev.caisson.kernel.syscall.decode.Structures.bracketed;
import static dev.caisson.kernel.syscall.decode.Structures.format;

import dev.caisson.abi.Capability;
import dev.caisson.abi.CloneArguments;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Resource;
import dev.caisson.abi.ResourceUsage;
import dev.caisson.abi.Sched;
import dev.caisson.abi.SystemInformation;
import dev.caisson.kernel.syscall.Argument;
import dev.caisson.kernel.syscall.Argument.Format;
import dev.caisson.kernel.syscall.Argument.Kind;
import dev.caisson.kernel.syscall.FlagNames;
import dev.caisson.kernel.syscall.Flags;
import dev.caisson.kernel.syscall.TracedCall;
import java.lang.foreign.MemorySegment;

/** What calls about processes, limits, scheduling and the machine take and give. */
public final class ProcessStructures {
    private static final FlagNames CAPABILITY = FlagNames.oneOf(Capability.class, "CAP_").without("CAP_LAST_CAP");
    private static final FlagNames CAPABILITY_VERSION = FlagNames.oneOf(Capability.class, "_LINUX_CAPABILITY_VERSION_");
    private static final FlagNames POLICY = FlagNames.oneOf(Sched.class, "SCHED_").without("SCHED_FLAG_");
    private static final Format LIMIT = format(16, (call, bytes, at) -> {
        Fields fields = new Fields(call.out(), bytes, at);
        limit(fields.name("rlim_cur"), fields.u64(0));
        limit(fields.name("rlim_max"), fields.u64(8));
        fields.end();
    });
    private static final Format INTS = format(4, bracketed(Structures::int32));

    private ProcessStructures() {}

    /** {@code struct rlimit} the guest gives. */
    public static Argument limit(String name) {
        return new Argument(name, Kind.INPUT, LIMIT);
    }

    /** {@code struct rlimit} the guest gets. */
    public static Argument limitOut(String name) {
        return new Argument(name, Kind.OUTPUT, LIMIT);
    }

    private static void limit(StringBuilder out, long value) {
        if (value == Resource.RLIM_INFINITY) {
            out.append("RLIM64_INFINITY");
        } else if (value > 1024 && value % 1024 == 0) {
            out.append(value / 1024).append("*1024");
        } else {
            out.append(Long.toUnsignedString(value));
        }
    }

    /** {@code struct rusage}. */
    public static Argument usage(String name) {
        return Structures.out(name, ResourceUsage.BYTES, (call, bytes, at) -> {
            Times.pair(call.out().append("{ru_utime="), bytes, at, "tv_usec");
            Times.pair(call.out().append(", ru_stime="), bytes, at + 16, "tv_usec");
            call.out().append(", ...}");
        });
    }

    /** {@code struct utsname}. */
    public static Argument utsname(String name) {
        return Structures.out(name, 390, (call, bytes, at) -> {
            Fields fields = new Fields(call.out(), bytes, at);
            fields.string("sysname", 0, 65).string("nodename", 65, 65).more();
        });
    }

    /** {@code struct sysinfo}. */
    public static Argument sysinfo(String name) {
        return Structures.out(name, SystemInformation.BYTES, (call, bytes, at) -> {
            Fields fields = new Fields(call.out(), bytes, at);
            fields.number("uptime", fields.u64(0)).text("loads", "[" + fields.u64(8) + ", " + fields.u64(16) + ", " + fields.u64(24) + "]")
                    .unsigned("totalram", fields.u64(32)).unsigned("freeram", fields.u64(40)).unsigned("sharedram", fields.u64(48))
                    .unsigned("bufferram", fields.u64(56)).unsigned("totalswap", fields.u64(64)).unsigned("freeswap", fields.u64(72))
                    .number("procs", fields.u16(80)).unsigned("totalhigh", fields.u64(88)).unsigned("freehigh", fields.u64(96))
                    .number("mem_unit", fields.i32(104)).end();
        });
    }

    /** The status wait4(2) gives. */
    public static Argument waitStatus(String name) {
        return new Argument(name, Kind.OUTPUT, (call, value) -> {
            MemorySegment word = call.result() == 0 ? null : call.fetch(value, 4);
            if (word == null) {
                call.address(value);
                return;
            }
            int status = word.get(Layouts.U32, 0);
            StringBuilder out = call.out().append("[{");
            if ((status & 0x7f) == 0) {
                out.append("WIFEXITED(s) && WEXITSTATUS(s) == ").append(status >> 8 & 0xff);
            } else if ((status & 0xff) == 0x7f) {
                out.append("WIFSTOPPED(s) && WSTOPSIG(s) == ").append(SignalStructures.name(status >> 8 & 0xff));
            } else if (status == 0xffff) {
                out.append("WIFCONTINUED(s)");
            } else {
                out.append("WIFSIGNALED(s) && WTERMSIG(s) == ").append(SignalStructures.name(status & 0x7f))
                        .append((status & 0x80) != 0 ? " && WCOREDUMP(s)" : "");
            }
            out.append("}]");
        });
    }

    /** The flags of clone(2), with the signal in their low byte. */
    public static Argument cloneFlags(String name) {
        return new Argument(name, Kind.NAMED, (call, value) -> {
            call.out().append("flags=");
            cloneFlags(call.out(), value & 0xffffff00L, (int) value & 0xff);
        });
    }

    private static void cloneFlags(StringBuilder out, long flags, int signal) {
        if (flags != 0 || signal == 0) {
            Flags.CLONE.format(out, (int) flags);
        }
        if (signal != 0) {
            out.append(flags != 0 ? "|" : "").append(SignalStructures.name(signal));
        }
    }

    /** An address that is shown with its name, as strace(1) does for clone(2). */
    public static Argument namedAddress(String name, int needsFlag) {
        Argument argument = new Argument(name, Kind.ADDRESS, (call, value) -> {
            call.out().append(name).append('=');
            call.address(value);
        });
        return needsFlag == 0 ? argument : argument.unless(values -> (values[0] & Integer.toUnsignedLong(needsFlag)) == 0);
    }

    /** {@code struct clone_args}. */
    public static Argument cloneArguments(String name) {
        return new Argument(name, Kind.INPUT, (call, value) -> {
            long size = call.argument(1);
            MemorySegment bytes = size < CloneArguments.FIRST_BYTES ? null : call.fetch(value, Math.min(size, CloneArguments.BYTES));
            if (bytes == null) {
                call.address(value);
                return;
            }
            Fields fields = new Fields(call.out(), bytes, 0);
            long flags = fields.u64(0);
            fields.name("flags");
            long high = flags >>> 32;
            if (high != 0 && flags << 32 == 0) {
                call.hex(flags);
            } else {
                cloneFlags(call.out(), flags & 0xffffffffL, 0);
                if (high != 0) {
                    call.out().append("|0x").append(Long.toHexString(high << 32));
                }
            }
            optional(fields, "pidfd", 8);
            optional(fields, "child_tid", 16);
            optional(fields, "parent_tid", 24);
            fields.text("exit_signal", SignalStructures.name((int) fields.u64(32)));
            fields.address("stack", fields.u64(40)).hex("stack_size", fields.u64(48));
            optional(fields, "tls", 56);
            if (bytes.byteSize() >= 80 && fields.u64(72) != 0) {
                fields.name("set_tid");
                array(call, fields.u64(64), fields.u64(72), 4, Structures::int32);
                fields.number("set_tid_size", fields.u64(72));
            }
            fields.end();
        });
    }

    private static void optional(Fields fields, String name, long offset) {
        if (fields.u64(offset) != 0) {
            fields.address(name, fields.u64(offset));
        }
    }

    /** {@code struct sched_param} the guest gives. */
    public static Argument priority(String name) {
        return new Argument(name, Kind.INPUT, INTS);
    }

    /** {@code struct sched_attr} the guest gives. */
    public static Argument attributes(String name) {
        return new Argument(name, Kind.INPUT, ProcessStructures::attributes);
    }

    /** {@code struct sched_attr} the guest gets. */
    public static Argument attributesOut(String name) {
        return new Argument(name, Kind.OUTPUT, ProcessStructures::attributes);
    }

    private static void attributes(TracedCall call, long value) {
        MemorySegment bytes = call.fetch(value, 48);
        if (bytes == null) {
            call.address(value);
            return;
        }
        Fields fields = new Fields(call.out(), bytes, 0);
        fields.unsigned("size", Integer.toUnsignedLong(fields.i32(0))).flags("sched_policy", POLICY, fields.i32(4))
                .hex("sched_flags", fields.u64(8)).number("sched_nice", fields.i32(16))
                .unsigned("sched_priority", Integer.toUnsignedLong(fields.i32(20))).unsigned("sched_runtime", fields.u64(24))
                .unsigned("sched_deadline", fields.u64(32)).unsigned("sched_period", fields.u64(40));
        if (Integer.toUnsignedLong(fields.i32(0)) > 48) {
            fields.more();
        } else {
            fields.end();
        }
    }

    /** A set of processors the guest gives. */
    public static Argument processors(String name) {
        return new Argument(name, Kind.INPUT, (call, value) -> processors(call, value, call.argument(1)));
    }

    /** A set of processors the guest gets; the result says how many bytes. */
    public static Argument processorsOut(String name) {
        return new Argument(name, Kind.OUTPUT, (call, value) -> processors(call, value, call.result()));
    }

    private static void processors(TracedCall call, long value, long bytes) {
        Polling.bits(call, value, (int) Math.max(0, Math.min(bytes, 1024) * 8));
    }

    /** Group ids the guest gives. */
    public static Argument groups(String name) {
        return new Argument(name, Kind.INPUT, (call, value) -> array(call, value, (int) call.argument(0), 4, Structures::int32));
    }

    /** Group ids the guest gets. */
    public static Argument groupsOut(String name) {
        return new Argument(name, Kind.OUTPUT, (call, value) -> {
            if (call.argument(0) == 0) {
                call.address(value);
            } else {
                array(call, value, call.result(), 4, Structures::int32);
            }
        });
    }

    /** The header of capget(2) and capset(2). */
    public static Argument capabilityHeader(String name) {
        return Structures.in(name, 8, (call, bytes, at) -> {
            Fields fields = new Fields(call.out(), bytes, at);
            fields.flags("version", CAPABILITY_VERSION, fields.i32(0)).number("pid", fields.i32(4)).end();
        });
    }

    /** The sets of capset(2). */
    public static Argument capabilities(String name) {
        return new Argument(name, Kind.INPUT, ProcessStructures::capabilities);
    }

    /** The sets of capget(2). */
    public static Argument capabilitiesOut(String name) {
        return new Argument(name, Kind.OUTPUT, ProcessStructures::capabilities);
    }

    private static void capabilities(TracedCall call, long value) {
        boolean wide = call.word(call.argument(0), 4, 0) != Capability._LINUX_CAPABILITY_VERSION_1;
        MemorySegment bytes = call.fetch(value, wide ? 24 : 12);
        if (bytes == null) {
            call.address(value);
            return;
        }
        Fields fields = new Fields(call.out(), bytes, 0);
        String[] names = {"effective", "permitted", "inheritable"};
        for (int i = 0; i < names.length; i++) {
            long mask = Integer.toUnsignedLong(fields.i32(4 * i)) | (wide ? (long) fields.i32(12 + 4 * i) << 32 : 0);
            capabilityMask(fields.name(names[i]), mask);
        }
        fields.end();
    }

    private static void capabilityMask(StringBuilder out, long mask) {
        long all = (1L << Capability.CAP_LAST_CAP + 1) - 1;
        if (mask == 0 || (mask & ~all) != 0) {
            out.append(mask == 0 ? "0" : "0x" + Long.toHexString(mask));
            return;
        }
        boolean first = true;
        for (int i = 0; i <= Capability.CAP_LAST_CAP; i++) {
            if ((mask >>> i & 1) != 0) {
                out.append(first ? "" : "|").append("1<<").append(CAPABILITY.name(i));
                first = false;
            }
        }
    }

    /** The name of a capability. */
    static String capability(long number) {
        String name = CAPABILITY.name(number);
        return name != null ? name : Long.toString(number);
    }

    /** One int the guest gets: {@code [3]}. */
    public static Argument intOut(String name) {
        return new Argument(name, Kind.OUTPUT, INTS);
    }

    /** One int the guest gives: {@code [3]}. */
    public static Argument intIn(String name) {
        return new Argument(name, Kind.INPUT, INTS);
    }

    /** Two ints the guest gets: the descriptors of pipe(2). */
    public static Argument pairOut(String name) {
        return new Argument(name, Kind.OUTPUT, (call, value) -> array(call, value, 2, 4, Structures::int32));
    }

    /** One word of 8 bytes the guest gets: an address or a number. */
    public static Argument addressOut(String name) {
        return Structures.out(name, 8, (call, bytes, at) -> {
            call.out().append('[');
            call.address(bytes.get(Layouts.U64, at));
            call.out().append(']');
        });
    }

    /** An array of pids the guest gives. */
    static void ints(TracedCall call, long value, long count) {
        array(call, value, count, 4, Structures::int32);
    }

    /** {@code struct sock_fprog}: filters of seccomp(2) and of sockets. */
    static void program(TracedCall call, long value) {
        format(16, (c, bytes, at) -> {
            Fields fields = new Fields(c.out(), bytes, at);
            fields.number("len", fields.u16(0)).address("filter", fields.u64(8)).end();
        }).write(call, value);
    }
}
