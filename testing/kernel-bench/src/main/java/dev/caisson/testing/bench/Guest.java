package dev.caisson.testing.bench;

import dev.caisson.abi.ErrnoException;
import dev.caisson.kernel.Task;
import dev.caisson.spi.platform.AddressSpace;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Registers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;

/**
 * A guest thread whose program is Java code: it runs on a Java thread of its own and hands every system call to the task's thread,
 * which is where a {@link Script} runs without a hand-over.
 */
public final class Guest implements GuestContext {
    /** Where guest code seems to be; nothing is mapped there. */
    static final long CODE = 0x1000_0000L;
    /** Where handlers of signals are. */
    static final long HANDLER = 0x1000_1000L;
    /** Where a handler returns to. */
    static final long RESTORER = 0x1000_2000L;

    private static final int SYS_MMAP = 9;
    private static final int SYS_EXIT = 60;
    private static final int FPU_BYTES = 832;
    private static final int XSTATE_BV = 512;

    private final NullPlatform platform;
    private final Consumer<Guest> program;
    private final MemorySegment fpu = Arena.ofAuto().allocate(FPU_BYTES, 64);
    private Thread thread;
    private volatile boolean interrupted;

    /** What the task's thread runs; null while the program thinks. Guarded by this. */
    private Script script;
    private RuntimeException failure;

    Guest(NullPlatform platform, Consumer<Guest> program) {
        this.platform = platform;
        this.program = program;
        resetFpu();
    }

    // ---- for programs

    /**
     * Makes a system call.
     *
     * @param number its number
     * @param arguments at most six values
     * @return the result
     */
    public long call(int number, long... arguments) {
        long[] result = new long[1];
        Call call = Call.of(Call.ANY, number, arguments);
        run(new Script() {
            private boolean issued;

            @Override
            public boolean next(Task task, Registers registers) {
                if (issued) {
                    result[0] = registers.rax();
                    return false;
                }
                issued = true;
                call.issue(registers);
                return true;
            }
        });
        return result[0];
    }

    /**
     * Makes a system call that must succeed.
     *
     * @param number its number
     * @param arguments at most six values
     * @return the result, not negative
     */
    public long must(int number, long... arguments) {
        long result = call(number, arguments);
        if (result < 0 && result > -4096) {
            throw new IllegalStateException("system call " + number + " gave " + result);
        }
        return result;
    }

    /**
     * Allocates guest memory.
     *
     * @param bytes how much
     * @return its address
     */
    public long memory(long bytes) {
        return must(SYS_MMAP, 0, bytes, 3, 0x22, -1, 0);
    }

    /**
     * Puts a C string into new guest memory.
     *
     * @param text the string
     * @return its address
     */
    public long string(String text) {
        byte[] bytes = (text + "\0").getBytes(StandardCharsets.ISO_8859_1);
        long address = memory(4096);
        store(address, bytes);
        return address;
    }

    /**
     * Writes guest memory.
     *
     * @param address where
     * @param bytes what
     */
    public void store(long address, byte... bytes) {
        run((task, registers) -> {
            try {
                MemorySegment copy = task.scratch().asSlice(0, bytes.length);
                MemorySegment.copy(bytes, 0, copy, ValueLayout.JAVA_BYTE, 0, bytes.length);
                task.memory().copyOut(address, copy);
            } catch (ErrnoException e) {
                throw new IllegalStateException(e);
            }
            return false;
        });
    }

    /**
     * Writes words of guest memory.
     *
     * @param address where
     * @param words 8 bytes each
     */
    public void storeLongs(long address, long... words) {
        byte[] bytes = new byte[words.length * Long.BYTES];
        MemorySegment.ofArray(bytes).copyFrom(MemorySegment.ofArray(words));
        store(address, bytes);
    }

    /**
     * Reads words of guest memory.
     *
     * @param address where
     * @param count how many
     * @return 4 bytes each
     */
    public int[] loadInts(long address, int count) {
        int[] words = new int[count];
        run((task, registers) -> {
            try {
                for (int i = 0; i < count; i++) {
                    words[i] = task.memory().readInt(address + 4L * i);
                }
            } catch (ErrnoException e) {
                throw new IllegalStateException(e);
            }
            return false;
        });
        return words;
    }

    /**
     * Starts another guest thread.
     *
     * @param other its program
     * @param number of clone(2)
     * @param arguments of clone(2)
     */
    public void start(Consumer<Guest> other, int number, long... arguments) {
        platform.expect(other);
        must(number, arguments);
    }

    /**
     * Runs a script to its end.
     *
     * @param next the script
     */
    public synchronized void run(Script next) {
        script = next;
        notifyAll();
        while (script != null) {
            await();
        }
        if (failure != null) {
            throw failure;
        }
    }

    private void await() {
        try {
            wait();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    // ---- for the kernel

    @Override
    public Exit run(AddressSpace space, Registers registers) {
        if (thread == null) {
            begin();
        }
        for (;;) {
            if (interrupted) {
                interrupted = false;
                return Exit.Plain.INTERRUPTED;
            }
            Script current = script; // only this thread sets it back to null
            if (current != null) {
                try {
                    if (current.next(Task.current(), registers)) {
                        return Exit.Plain.SYSCALL;
                    }
                } catch (RuntimeException e) {
                    failure = e;
                }
            }
            synchronized (this) {
                if (current != null) {
                    script = null;
                    notifyAll();
                }
                while (script == null && !interrupted) {
                    await();
                }
            }
        }
    }

    private void begin() {
        thread = Thread.ofPlatform().daemon().name("guest program").start(() -> {
            int status = 0;
            try {
                program.accept(this);
            } catch (RuntimeException e) {
                e.printStackTrace();
                status = 1;
            }
            failure = null;
            int code = status;
            run((task, registers) -> {
                Call.of(Call.ANY, SYS_EXIT, code).issue(registers);
                return true;
            });
        });
    }

    @Override
    public synchronized void interrupt() {
        interrupted = true;
        notifyAll();
    }

    @Override
    public int fpuBytes() {
        return FPU_BYTES;
    }

    @Override
    public void saveFpu(MemorySegment image) {
        MemorySegment.copy(fpu, 0, image, 0, FPU_BYTES);
    }

    @Override
    public void restoreFpu(MemorySegment image) {
        MemorySegment.copy(image, 0, fpu, 0, FPU_BYTES);
    }

    @Override
    public void resetFpu() {
        fpu.fill((byte) 0);
        fpu.set(ValueLayout.JAVA_SHORT, 0, (short) 0x37f); // the x87 control word
        fpu.set(ValueLayout.JAVA_INT, 24, 0x1f80); // MXCSR
        fpu.set(ValueLayout.JAVA_LONG, XSTATE_BV, 7); // x87, SSE, AVX
    }

    @Override
    public void sleeping() {}

    @Override
    public void awake() {}

    @Override
    public void close() {}
}
