package dev.caisson.testing.platform;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.host.code.Assembler;
import dev.caisson.spi.platform.AddressSpace;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Platform;
import dev.caisson.spi.platform.Registers;
import java.lang.foreign.MemorySegment;

/**
 * A memory file, an address space with a code page and some data pages, and a context for the calling thread.
 *
 * <pre>
 * guest address  file offset  rights
 * CODE           0            r-x, 4 pages
 * DATA           DATA_OFFSET  rw-, 16 pages
 * (nothing)      SPARE_OFFSET for tests to map
 * </pre>
 */
final class Guest implements AutoCloseable {
    static final long PAGE = 4096;
    static final long CODE = 0x10000;
    static final long DATA = 0x20_0000;
    static final long DATA_OFFSET = 0x10000;
    static final long DATA_BYTES = 16 * PAGE;
    static final long SPARE_OFFSET = 0x10_0000;
    static final long FILE_BYTES = 16 << 20;
    static final int READ = 1;
    static final int READ_WRITE = 3;
    static final int READ_EXEC = 5;
    static final int ALL = 7;

    final Platform platform;
    final int file;
    final MemorySegment memory;
    final AddressSpace space;
    final GuestContext context;
    final Registers registers = new Registers();
    private final GuestFile own;

    Guest(Platform platform) throws ErrnoException {
        this.platform = platform;
        own = new GuestFile(FILE_BYTES);
        file = own.descriptor();
        memory = own.memory();
        space = platform.newAddressSpace(file);
        space.map(CODE, 4 * PAGE, 0, READ_EXEC, false);
        space.map(DATA, DATA_BYTES, DATA_OFFSET, READ_WRITE, false);
        context = platform.newContext();
        start(registers);
    }

    /** Registers of a program that begins at {@link #CODE} with a stack at the end of the data. */
    static void start(Registers registers) {
        registers.rip(CODE);
        registers.rsp(DATA + DATA_BYTES - 256);
        registers.cs(0x33);
        registers.ss(0x2b);
        registers.eflags(0x202);
    }

    /** Puts a program at {@link #CODE}. */
    Guest program(Assembler code) {
        own.write(0, code);
        return this;
    }

    Exit run() throws ErrnoException {
        return context.run(space, registers);
    }

    /** Runs until something other than an interrupt happens. */
    Exit runOn() throws ErrnoException {
        return runOn(context, space, registers);
    }

    static Exit runOn(GuestContext context, AddressSpace space, Registers registers) throws ErrnoException {
        Exit exit = context.run(space, registers);
        while (exit == Exit.Plain.INTERRUPTED) {
            exit = context.run(space, registers);
        }
        return exit;
    }

    /** A word at an offset from {@link #DATA}. */
    long data(long offset) {
        return memory.get(Layouts.U64, DATA_OFFSET + offset);
    }

    void data(long offset, long value) {
        memory.set(Layouts.U64, DATA_OFFSET + offset, value);
    }

    @Override
    public void close() {
        context.close();
        space.close();
        own.close();
    }
}
