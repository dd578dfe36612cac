package dev.caisson.syscalls.file;

import static dev.caisson.abi.Errno.EAGAIN;
import static dev.caisson.abi.Errno.EBADF;
import static dev.caisson.abi.Errno.EINTR;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ERESTARTNOHAND;

import dev.caisson.abi.Aio;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Mman;
import dev.caisson.abi.Timespec;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.event.EventFile;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.kernel.syscall.SyscallHandler;
import dev.caisson.spi.platform.Registers;
import dev.caisson.vfs.FileDescription;
import java.lang.foreign.MemorySegment;

/**
 * Asynchronous I/O: io_setup(2), io_submit(2), io_getevents(2). Operations are carried out by io_submit itself, as Linux does for files
 * that are not opened with O_DIRECT, and their events wait to be fetched.
 */
final class SysAio {
    private static final int MOST_EVENTS = 1 << 16;
    private static final int IOCB_BYTES = 64;
    private static final int PAGE_BYTES = 4096;

    private SysAio() {}

    static long setup(Task task, SyscallArgs args) throws ErrnoException {
        int events = args.i32(0);
        long address = args.address(1);
        if (task.memory().readLong(address) != 0 || events == 0) {
            throw EINVAL.error();
        }
        if (Integer.compareUnsigned(events, 0x10000000 / 32) > 0) {
            throw EINVAL.error("the ring would be too large");
        }
        if (Integer.compareUnsigned(events, MOST_EVENTS) > 0) {
            throw EAGAIN.error("fs.aio-max-nr");
        }
        long ring = task.memory().map(0, PAGE_BYTES, Mman.PROT_READ | Mman.PROT_WRITE, Mman.MAP_PRIVATE | Mman.MAP_ANONYMOUS, null, 0);
        AioContext.all(task).put(ring, new AioContext(events));
        try {
            task.memory().writeLong(address, ring);
        } catch (ErrnoException fault) {
            remove(task, ring);
            throw fault;
        }
        return 0;
    }

    static long destroy(Task task, SyscallArgs args) throws ErrnoException {
        remove(task, args.address(0));
        return 0;
    }

    private static void remove(Task task, long address) throws ErrnoException {
        AioContext context = AioContext.all(task).remove(address);
        if (context == null) {
            throw EINVAL.error();
        }
        context.destroy();
        task.memory().unmap(address, PAGE_BYTES);
    }

    static long submit(Task task, SyscallArgs args) throws ErrnoException {
        long count = args.value(1);
        if (count < 0) {
            throw EINVAL.error();
        }
        AioContext context = AioContext.of(task, args.address(0));
        count = Math.min(count, context.capacity());
        for (long i = 0; i < count; i++) {
            try {
                submitOne(task, context, task.memory().readLong(args.address(2) + 8 * i));
            } catch (ErrnoException refused) {
                if (i == 0) {
                    throw refused;
                }
                return i;
            }
        }
        return count;
    }

    /** One operation: refused with an error, or carried out, whatever its result is. */
    private static void submitOne(Task task, AioContext context, long address) throws ErrnoException {
        MemorySegment iocb = MemorySegment.ofArray(new byte[IOCB_BYTES]);
        task.memory().copyIn(address, iocb);
        long length = iocb.get(Layouts.U64, 32);
        if (iocb.get(Layouts.U64, 48) != 0 || length < 0) {
            throw EINVAL.error();
        }
        if (!context.begin()) {
            throw EAGAIN.error();
        }
        boolean done = false;
        EventFile event = null;
        FileDescription eventDescription = null;
        try {
            int fd = iocb.get(Layouts.U32, 20);
            FileDescription description = task.fds().borrow(fd);
            try {
                int flags = iocb.get(Layouts.U32, 56);
                if ((flags & Aio.IOCB_FLAG_RESFD) != 0) {
                    eventDescription = task.fds().borrow(iocb.get(Layouts.U32, 60));
                    if (!(eventDescription.file() instanceof EventFile file)) {
                        throw EINVAL.error("no eventfd");
                    }
                    event = file;
                }
                task.memory().writeInt(address + 8, 0); // aio_key
                SyscallHandler operation = operation(iocb, description);
                long result = carryOut(task, operation, fd, iocb.get(Layouts.U64, 24), length, iocb.get(Layouts.U64, 40),
                        iocb.get(Layouts.U32, 12));
                done = true;
                context.complete(iocb.get(Layouts.U64, 0), address, result);
            } finally {
                description.release();
            }
            if (event != null) {
                event.add(1);
            }
        } finally {
            if (eventDescription != null) {
                eventDescription.release();
            }
            if (!done) {
                context.cancel();
            }
        }
    }

