package dev.caisson.syscalls.ipc;

import static dev.caisson.abi.Errno.EAGAIN;
import static dev.caisson.abi.Errno.EBADF;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EMSGSIZE;
import static dev.caisson.abi.Errno.ENOTSOCK;
import static dev.caisson.abi.Errno.ETIMEDOUT;
import static dev.caisson.abi.Layouts.U64;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Poll;
import dev.caisson.abi.SignalCodes;
import dev.caisson.abi.SignalInfo;
import dev.caisson.abi.Signals;
import dev.caisson.abi.Timespec;
import dev.caisson.kernel.BlockingIo;
import dev.caisson.kernel.GuestProcess;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.ipc.PosixQueue;
import dev.caisson.kernel.ipc.PosixQueueFile;
import dev.caisson.kernel.ipc.PosixQueues;
import dev.caisson.kernel.net.NetlinkReceiver;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.net.SocketFile;
import dev.caisson.spi.wait.Blocker;
import dev.caisson.vfs.FileDescription;
import java.lang.foreign.MemorySegment;

/**
 * mq_open(2), mq_unlink(2), mq_timedsend(2), mq_timedreceive(2), mq_notify(2), mq_getsetattr(2).
 * <pre>
 *  struct mq_attr (64 bytes): mq_flags, mq_maxmsg, mq_msgsize, mq_curmsgs, four reserved words
 *  struct sigevent: sigev_value at 0, sigev_signo at 8, sigev_notify at 12
 * </pre>
 * Source: include/uapi/linux/mqueue.h, include/uapi/asm-generic/siginfo.h.
 */
public final class SysMq {
    private static final int ATTRIBUTE_BYTES = 64;
    private static final int MAX_PRIORITY = 32768;
    private static final int NAME_BYTES = 4096;
    /** NOTIFY_COOKIE_LEN, and what its last byte says (include/uapi/linux/mqueue.h). */
    private static final int COOKIE_BYTES = 32;
    private static final byte NOTIFY_WOKENUP = 1, NOTIFY_REMOVED = 2;

    private SysMq() {}

    private static PosixQueues queues(Task task) {
        return SysShm.namespace(task).posixQueues();
    }

    /** mq_open(2); the C library has cut the slash off. */
    public static long mqOpen(Task task, SyscallArgs args) throws ErrnoException {
        int flags = args.i32(1);
        long attributesAddress = args.address(3);
        long[] attributes = null;
        if (attributesAddress != 0 && (flags & Fcntl.O_CREAT) != 0) {
            attributes = new long[] {task.memory().readLong(attributesAddress + 8), task.memory().readLong(attributesAddress + 16)};
        }
        String name = task.memory().readString(args.address(0), NAME_BYTES);
        PosixQueue queue = queues(task).open(name, flags, args.i32(2) & ~task.fs().umask(), attributes, task.credentials());
        FileDescription description = task.kernel().vfs().anonymous().describe("mqueue", new PosixQueueFile(queue),
                flags & (Fcntl.O_ACCMODE | Fcntl.O_NONBLOCK), task.credentials());
        GuestProcess process = task.process();
        description.onClose(() -> queue.unregister(process));
        return task.fds().install(description, true); // always close-on-exec
    }

    /** mq_unlink(2). */
    public static long mqUnlink(Task task, SyscallArgs args) throws ErrnoException {
        queues(task).unlink(task.memory().readString(args.address(0), NAME_BYTES), task.credentials());
        return 0;
    }

    private static PosixQueue queue(FileDescription description) throws ErrnoException {
        if (description.file() instanceof PosixQueueFile file) {
            return file.queue();
        }
        throw EBADF.error();
    }

    /** An absolute timeout on the real-time clock. */
    private static long deadline(Task task, long address) throws ErrnoException {
        if (address == 0) {
            return Blocker.FOREVER;
        }
        Timespec timeout = task.memory().read(address, Timespec.CODEC);
        if (!timeout.isValid()) {
            throw EINVAL.error();
        }
        long left = timeout.toNanos() - task.kernel().clocks().realtimeNs();
        return left > Long.MAX_VALUE / 2 ? Blocker.FOREVER : System.nanoTime() + left;
    }

    private static void await(Task task, FileDescription description, int mask, long deadlineNs, BlockingIo.Operation operation)
            throws ErrnoException {
        if (description.isNonBlocking()) {
            throw EAGAIN.error();
        }
        try {
            BlockingIo.wait(task, description.waitQueue(), mask, deadlineNs, operation);
        } catch (ErrnoException failure) {
            throw failure.errno() == EAGAIN ? ETIMEDOUT.error() : failure;
        }
    }

