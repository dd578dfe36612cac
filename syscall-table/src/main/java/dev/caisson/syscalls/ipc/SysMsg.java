package dev.caisson.syscalls.ipc;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Layouts.U16;
import static dev.caisson.abi.Layouts.U32;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Ipc;
import dev.caisson.abi.MessageQueueStatus;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.ipc.IpcLimits;
import dev.caisson.kernel.ipc.MessageQueue;
import dev.caisson.kernel.ipc.MessageQueues;
import dev.caisson.kernel.syscall.SyscallArgs;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** msgget(2), msgsnd(2), msgrcv(2), msgctl(2). A message in guest memory is its type, 8 bytes, and the data. */
public final class SysMsg {
    private static final int TYPE_BYTES = 8, INFO_BYTES = 32;

    private SysMsg() {}

    private static MessageQueues queues(Task task) {
        return SysShm.namespace(task).messageQueues();
    }

    /** msgget(2). */
    public static long msgget(Task task, SyscallArgs args) throws ErrnoException {
        return queues(task).get(args.i32(0), args.i32(1), task.credentials());
    }

    /** msgsnd(2). */
    public static long msgsnd(Task task, SyscallArgs args) throws ErrnoException {
        long address = args.address(1);
        long length = args.value(2);
        long type = task.memory().readLong(address);
        if (length < 0 || length > task.namespaces().ipc().limits().get(IpcLimits.Limit.MSGMAX) || args.i32(0) < 0 || type < 1) {
            throw EINVAL.error();
        }
        byte[] data = new byte[(int) length];
        task.memory().copyIn(address + TYPE_BYTES, data);
        queues(task).send(args.i32(0), type, data, args.i32(3), task.credentials(), task.process().pid(), task);
        return 0;
    }

    /** msgrcv(2). */
    public static long msgrcv(Task task, SyscallArgs args) throws ErrnoException {
        long address = args.address(1);
        long room = args.value(2);
        int flags = args.i32(4);
        if (args.i32(0) < 0 || room < 0) {
            throw EINVAL.error();
        }
        if ((flags & Ipc.MSG_COPY) != 0 && ((flags & Ipc.MSG_EXCEPT) != 0 || (flags & Ipc.IPC_NOWAIT) == 0)) {
            throw EINVAL.error();
        }
        MessageQueue.Message message =
                queues(task).receive(args.i32(0), args.value(3), room, flags, task.credentials(), task.process().pid(), task);
        byte[] data = message.data();
        int length = (int) Math.min(room, data.length);
        task.memory().writeLong(address, message.type());
        task.memory().copyOut(address + TYPE_BYTES, length == data.length ? data : Arrays.copyOf(data, length));
        return length;
    }

    /** msgctl(2). */
    public static long msgctl(Task task, SyscallArgs args) throws ErrnoException {
        int id = args.i32(0);
        int command = args.i32(1);
        long address = args.address(2);
        if (id < 0 || command < 0) {
            throw EINVAL.error();
        }
        MessageQueues queues = queues(task);
        switch (command) {
            case Ipc.IPC_INFO, Ipc.MSG_INFO -> {
                return info(task, queues, command == Ipc.MSG_INFO, address);
            }
            case Ipc.IPC_STAT, Ipc.MSG_STAT, dev.caisson.abi.Socket.MSG_STAT_ANY -> {
                boolean bySlot = command != Ipc.IPC_STAT;
                int access = command == dev.caisson.abi.Socket.MSG_STAT_ANY ? 0 : 0444;
                MessageQueue queue = queues.find(id, bySlot, access, task.credentials());
                task.memory().write(address, MessageQueueStatus.CODEC, queue.status());
                return bySlot ? queue.id() : 0;
            }
            case Ipc.IPC_SET -> {
                MessageQueueStatus wanted = task.memory().read(address, MessageQueueStatus.CODEC);
                queues.change(id, wanted.permissions(), wanted.limitBytes(), task.credentials());
            }
            case Ipc.IPC_RMID -> queues.remove(id, task.credentials());
            default -> throw EINVAL.error();
        }
        return 0;
    }

    /** struct msginfo: msgpool, msgmap, msgmax, msgmnb, msgmni, msgssz, msgtql (ints), msgseg (unsigned short). */
    private static long info(Task task, MessageQueues queues, boolean used, long address) throws ErrnoException {
        MemorySegment info = MemorySegment.ofArray(new byte[INFO_BYTES]);
        IpcLimits limits = task.namespaces().ipc().limits();
        int most = limits.intValue(IpcLimits.Limit.MSGMNB);
        int mostQueues = limits.intValue(IpcLimits.Limit.MSGMNI);
        info.set(U32, 0, used ? queues.used() : (int) ((long) mostQueues * most / 1024));
        info.set(U32, 4, used ? queues.totalMessages() : most);
        info.set(U32, 8, limits.intValue(IpcLimits.Limit.MSGMAX));
        info.set(U32, 12, most);
        info.set(U32, 16, mostQueues);
        info.set(U32, 20, 16);
        info.set(U32, 24, used ? queues.totalBytes() : most);
        info.set(U16, 28, (short) 0xffff);
        task.memory().copyOut(address, info, 0, INFO_BYTES);
        return queues.highestSlot();
    }
}