    private static SyscallHandler operation(MemorySegment iocb, FileDescription description) throws ErrnoException {
        int operation = Short.toUnsignedInt(iocb.get(Layouts.U16, 16));
        boolean seekable = description.isSeekable();
        if (iocb.get(Layouts.U32, 12) != 0 && operation != Aio.IOCB_CMD_PREADV && operation != Aio.IOCB_CMD_PWRITEV) {
            throw EINVAL.error("aio_rw_flags need vectors");
        }
        boolean reads = operation == Aio.IOCB_CMD_PREAD || operation == Aio.IOCB_CMD_PREADV;
        boolean writes = operation == Aio.IOCB_CMD_PWRITE || operation == Aio.IOCB_CMD_PWRITEV;
        if (reads && !description.isReadable() || writes && !description.isWritable()) {
            throw EBADF.error();
        }
        return switch (operation) {
            case Aio.IOCB_CMD_PREAD -> seekable ? SysRead::pread64 : SysRead::read;
            case Aio.IOCB_CMD_PWRITE -> seekable ? SysWrite::pwrite64 : SysWrite::write;
            case Aio.IOCB_CMD_PREADV -> seekable ? SysRead::preadv2 : SysRead::readv;
            case Aio.IOCB_CMD_PWRITEV -> seekable ? SysWrite::pwritev2 : SysWrite::writev;
            case Aio.IOCB_CMD_FSYNC -> SysSeek::fsync;
            case Aio.IOCB_CMD_FDSYNC -> SysSeek::fdatasync;
            default -> throw EINVAL.error("no such operation");
        };
    }

    private static long carryOut(Task task, SyscallHandler operation, int fd, long buffer, long length, long offset, int flags) {
        Registers registers = new Registers();
        registers.rdi(fd);
        registers.rsi(buffer);
        registers.rdx(length);
        registers.r10(offset);
        registers.r9(flags);
        try {
            return operation.handle(task, new SyscallArgs(registers));
        } catch (ErrnoException failure) {
            // An operation has no caller whom a signal could make repeat it.
            return failure.errno().number() >= 512 ? EINTR.error().result() : failure.result();
        }
    }

    static long cancel(Task task, SyscallArgs args) throws ErrnoException {
        task.memory().readInt(args.address(1) + 8);
        AioContext.of(task, args.address(0));
        throw EINVAL.error("every operation has ended");
    }

    static long getevents(Task task, SyscallArgs args) throws ErrnoException {
        return await(task, args);
    }

    /** io_pgetevents(2): with a signal mask, given by address and size. */
    static long pgetevents(Task task, SyscallArgs args) throws ErrnoException {
        long pair = args.address(5);
        if (pair != 0) {
            long mask = task.memory().readLong(pair);
            long size = task.memory().readLong(pair + 8);
            if (mask != 0) {
                if (size != 8) {
                    throw EINVAL.error();
                }
                task.signals().suspendWith(task.memory().readLong(mask));
            }
        }
        boolean restart = false;
        try {
            return await(task, args);
        } catch (ErrnoException failure) {
            restart = failure.errno() == EINTR;
            throw restart ? ERESTARTNOHAND.error() : failure;
        } finally {
            if (!restart) {
                task.signals().restoreMask();
            }
        }
    }

    private static long await(Task task, SyscallArgs args) throws ErrnoException {
        long least = args.value(1);
        long most = args.value(2);
        long deadline = Task.FOREVER;
        if (args.address(4) != 0) {
            Timespec timeout = task.memory().read(args.address(4), Timespec.CODEC);
            deadline = System.nanoTime() + Math.max(0, Math.min(timeout.toNanos(), Long.MAX_VALUE / 2));
        }
        AioContext context = AioContext.of(task, args.address(0));
        if (least > most || least < 0) {
            throw EINVAL.error();
        }
        int wanted = (int) Math.min(most, Integer.MAX_VALUE);
        context.queue().add(task.waiter(), 1);
        try {
            while (context.available() < Math.min(least, context.capacity()) && !context.isDestroyed()) {
                if (!task.block(deadline)) {
                    break;
                }
            }
        } catch (ErrnoException interrupted) {
            if (context.available() == 0) {
                throw EINTR.error();
            }
        } finally {
            context.queue().remove(task.waiter());
        }
        return context.fetch(task, args.address(3), wanted);
    }
}