    /** mq_timedsend(2). */
    public static long mqTimedsend(Task task, SyscallArgs args) throws ErrnoException {
        long address = args.address(1);
        long length = args.value(2);
        long priority = args.value(3) & 0xffffffffL;
        long deadlineNs = deadline(task, args.address(4));
        if (priority >= MAX_PRIORITY) {
            throw EINVAL.error();
        }
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            PosixQueue queue = queue(description);
            if (!description.isWritable()) {
                throw EBADF.error();
            }
            if (length < 0 || length > queue.maxMessageBytes()) {
                throw EMSGSIZE.error();
            }
            byte[] data = new byte[(int) length];
            task.memory().copyIn(address, data);
            PosixQueue.Message message = new PosixQueue.Message((int) priority, data, task.process().pid(), task.credentials().uid());
            if (!queue.offer(message)) {
                await(task, description, Poll.POLLOUT, deadlineNs, () -> queue.offer(message) ? 0 : OpenFile.WOULD_BLOCK);
            }
            return 0;
        } finally {
            description.release();
        }
    }

    /** mq_timedreceive(2). */
    public static long mqTimedreceive(Task task, SyscallArgs args) throws ErrnoException {
        long address = args.address(1);
        long room = args.value(2);
        long priorityAddress = args.address(3);
        long deadlineNs = deadline(task, args.address(4));
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            PosixQueue queue = queue(description);
            if (!description.isReadable()) {
                throw EBADF.error();
            }
            if (Long.compareUnsigned(room, queue.maxMessageBytes()) < 0) {
                throw EMSGSIZE.error();
            }
            PosixQueue.Message[] message = {queue.poll()};
            if (message[0] == null) {
                queue.receiving(1);
                try {
                    await(task, description, Poll.POLLIN, deadlineNs, () -> {
                        message[0] = queue.poll();
                        return message[0] == null ? OpenFile.WOULD_BLOCK : 0;
                    });
                } finally {
                    queue.receiving(-1);
                }
            }
            if (priorityAddress != 0) {
                task.memory().writeInt(priorityAddress, message[0].priority());
            }
            task.memory().copyOut(address, message[0].data());
            return message[0].data().length;
        } finally {
            description.release();
        }
    }

    /**
     * mq_notify(2). With SIGEV_THREAD, {@code sigev_signo} is a netlink socket of the C library's, and {@code sigev_value} the address of a
     * cookie of 32 bytes, which the socket receives: its last byte says whether a message came or the registration ended (ipc/mqueue.c).
     */
    public static long mqNotify(Task task, SyscallArgs args) throws ErrnoException {
        long address = args.address(1);
        int signal = 0;
        int how = Signals.SIGEV_NONE;
        long value = 0;
        if (address != 0) {
            value = task.memory().readLong(address);
            signal = task.memory().readInt(address + 8);
            how = task.memory().readInt(address + 12);
            if (how != Signals.SIGEV_NONE && how != Signals.SIGEV_SIGNAL && how != Signals.SIGEV_THREAD
                    || how == Signals.SIGEV_SIGNAL && (signal < 0 || signal > 64)) {
                throw EINVAL.error();
            }
        }
        PosixQueue.Notification thread = how == Signals.SIGEV_THREAD ? cookie(task, value, signal) : null;
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            PosixQueue queue = queue(description);
            GuestProcess process = task.process();
            if (address == 0) {
                queue.unregister(process);
            } else if (how == Signals.SIGEV_NONE) {
                queue.register(process, message -> { });
            } else if (thread != null) {
                queue.register(process, thread);
            } else {
                int number = signal;
                long sent = value;
                queue.register(process, message -> tell(process, number, message, sent));
            }
            return 0;
        } finally {
            description.release();
        }
    }

    private static PosixQueue.Notification cookie(Task task, long address, int fd) throws ErrnoException {
        byte[] cookie = new byte[COOKIE_BYTES];
        task.memory().copyIn(address, cookie);
        FileDescription description = task.fds().borrow(fd);
        try {
            if (!(description.file() instanceof SocketFile)) {
                throw ENOTSOCK.error();
            }
            if (!(description.file() instanceof NetlinkReceiver socket)) {
                throw EINVAL.error("not netlink");
            }
            return new PosixQueue.Notification() {
                @Override
                public void arrived(PosixQueue.Message message) {
                    deliver(NOTIFY_WOKENUP);
                }

                @Override
                public void removed() {
                    deliver(NOTIFY_REMOVED);
                }

                private void deliver(byte what) {
                    byte[] sent = cookie.clone();
                    sent[COOKIE_BYTES - 1] = what;
                    socket.deliver(sent);
                }
            };
        } finally {
            description.release();
        }
    }

    private static void tell(GuestProcess process, int signal, PosixQueue.Message message, long value) {
        if (signal != 0) { // which mq_notify(2) takes and kill(2) takes for nothing
            SignalInfo sender = SignalInfo.sent(signal, SignalCodes.SI_MESGQ, message.pid(), message.uid());
            process.sendSignal(new SignalInfo(signal, 0, SignalCodes.SI_MESGQ, sender.word16(), value, 0, 0));
        }
    }

    /** mq_getsetattr(2): only O_NONBLOCK can be set. */
    public static long mqGetsetattr(Task task, SyscallArgs args) throws ErrnoException {
        long newAddress = args.address(1);
        long oldAddress = args.address(2);
        long flags = newAddress == 0 ? 0 : task.memory().readLong(newAddress);
        if ((flags & ~Fcntl.O_NONBLOCK) != 0) {
            throw EINVAL.error();
        }
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            PosixQueue queue = queue(description);
            MemorySegment old = MemorySegment.ofArray(new byte[ATTRIBUTE_BYTES]);
            old.set(U64, 0, description.flags() & Fcntl.O_NONBLOCK);
            old.set(U64, 8, queue.maxMessages());
            old.set(U64, 16, queue.maxMessageBytes());
            old.set(U64, 24, queue.count());
            if (newAddress != 0) {
                description.statusFlags(description.flags() & ~Fcntl.O_NONBLOCK | (int) flags);
            }
            if (oldAddress != 0) {
                task.memory().copyOut(oldAddress, old, 0, ATTRIBUTE_BYTES);
            }
            return 0;
        } finally {
            description.release();
        }
    }
}
