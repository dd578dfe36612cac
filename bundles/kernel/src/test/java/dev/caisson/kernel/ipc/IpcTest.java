package dev.caisson.kernel.ipc;

import static dev.caisson.abi.Errno.EACCES;
import static dev.caisson.abi.Errno.EAGAIN;
import static dev.caisson.abi.Errno.EEXIST;
import static dev.caisson.abi.Errno.EIDRM;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Errno.ENOMSG;
import static dev.caisson.abi.Errno.ENOSPC;
import static dev.caisson.abi.Ipc.IPC_CREAT;
import static dev.caisson.abi.Ipc.IPC_EXCL;
import static dev.caisson.abi.Ipc.IPC_NOWAIT;
import static dev.caisson.abi.Ipc.MSG_EXCEPT;
import static dev.caisson.abi.Ipc.SEM_UNDO;
import static dev.caisson.testing.kit.Errors.assertErrno;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Ipc;
import dev.caisson.abi.SemaphoreOperation;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.wait.Blocker;
import dev.caisson.spi.wait.Waiter;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

final class IpcTest {
    /** Instead of sleeping, does what another task would do meanwhile. */
    private record Meanwhile(Executable action) implements Blocker {
        @Override
        public Waiter waiter() {
            return events -> { };
        }

        @Override
        public boolean block(long deadlineNs) throws ErrnoException {
            try {
                action.execute();
            } catch (ErrnoException e) {
                throw e;
            } catch (Throwable e) {
                throw new IllegalStateException(e);
            }
            return true;
        }
    }

    private static final Credentials ROOT = Credentials.ROOT;
    private static final Credentials USER = Credentials.ofUser(1000, 1000);
    private static final Blocker NEVER = new Meanwhile(() -> {
        throw new AssertionError("slept");
    });

    private final Semaphores semaphores = new Semaphores(new IpcLimits());
    private final MessageQueues queues = new MessageQueues(new IpcLimits());

    private void operate(int id, Blocker blocker, SemaphoreUndo undo, SemaphoreOperation... operations) throws ErrnoException {
        semaphores.operate(id, List.of(operations), () -> undo, ROOT, 7, blocker, Blocker.FOREVER);
    }

    private static SemaphoreOperation add(int number, int change, int flags) {
        return new SemaphoreOperation(number, change, flags);
    }

    private int value(int id, int number) throws ErrnoException {
        return semaphores.ask(id, number, Ipc.GETVAL, ROOT);
    }

    @Test
    void keysFindAndMakeObjects() throws ErrnoException {
        assertErrno(ENOENT, () -> semaphores.get(5, 1, 0600, ROOT));
        int id = semaphores.get(5, 2, IPC_CREAT | 0600, ROOT);
        assertEquals(id, semaphores.get(5, 2, 0, ROOT));
        assertErrno(EEXIST, () -> semaphores.get(5, 2, IPC_CREAT | IPC_EXCL, ROOT));
        assertErrno(EINVAL, () -> semaphores.get(5, 3, 0, ROOT));
        assertErrno(EACCES, () -> semaphores.get(5, 1, 0600, USER));
    }

    @Test
    void anOldIdentifierDoesNotFindTheNextObject() throws ErrnoException {
        int first = semaphores.get(0, 1, 0600, ROOT);
        semaphores.remove(first, ROOT);
        int second = semaphores.get(0, 1, 0600, ROOT);
        assertErrno(EIDRM, () -> value(first, 0));
        assertEquals(0, value(second, 0));
    }

    @Test
    void operationsHappenTogetherOrNotAtAll() throws ErrnoException {
        int id = semaphores.get(0, 2, 0600, ROOT);
        operate(id, NEVER, null, add(0, 3, 0));
        assertErrno(EAGAIN, () -> operate(id, NEVER, null, add(0, -1, 0), add(1, -1, IPC_NOWAIT)));
        assertEquals(3, value(id, 0));
    }

    @Test
    void whoMakesAnOperationPossibleCarriesItOut() throws ErrnoException {
        int id = semaphores.get(0, 1, 0600, ROOT);
        operate(id, new Meanwhile(() -> {
            assertEquals(1, semaphores.ask(id, 0, Ipc.GETNCNT, ROOT));
            operate(id, NEVER, null, add(0, 5, 0));
            assertEquals(3, value(id, 0), "the waiting operation is done before its task runs");
        }), null, add(0, -2, 0));
        assertEquals(3, value(id, 0));
    }

    @Test
    void removalEndsWaiting() throws ErrnoException {
        int id = semaphores.get(0, 1, 0600, ROOT);
        assertErrno(EIDRM, () -> operate(id, new Meanwhile(() -> semaphores.remove(id, ROOT)), null, add(0, -1, 0)));
    }

    @Test
    void anInterruptedOperationLeavesNothingBehind() throws ErrnoException {
        int id = semaphores.get(0, 1, 0600, ROOT);
        assertErrno(Errno.EINTR, () -> operate(id, new Meanwhile(() -> {
            throw Errno.ERESTARTSYS.error();
        }), null, add(0, -1, 0)));
        assertEquals(0, semaphores.ask(id, 0, Ipc.GETNCNT, ROOT));
    }

