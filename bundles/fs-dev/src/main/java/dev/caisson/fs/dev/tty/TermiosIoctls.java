package dev.caisson.fs.dev.tty;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.StructCodec;
import dev.caisson.abi.Terminal;
import dev.caisson.spi.fs.IoctlMemory;
import java.lang.foreign.MemorySegment;
import java.util.function.Supplier;

/** TCGETS, TCSETS and their relatives. */
final class TermiosIoctls {
    /** Takes new settings. */
    @FunctionalInterface
    interface Setter {
        void set(Termios termios, boolean flushInput) throws ErrnoException;
    }

    /** Says whether the caller may change settings. */
    @FunctionalInterface
    interface Check {
        void check() throws ErrnoException;
    }

    private TermiosIoctls() {}

    static long handle(IoctlMemory memory, int command, long argument, Supplier<Termios> current, Setter setter, Check check)
            throws ErrnoException {
        switch (command) {
            case Terminal.TCGETS -> write(memory, argument, Termios.CODEC, current.get());
            case (int) Terminal.TCGETS2 -> write(memory, argument, Termios.CODEC2, current.get());
            case Terminal.TCGETA -> memory.copyOut(argument, MemorySegment.ofArray(current.get().toTermio()));
            case Terminal.TCSETS, Terminal.TCSETSW, Terminal.TCSETSF -> {
                check.check();
                Termios next = read(memory, argument, Termios.CODEC);
                Termios old = current.get();
                setter.set(new Termios(next.input(), next.output(), next.control(), next.local(), next.line(), next.characters(),
                        old.inputSpeed(), old.outputSpeed()), command == Terminal.TCSETSF);
            }
            case Terminal.TCSETS2, Terminal.TCSETSW2, Terminal.TCSETSF2 -> {
                check.check();
                setter.set(read(memory, argument, Termios.CODEC2), command == Terminal.TCSETSF2);
            }
            case Terminal.TCSETA, Terminal.TCSETAW, Terminal.TCSETAF -> {
                check.check();
                MemorySegment bytes = MemorySegment.ofArray(new byte[18]);
                memory.copyIn(argument, bytes);
                setter.set(current.get().withTermio(bytes), command == Terminal.TCSETAF);
            }
            default -> {
                return TerminalCore.NOT_MINE;
            }
        }
        return 0;
    }

    private static Termios read(IoctlMemory memory, long address, StructCodec<Termios> codec) throws ErrnoException {
        MemorySegment bytes = MemorySegment.ofArray(new byte[codec.sizeBytes()]);
        memory.copyIn(address, bytes);
        return codec.read(bytes, 0);
    }

    private static void write(IoctlMemory memory, long address, StructCodec<Termios> codec, Termios value) throws ErrnoException {
        MemorySegment bytes = MemorySegment.ofArray(new byte[codec.sizeBytes()]);
        codec.write(bytes, 0, value);
        memory.copyOut(address, bytes);
    }

    static void checkQueue(long queue) throws ErrnoException {
        if (queue < Terminal.TCIFLUSH || queue > Terminal.TCIOFLUSH) {
            throw Errno.EINVAL.error();
        }
    }
}
