package dev.caisson.fs.dev.tty;

import dev.caisson.abi.Terminal;

/** The output side of N_TTY: OPOST and the cursor's column. Guarded by the terminal's lock. */
final class OutputProcessor {
    /** {@code OLCUC}, {@code TABDLY} with {@code XTABS}: asm-generic/termbits.h. */
    private static final int OLCUC = 2;
    private static final int TABDLY = 0x1800;

    private final ByteQueue output;
    private Termios termios;
    private int column;
    private int lineStart;

    OutputProcessor(Termios termios, ByteQueue output) {
        this.termios = termios;
        this.output = output;
    }

    void termios(Termios next) {
        termios = next;
    }

    /** The most bytes that one byte of output becomes. */
    int mostBytes() {
        return termios.hasOutput(Terminal.OPOST) ? 8 : 1;
    }

    void clear() {
        output.clear();
    }

    /** The line that is being typed starts at the cursor. */
    void markLineStart() {
        lineStart = column;
    }

    int lineStart() {
        return lineStart;
    }

    void eraseColumn() {
        put('\b');
        put(' ');
        put('\b');
    }

    void put(int c) {
        if (!termios.hasOutput(Terminal.OPOST)) {
            output.put(c);
            return;
        }
        switch (c) {
            case '\n' -> {
                if (termios.hasOutput(Terminal.ONLRET)) {
                    column = 0;
                }
                if (termios.hasOutput(Terminal.ONLCR)) {
                    column = 0;
                    output.put('\r');
                }
                lineStart = column;
                output.put('\n');
            }
            case '\r' -> {
                if (termios.hasOutput(Terminal.ONOCR) && column == 0) {
                    return;
                }
                if (termios.hasOutput(Terminal.OCRNL)) {
                    if (termios.hasOutput(Terminal.ONLRET)) {
                        column = 0;
                        lineStart = 0;
                    }
                    output.put('\n');
                    return;
                }
                column = 0;
                lineStart = 0;
                output.put('\r');
            }
            case '\t' -> {
                int spaces = 8 - (column & 7);
                column += spaces;
                if ((termios.output() & TABDLY) == TABDLY) {
                    for (int i = 0; i < spaces; i++) {
                        output.put(' ');
                    }
                } else {
                    output.put('\t');
                }
            }
            case '\b' -> {
                if (column > 0) {
                    column--;
                }
                output.put('\b');
            }
            default -> {
                int shown = c;
                if (!LineDiscipline.isControl(c)) {
                    if (termios.hasOutput(OLCUC) && c >= 'a' && c <= 'z') {
                        shown = c - 32;
                    }
                    if (!termios.hasInput(Terminal.IUTF8) || (c & 0xc0) != 0x80) {
                        column++;
                    }
                }
                output.put(shown);
            }
        }
    }
}