    @Test
    void undoneOperationsArePaidBackWithinBounds() throws ErrnoException {
        int id = semaphores.get(0, 2, 0600, ROOT);
        SemaphoreUndo undo = new SemaphoreUndo();
        operate(id, NEVER, undo, add(0, 7, SEM_UNDO), add(1, 4, 0));
        operate(id, NEVER, undo, add(1, -1, SEM_UNDO));
        operate(id, NEVER, null, add(0, -3, 0));
        undo.pay(7);
        assertEquals(0, value(id, 0), "not below zero");
        assertEquals(4, value(id, 1));
    }

    @Test
    void settingAValueForgetsDebts() throws ErrnoException {
        int id = semaphores.get(0, 1, 0600, ROOT);
        SemaphoreUndo undo = new SemaphoreUndo();
        operate(id, NEVER, undo, add(0, 7, SEM_UNDO));
        semaphores.set(id, 0, 2, ROOT, 7);
        undo.pay(7);
        assertEquals(2, value(id, 0));
    }

    @Test
    void messagesAreChosenByType() throws ErrnoException {
        int id = queues.get(0, 0600, ROOT);
        for (long type : new long[] {3, 1, 2, 1}) {
            queues.send(id, type, new byte[(int) type], 0, ROOT, 7, NEVER);
        }
        assertEquals(2, receive(id, 2, 0));
        assertEquals(1, receive(id, -3, 0));
        assertEquals(1, receive(id, 3, MSG_EXCEPT));
        assertErrno(ENOMSG, () -> receive(id, 9, 0));
        assertEquals(3, receive(id, 0, 0));
    }

    private long receive(int id, long type, int flags) throws ErrnoException {
        return queues.receive(id, type, 100, flags | IPC_NOWAIT, ROOT, 7, NEVER).type();
    }

    @Test
    void aFullQueueWaitsForRoom() throws ErrnoException {
        int id = queues.get(0, 0600, ROOT);
        queues.send(id, 1, new byte[8192], 0, ROOT, 7, NEVER);
        queues.send(id, 1, new byte[8192], 0, ROOT, 7, NEVER);
        assertErrno(EAGAIN, () -> queues.send(id, 1, new byte[1], IPC_NOWAIT, ROOT, 7, NEVER));
        queues.send(id, 2, new byte[1], 0, ROOT, 7, new Meanwhile(() -> queues.receive(id, 1, 8192, 0, ROOT, 7, NEVER)));
        assertEquals(2, receive(id, 2, 0));
    }

    @Test
    void posixQueuesKeepTheLimitsOfTheirNamespace() throws ErrnoException {
        IpcLimits limits = new IpcLimits();
        PosixQueues posix = new PosixQueues(limits);
        int create = dev.caisson.abi.Fcntl.O_CREAT | 2;
        limits.set(IpcLimits.Limit.MQ_MSG_MAX, 4);
        limits.set(IpcLimits.Limit.MQ_MSGSIZE_DEFAULT, 128);
        PosixQueue usual = posix.open("usual", create, 0600, null, USER);
        assertEquals(4, usual.maxMessages());
        assertEquals(128, usual.maxMessageBytes());
        assertErrno(EINVAL, () -> posix.open("q", create, 0600, new long[] {5, 8}, USER));
        assertEquals(5, posix.open("q", create, 0600, new long[] {5, 8}, ROOT).maxMessages());
        limits.set(IpcLimits.Limit.MQ_QUEUES_MAX, 2);
        assertErrno(ENOSPC, () -> posix.open("r", create, 0600, null, USER));
        assertErrno(EINVAL, () -> limits.set(IpcLimits.Limit.MQ_MSG_MAX, 0));
        assertErrno(EINVAL, () -> limits.set(IpcLimits.Limit.MQ_MSGSIZE_MAX, 127));
        assertErrno(EINVAL, () -> limits.set(IpcLimits.Limit.MQ_MSGSIZE_MAX, (16 << 20) + 1));
        assertEquals(8192, limits.get(IpcLimits.Limit.MQ_MSGSIZE_MAX));
    }

    @Test
    void posixMessagesComeByPriorityAndAge() throws ErrnoException {
        PosixQueue queue = new PosixQueues(new IpcLimits()).open("q", dev.caisson.abi.Fcntl.O_CREAT | 2, 0600, new long[] {3, 8}, ROOT);
        queue.offer(new PosixQueue.Message(1, new byte[1], 1, 0));
        queue.offer(new PosixQueue.Message(9, new byte[2], 1, 0));
        queue.offer(new PosixQueue.Message(9, new byte[3], 1, 0));
        assertEquals(false, queue.offer(new PosixQueue.Message(9, new byte[4], 1, 0)));
        assertEquals(2, queue.poll().data().length);
        assertEquals(3, queue.poll().data().length);
        assertEquals(1, queue.poll().data().length);
        assertEquals(null, queue.poll());
    }
}
