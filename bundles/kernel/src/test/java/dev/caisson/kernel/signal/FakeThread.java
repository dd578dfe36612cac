package dev.caisson.kernel.signal;

import static dev.caisson.abi.Errno.EFAULT;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.spi.platform.AddressSpace;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Registers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A thread with a stack of its own at {@link #BASE} and an FPU that remembers an image. */
final class FakeThread implements SignalThread {
    static final long BASE = 0x10000;
    static final int MEMORY_BYTES = 0x10000;
    static final int FPU_BYTES = 832;

    final MemorySegment memory = Arena.ofAuto().allocate(MEMORY_BYTES, 64);
    final MemorySegment fpu = Arena.ofAuto().allocate(FPU_BYTES, 64);
    final Registers registers = new Registers();
    final SignalState signals;
    final int tid;
    int wakeUps;
    boolean fpuWasReset;

    FakeThread(int tid, ProcessSignals process) {
        this.tid = tid;
        this.signals = new SignalState(this, process, 0);
        registers.cs(0x33);
        registers.ss(0x2b);
        registers.rsp(BASE + MEMORY_BYTES - 0x100);
        registers.rip(0x400000);
        registers.origRax(-1);
        fpu.set(Layouts.U64, 464, 7); // XCR0
        fpu.set(Layouts.U64, 512, 7); // XSTATE_BV
        fpu.set(Layouts.U32, 24, 0x1f80);
        process.add(signals);
    }

    @Override
    public int tid() {
        return tid;
    }

    @Override
    public SignalState signals() {
        return signals;
    }

    @Override
    public Registers registers() {
        return registers;
    }

    @Override
    public void wakeUp() {
        wakeUps++;
    }

    @Override
    public void copyIn(long address, MemorySegment target) throws ErrnoException {
        check(address, target.byteSize());
        target.copyFrom(memory.asSlice(address - BASE, target.byteSize()));
    }

    @Override
    public void copyOut(long address, MemorySegment source) throws ErrnoException {
        check(address, source.byteSize());
        memory.asSlice(address - BASE, source.byteSize()).copyFrom(source);
    }

    private static void check(long address, long lengthBytes) throws ErrnoException {
        if (address < BASE || address + lengthBytes > BASE + MEMORY_BYTES) {
            throw EFAULT.error();
        }
    }

    long word(long address) {
        return memory.get(Layouts.U64, address - BASE);
    }

    void word(long address, long value) {
        memory.set(Layouts.U64, address - BASE, value);
    }

    @Override
    public GuestContext context() {
        return new GuestContext() {
            @Override
            public Exit run(AddressSpace space, Registers guest) {
                throw new UnsupportedOperationException();
            }

            @Override
            public void interrupt() {}

            @Override
            public int fpuBytes() {
                return FPU_BYTES;
            }

            @Override
            public void saveFpu(MemorySegment image) {
                image.asSlice(0, FPU_BYTES).copyFrom(fpu);
            }

            @Override
            public void restoreFpu(MemorySegment image) throws ErrnoException {
                if (image.get(Layouts.U64, 520) != 0) {
                    throw dev.caisson.abi.Errno.EINVAL.error();
                }
                fpu.copyFrom(image.asSlice(0, FPU_BYTES));
            }

            @Override
            public void resetFpu() {
                fpuWasReset = true;
            }

            @Override
            public void sleeping() {}

            @Override
            public void awake() {}

            @Override
            public void close() {}
        };
    }
}
