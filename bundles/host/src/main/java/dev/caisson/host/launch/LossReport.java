package dev.caisson.host.launch;

import static dev.caisson.host.code.Register.R10;
import static dev.caisson.host.code.Register.R14;
import static dev.caisson.host.code.Register.R15;
import static dev.caisson.host.code.Register.R8;
import static dev.caisson.host.code.Register.R9;
import static dev.caisson.host.code.Register.RAX;
import static dev.caisson.host.code.Register.RCX;
import static dev.caisson.host.code.Register.RDI;
import static dev.caisson.host.code.Register.RDX;
import static dev.caisson.host.code.Register.RSI;
import static dev.caisson.host.code.Register.RSP;
import static dev.caisson.host.launch.LaunchArea.ADDRESS;

import dev.caisson.abi.Layouts;
import dev.caisson.host.code.Assembler;
import dev.caisson.host.code.Condition;
import dev.caisson.host.code.Label;
import dev.caisson.host.raw.SyscallNumber;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * What the launcher writes to files when the process that it stands for is lost, that is, ends without a last word. The texts are there before; the
 * launcher puts the time and what happened where they have {@link #TIME}, {@link #REASON} and {@link #STATUS}.
 *
 * <p>In the launcher's memory a report is a list of pieces of 16 bytes: what (8 bits), a length or descriptor (the upper 32 bits), an address.
 */
public final class LossReport {
    /** Stands for the time, as in 2026-01-31T23:59:59Z. */
    public static final char TIME = '\1';
    /** Stands for what happened, in words. */
    public static final char REASON = '\2';
    /** Stands for the number that wait(2) told. */
    public static final char STATUS = '\3';

    /** Exit statuses of a Java runtime: ExitOnOutOfMemoryError, and abort(3) of a process that no signal kills. */
    private static final int NO_HEAP = 3, ABORTED = 127;
    private static final int TEXT_PIECE = 4, FLUSH_PIECE = 5;
    private static final int PIECE_BYTES = 16;
    /** Of the report's memory: pieces, texts, and where a line is put together. */
    private static final int PIECES = 8, TEXTS = 0x800, LINE = 0x2800, LINE_BYTES = 0x1800;
    private static final int SECONDS_PER_DAY = 86_400, FIRST_YEAR = 1970, DAYS = 365;
    private static final int[] MONTHS = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    /**
     * A line.
     *
     * @param path the file that it is appended to
     * @param text the line, one char per byte
     */
    public record Line(String path, String text) {}

    private LossReport() {}

    /** Puts the lines where the launcher finds them; {@code descriptors} are their files in the launcher. */
    static void put(MemorySegment memory, List<Line> lines, List<Long> descriptors) {
        int at = LaunchArea.LOSS + PIECES;
        int strings = LaunchArea.LOSS + TEXTS;
        for (int i = 0; i < lines.size(); i++) {
            String text = lines.get(i).text;
            if (text.length() + 64 > LINE_BYTES) {
                throw new IllegalArgumentException("the line is too long");
            }
            for (int from = 0; from < text.length();) {
                int end = from;
                while (end < text.length() && text.charAt(end) > STATUS) {
                    end++;
                }
                if (end == from) {
                    at = piece(memory, at, text.charAt(from++), 0, 0);
                    continue;
                }
                byte[] bytes = text.substring(from, end).getBytes(StandardCharsets.ISO_8859_1);
                if (strings + bytes.length + 8 > LaunchArea.LOSS + LINE) {
                    throw new IllegalArgumentException("the lines are too long");
                }
                MemorySegment.copy(MemorySegment.ofArray(bytes), 0, memory, strings, bytes.length);
                at = piece(memory, at, TEXT_PIECE, bytes.length, strings);
                strings += bytes.length + 7 & ~7;
                from = end;
            }
            at = piece(memory, at, FLUSH_PIECE, descriptors.get(i), 0);
        }
        piece(memory, at, 0, 0, 0);
        memory.set(Layouts.U64, LaunchArea.LOSS, 1);
    }

    private static int piece(MemorySegment memory, int at, int what, long number, int text) {
        if (at + 2 * PIECE_BYTES > LaunchArea.LOSS + TEXTS) {
            throw new IllegalArgumentException("too many lines");
        }
        memory.set(Layouts.U64, at, number << 32 | what);
        memory.set(Layouts.U64, at + 8L, ADDRESS + text);
        return at + PIECE_BYTES;
    }

    /**
     * Appends the subroutine that writes the lines, if there are any; r15 has the wait status. It leaves r12, r13, r15.
     *
     * @param code to append to
     * @param number a subroutine that writes rax as a decimal number to rdi, which goes on behind it
     */
    static void emit(Assembler code, Label number) {
        Label next = new Label(), done = new Label(), text = new Label(), flush = new Label(), reason = new Label(), status = new Label(),
                exited = new Label(), time = new Label();
        code.mov(R14, ADDRESS + LaunchArea.LOSS).load(RAX, R14, 0).test(RAX, RAX).jump(Condition.EQUAL, done);
        code.add(R14, PIECES).mov(RDI, ADDRESS + LaunchArea.LOSS + LINE);
        code.bind(next);
        code.load(RAX, R14, 0).load(RSI, R14, 8).add(R14, PIECE_BYTES).mov(RCX, RAX).and(RCX, 0xff).shr(RAX, 32);
        code.cmp(RCX, TEXT_PIECE).jump(Condition.EQUAL, text).cmp(RCX, FLUSH_PIECE).jump(Condition.EQUAL, flush);
        code.cmp(RCX, REASON).jump(Condition.EQUAL, reason).cmp(RCX, STATUS).jump(Condition.EQUAL, status);
        code.cmp(RCX, TIME).jump(Condition.NOT_EQUAL, done);
        code.call(time).jump(next);

        code.bind(text);
        code.mov(RCX, RDI).add(RCX, RAX);
        Label copy = code.here();
        code.load(RAX, RSI, 0).store(RDI, 0, RAX).add(RSI, 8).add(RDI, 8).cmp(RDI, RCX).jump(Condition.LESS, copy);
        code.mov(RDI, RCX).jump(next);

        code.bind(flush);
        code.mov(RSI, ADDRESS + LaunchArea.LOSS + LINE).mov(RDX, RSI).neg(RDX).add(RDX, RDI).mov(RDI, RAX);
        code.mov(RAX, SyscallNumber.WRITE).syscall();
        code.mov(RDI, ADDRESS + LaunchArea.LOSS + LINE).jump(next);

        code.bind(status);
        code.mov(RAX, R15).call(number).jump(next);

        code.bind(reason);
        code.mov(RAX, R15).and(RAX, 0x7f).test(RAX, RAX).jump(Condition.EQUAL, exited);
        words(code, "it was killed by signal ");
        code.mov(RAX, R15).and(RAX, 0x7f).call(number).jump(next);
        code.bind(exited);
        words(code, "it exited with status ");
        code.mov(RAX, R15).shr(RAX, 8).and(RAX, 0xff).call(number);
        explain(code, NO_HEAP, ": the Java runtime has no heap left");
        explain(code, ABORTED, ": the Java runtime aborted");
        code.jump(next);
        code.bind(done);
        code.ret();

        code.bind(time);
        time(code, number);
    }

    private static void explain(Assembler code, int exitStatus, String words) {
        Label other = new Label();
        code.mov(RAX, R15).shr(RAX, 8).and(RAX, 0xff).cmp(RAX, exitStatus).jump(Condition.NOT_EQUAL, other);
        words(code, words);
        code.bind(other);
    }

    private static void words(Assembler code, String words) {
        byte[] bytes = words.getBytes(StandardCharsets.US_ASCII);
        for (int from = 0; from < bytes.length; from += Long.BYTES) {
            long word = 0;
            for (int i = Math.min(bytes.length, from + Long.BYTES) - 1; i >= from; i--) {
                word = word << Byte.SIZE | bytes[i];
            }
            code.mov(RCX, word).store(RDI, from, RCX);
        }
        code.add(RDI, bytes.length);
    }

    /** Writes the time: by subtraction only, which the 20,000 days since 1970 do not take long to. */
    private static void time(Assembler code, Label number) {
        Label two = new Label(), table = new Label(), isDay = new Label(), isYear = new Label(), isMonth = new Label(), plain = new Label(), common = new Label();
        code.push(RDI).sub(RSP, 16).xor(RDI, RDI).mov(RSI, RSP); // CLOCK_REALTIME
        code.mov(RAX, SyscallNumber.CLOCK_GETTIME).syscall();
        code.load(R8, RSP, 0).add(RSP, 16).pop(RDI);
        code.xor(RSI, RSI);
        Label day = code.here();
        code.cmp(R8, SECONDS_PER_DAY).jump(Condition.LESS, isDay).sub(R8, SECONDS_PER_DAY).add(RSI, 1).jump(day);
        code.bind(isDay);
        code.mov(R9, FIRST_YEAR);
        Label year = code.here();
        code.mov(RDX, DAYS).mov(RCX, R9).and(RCX, 3).test(RCX, RCX).jump(Condition.NOT_EQUAL, plain).add(RDX, 1); // until 2099
        code.bind(plain);
        code.cmp(RSI, RDX).jump(Condition.LESS, isYear).neg(RDX).add(RSI, RDX).add(R9, 1).jump(year);
        code.bind(isYear);
        code.leaLabel(RCX, table).cmp(RDX, DAYS).jump(Condition.EQUAL, common).add(RCX, MONTHS.length * Long.BYTES);
        code.bind(common);
        code.mov(R10, 1);
        Label month = code.here();
        code.load(RAX, RCX, 0).cmp(RSI, RAX).jump(Condition.LESS, isMonth).neg(RAX).add(RSI, RAX).add(RCX, 8).add(R10, 1).jump(month);
        code.bind(isMonth);
        code.mov(RAX, R9).call(number);
        code.mov(RAX, R10).mov(R9, '-').call(two);
        code.mov(RAX, RSI).add(RAX, 1).mov(R9, '-').call(two);
        count(code, 3600);
        code.mov(R9, 'T').call(two);
        count(code, 60);
        code.mov(R9, ':').call(two);
        code.mov(RAX, R8).mov(R9, ':').call(two);
        code.mov(RCX, 'Z').store(RDI, 0, RCX).add(RDI, 1).ret();

        code.bind(two); // a character and the two digits of rax; 100 more has three
        code.add(RAX, 100).call(number);
        code.load(RAX, RDI, -3).and(RAX, -256).or(RAX, R9).store(RDI, -3, RAX).ret();
        code.align(16).bind(table);
        for (int leap = 0; leap < 2; leap++) {
            for (int i = 0; i < MONTHS.length; i++) {
                code.word(MONTHS[i] + (i == 1 ? leap : 0));
            }
        }
    }

    /** rax becomes how often a number goes into r8, which keeps the rest. */
    private static void count(Assembler code, int unit) {
        Label out = new Label();
        code.xor(RAX, RAX);
        Label more = code.here();
        code.cmp(R8, unit).jump(Condition.LESS, out).sub(R8, unit).add(RAX, 1).jump(more);
        code.bind(out);
    }
}
