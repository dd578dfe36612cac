package dev.caisson.kernel.syscall.decode;

import static dev.caisson.kernel.syscall.decode.Structures.array;

import dev.caisson.abi.Ipc;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.SemaphoreOperation;
import dev.caisson.kernel.syscall.Argument;
import dev.caisson.kernel.syscall.Argument.Kind;
import dev.caisson.kernel.syscall.FlagNames;
import dev.caisson.kernel.syscall.TracedCall;
import java.lang.foreign.MemorySegment;

/** System V IPC and POSIX message queues. */
public final class IpcStructures {
    private static final FlagNames COMMAND = FlagNames.oneOf(Ipc.class, "IPC_").without("IPC_PRIVATE", "IPC_CREAT", "IPC_EXCL",
            "IPC_NOWAIT");
    private static final FlagNames GET = FlagNames.mask(Ipc.class, "").without("IPC_PRIVATE", "IPC_RMID", "IPC_SET", "IPC_STAT", "IPC_INFO",
            "GET", "SET", "MSG", "SEM", "SHM_LOCK", "SHM_UNLOCK", "SHM_STAT", "SHM_INFO", "SHM_W", "SHM_R", "SHM_D", "SHM_E", "SHMLBA");
    private static final FlagNames SEMAPHORE_FLAG = FlagNames.mask(Ipc.class, "").without("IPC_PRIVATE", "IPC_RMID", "IPC_SET", "IPC_STAT",
            "IPC_INFO", "IPC_CREAT", "IPC_EXCL", "GET", "SET", "MSG", "SHM", "SEM_STAT", "SEM_INFO");
    private static final FlagNames MESSAGE_FLAG = FlagNames.mask(Ipc.class, "").without("IPC_PRIVATE", "IPC_RMID", "IPC_SET", "IPC_STAT",
            "IPC_INFO", "IPC_CREAT", "IPC_EXCL", "GET", "SET", "SHM", "SEM", "MSG_STAT", "MSG_INFO");

    private IpcStructures() {}

    /** A key; 0 is IPC_PRIVATE. */
    public static Argument key(String name) {
        return new Argument(name, Kind.NUMBER, (call, value) -> {
            if ((int) value == Ipc.IPC_PRIVATE) {
                call.out().append("IPC_PRIVATE");
            } else {
                call.hex(value & 0xffffffffL);
            }
        });
    }

    /**
     * The command of a ctl call.
     *
     * @param name as in the man page
     * @param own prefixes of commands of its own: {@code SHM_}
     * @return the argument
     */
    public static Argument command(String name, String... own) {
        FlagNames[] special = new FlagNames[own.length];
        for (int i = 0; i < own.length; i++) {
            special[i] = FlagNames.oneOf(Ipc.class, own[i]).without("SHM_R", "SHM_W", "SHM_D", "SHM_H", "SHM_N", "SHM_LOCKED", "SHM_E",
                    "SEM_UNDO", "MSG_N", "MSG_E", "MSG_C");
        }
        return new Argument(name, Kind.NAMED, (call, value) -> {
            String text = COMMAND.name((int) value);
            for (int i = 0; i < special.length && text == null; i++) {
                text = special[i].name((int) value);
            }
            call.out().append(text != null ? text : Integer.toString((int) value));
        });
    }

    /** Flags and permissions of a get call: {@code IPC_CREAT|0600}. */
    public static Argument creation(String name) {
        return new Argument(name, Kind.NAMED, (call, value) -> {
            int flags = (int) value & ~0777;
            if (flags != 0) {
                GET.format(call.out(), flags);
                call.out().append('|');
            }
            FileStructures.octal(call.out(), value & 0777);
        });
    }

    /** Operations of semop(2). */
    public static Argument operations(String name) {
        return new Argument(name, Kind.INPUT, (call, value) -> array(call, value, call.argument(2), SemaphoreOperation.BYTES,
                (c, bytes, at) -> {
                    Fields fields = new Fields(c.out(), bytes, at);
                    fields.number("sem_num", fields.u16(0)).number("sem_op", (short) fields.u16(2))
                            .flags("sem_flg", SEMAPHORE_FLAG, fields.u16(4)).end();
                }));
    }

    /** A message the guest gives. */
    public static Argument message(String name) {
        return new Argument(name, Kind.INPUT, (call, value) -> message(call, value, call.argument(2)));
    }

    /** A message the guest gets. */
    public static Argument messageOut(String name) {
        return new Argument(name, Kind.OUTPUT, (call, value) -> message(call, value, call.result()));
    }

    private static void message(TracedCall call, long value, long length) {
        MemorySegment type = call.fetch(value, 8);
        if (type == null) {
            call.address(value);
            return;
        }
        call.out().append("{mtype=").append(type.get(Layouts.U64, 0)).append(", mtext=");
        Quoted.bytes(call, value + 8, length);
        call.out().append('}');
    }

    /** Flags of msgsnd(2) and msgrcv(2). */
    public static Argument messageFlags(String name) {
        return new Argument(name, Kind.NAMED, (call, value) -> MESSAGE_FLAG.format(call.out(), (int) value));
    }

    /** {@code struct mq_attr} the guest gives. */
    public static Argument queue(String name) {
        return Structures.in(name, 64, IpcStructures::queue);
    }

    /** {@code struct mq_attr} the guest gets. */
    public static Argument queueOut(String name) {
        return Structures.out(name, 64, IpcStructures::queue);
    }

    private static void queue(TracedCall call, MemorySegment bytes, long at) {
        Fields fields = new Fields(call.out(), bytes, at);
        long flags = fields.u64(0);
        fields.text("mq_flags", flags == 0 ? "0" : flags == 0x800 ? "O_NONBLOCK" : "0x" + Long.toHexString(flags))
                .number("mq_maxmsg", fields.u64(8)).number("mq_msgsize", fields.u64(16)).number("mq_curmsgs", fields.u64(24)).end();
    }
}
