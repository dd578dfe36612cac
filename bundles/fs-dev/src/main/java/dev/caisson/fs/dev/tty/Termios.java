package dev.caisson.fs.dev.tty;

import static dev.caisson.abi.Layouts.U16;
import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Layouts.U8;

import dev.caisson.abi.StructCodec;
import dev.caisson.abi.Terminal;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The settings of a terminal, termios(3).
 * <pre>
 *  struct termios    off size     struct termios2   struct termio
 *  c_iflag             0    4       0  4             0  2
 *  c_oflag             4    4       4  4             2  2
 *  c_cflag             8    4       8  4             4  2
 *  c_lflag            12    4      12  4             6  2
 *  c_line             16    1      16  1             8  1
 *  c_cc               17   19      17 19             9  8
 *  c_ispeed, c_ospeed              36  4, 40  4
 *  sizeof             36           44               18
 * </pre>
 * Source: include/uapi/asm-generic/termbits.h, termios.h.
 *
 * @param input {@code c_iflag}
 * @param output {@code c_oflag}
 * @param control {@code c_cflag}
 * @param local {@code c_lflag}
 * @param line {@code c_line}, the line discipline
 * @param characters {@code c_cc}, 19 of them; never written to after construction
 * @param inputSpeed {@code c_ispeed} in bits per second
 * @param outputSpeed {@code c_ospeed}
 */
public record Termios(int input, int output, int control, int local, byte line, byte[] characters, int inputSpeed, int outputSpeed) {
    private static final int CHARACTERS = 19;

    /** What a new terminal starts with ({@code tty_std_termios}). */
    public static final Termios STANDARD = new Termios(Terminal.ICRNL | Terminal.IXON, Terminal.OPOST | Terminal.ONLCR,
            Terminal.B38400 | Terminal.CS8 | Terminal.CREAD,
            Terminal.ISIG | Terminal.ICANON | Terminal.ECHO | Terminal.ECHOE | Terminal.ECHOK | Terminal.ECHOCTL | Terminal.ECHOKE
                    | Terminal.IEXTEN,
            (byte) 0, new byte[] {3, 034, 0177, 025, 4, 0, 1, 0, 021, 023, 032, 0, 022, 017, 027, 026, 0, 0, 0}, 38400, 38400);

    /** {@code struct termios}, as TCGETS and TCSETS have it; speeds are not part of it. */
    public static final StructCodec<Termios> CODEC = StructCodec.of(36, (s, at) -> read(s, at, 38400, 38400), Termios::write);

    /** {@code struct termios2}, as TCGETS2 and TCSETS2 have it. */
    public static final StructCodec<Termios> CODEC2 = StructCodec.of(44,
            (s, at) -> read(s, at, s.get(U32, at + 36), s.get(U32, at + 40)), (s, at, t) -> {
                write(s, at, t);
                s.set(U32, at + 36, t.inputSpeed);
                s.set(U32, at + 40, t.outputSpeed);
            });

    private static Termios read(MemorySegment s, long at, int inputSpeed, int outputSpeed) {
        byte[] cc = new byte[CHARACTERS];
        MemorySegment.copy(s, ValueLayout.JAVA_BYTE, at + 17, cc, 0, CHARACTERS);
        return new Termios(s.get(U32, at), s.get(U32, at + 4), s.get(U32, at + 8), s.get(U32, at + 12), s.get(U8, at + 16), cc, inputSpeed,
                outputSpeed);
    }

    private static void write(MemorySegment s, long at, Termios t) {
        s.set(U32, at, t.input);
        s.set(U32, at + 4, t.output);
        s.set(U32, at + 8, t.control);
        s.set(U32, at + 12, t.local);
        s.set(U8, at + 16, t.line);
        MemorySegment.copy(t.characters, 0, s, ValueLayout.JAVA_BYTE, at + 17, CHARACTERS);
    }

    /** {@return these settings as the 18 bytes of {@code struct termio}} */
    byte[] toTermio() {
        MemorySegment s = MemorySegment.ofArray(new byte[18]);
        s.set(U16, 0, (short) input);
        s.set(U16, 2, (short) output);
        s.set(U16, 4, (short) control);
        s.set(U16, 6, (short) local);
        s.set(U8, 8, line);
        MemorySegment.copy(characters, 0, s, ValueLayout.JAVA_BYTE, 9, 8);
        return s.toArray(ValueLayout.JAVA_BYTE);
    }

    /** {@return these settings with the low halves and the first 8 characters replaced by a {@code struct termio}} */
    Termios withTermio(MemorySegment s) {
        byte[] cc = characters.clone();
        MemorySegment.copy(s, ValueLayout.JAVA_BYTE, 9, cc, 0, 8);
        return new Termios(input & 0xffff0000 | s.get(U16, 0) & 0xffff, output & 0xffff0000 | s.get(U16, 2) & 0xffff,
                control & 0xffff0000 | s.get(U16, 4) & 0xffff, local & 0xffff0000 | s.get(U16, 6) & 0xffff, s.get(U8, 8), cc, inputSpeed,
                outputSpeed);
    }

    boolean hasInput(int flag) {
        return (input & flag) != 0;
    }

    boolean hasOutput(int flag) {
        return (output & flag) != 0;
    }

    boolean hasLocal(int flag) {
        return (local & flag) != 0;
    }

    int character(int index) {
        return characters[index] & 0xff;
    }

    /** Whether an input byte is one of the control characters; 0 disables one. */
    boolean is(int c, int index) {
        return c == character(index) && c != 0;
    }
}
