package dev.caisson.kernel.syscall;

import dev.caisson.abi.Errno;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * One system call as its trace reads. Arguments are looked at before the call, since it and the guest's other threads change them;
 * outputs after it. What was not in memory before the call is looked at once more after it, since the call itself has brought it in by then.
 *
 * <p>All a guest can do with hostile arguments is to be shown less: a call reads at most {@value #MOST_BYTES} bytes, an array shows at most
 * {@value #MOST_ELEMENTS} elements, and a text that has reached {@value #MOST_TEXT} characters takes no more of them.
 */
public final class TracedCall {
    /** Elements of an array that are shown. */
    public static final int MOST_ELEMENTS = 32;
    static final int MOST_BYTES = 1 << 17;
    static final int MOST_TEXT = 1 << 14;
    /** As strace(1): larger results are addresses. */
    private static final long LEAST_ADDRESS = 0x10000000L;

    /** What a trace reads structures from. */
    @FunctionalInterface
    public interface Memory {
        /**
         * Copies what is there, changing nothing.
         *
         * @param address guest address, any value
         * @param target filled from its start
         * @param lengthBytes how much at most
         * @return bytes copied before the first that is not readable
         */
        int peek(long address, byte[] target, int lengthBytes);
    }

    private final Memory memory;
    private final SyscallRow row;
    private final long number;
    private final long[] values;
    private final String[] texts = new String[6];
    private final boolean[] repeats = new boolean[6];
    private final StringBuilder out = new StringBuilder(64);
    private int bytesLeft = MOST_BYTES;
    private boolean returned;
    private long result;
    private boolean missing;
    private int current;

    /**
     * A call that is about to be carried out.
     *
     * @param memory the caller's memory
     * @param row its row, or null for an unknown number
     * @param number its number
     * @param values the six argument registers; kept
     */
    public TracedCall(Memory memory, SyscallRow row, long number, long[] values) {
        this.memory = memory;
        this.row = row;
        this.number = number;
        this.values = values;
        List<Argument> arguments = row == null ? List.of() : row.arguments();
        for (int i = 0; i < arguments.size(); i++) {
            Argument.Format format = arguments.get(i).before();
            if (format != null) {
                texts[i] = write(format, i);
                repeats[i] = missing;
            }
        }
    }

    // ---- for formats

    /** {@return where the text goes} */
    public StringBuilder out() {
        return out;
    }

    /**
     * Another argument of the call.
     *
     * @param index 0 to 5
     * @return the register as it was before the call
     */
    public long argument(int index) {
        return values[index];
    }

    /** {@return the result; 0 before the call} */
    public long result() {
        return result;
    }

    /** {@return whether the call has returned without an error} */
    public boolean hasSucceeded() {
        return returned && (result >= 0 || result < -4095);
    }

    /** {@return what the same argument read before the call; empty for nothing} */
    public String before() {
        String text = texts[current];
        return text == null ? "" : text;
    }

    /** {@return whether so much has been written that the rest is left out} */
    public boolean isFull() {
        return out.length() >= MOST_TEXT;
    }

    /**
     * Reads guest memory.
     *
     * @param address guest address
     * @param lengthBytes how much
     * @return the bytes, or null when not all of them can be read, or the call has read enough
     */
    public MemorySegment fetch(long address, long lengthBytes) {
        if (lengthBytes < 0 || lengthBytes > bytesLeft) {
            return null;
        }
        byte[] copy = new byte[(int) lengthBytes];
        bytesLeft -= copy.length;
        if (address == 0 || memory.peek(address, copy, copy.length) < copy.length) {
            missing |= address != 0;
            return null;
        }
        return MemorySegment.ofArray(copy);
    }

    /**
     * Reads as much guest memory as there is.
     *
     * @param address guest address
     * @param lengthBytes how much at most
     * @return the bytes, possibly none
     */
    public MemorySegment fetchSome(long address, int lengthBytes) {
        int wanted = Math.max(0, Math.min(lengthBytes, bytesLeft));
        byte[] copy = new byte[wanted];
        bytesLeft -= wanted;
        int got = wanted == 0 || address == 0 ? 0 : memory.peek(address, copy, wanted);
        missing |= got == 0;
        return MemorySegment.ofArray(copy).asSlice(0, got);
    }

    /**
     * Writes an address.
     *
     * @param value the address; 0 is NULL
     */
    public void address(long value) {
        if (value == 0) {
            out.append("NULL");
        } else {
            hex(value);
        }
    }

    /**
     * Writes a number in hexadecimal.
     *
     * @param value the number
     */
    public void hex(long value) {
        out.append("0x").append(Long.toHexString(value));
    }

    /**
     * Reads a 64-bit word for a format that needs one before it writes.
     *
     * @param address guest address
     * @param bytes 4 or 8
     * @param otherwise the answer when it cannot be read
     * @return the value, 4 bytes without sign
     */
    public long word(long address, int bytes, long otherwise) {
        MemorySegment word = fetch(address, bytes);
        if (word == null) {
            return otherwise;
        }
        return bytes == 4 ? Integer.toUnsignedLong(word.get(dev.caisson.abi.Layouts.U32, 0)) : word.get(dev.caisson.abi.Layouts.U64, 0);
    }

    // ---- lines

    private String write(Argument.Format format, int index) {
        out.setLength(0);
        missing = false;
        current = index;
        format.write(this, values[index]);
        if (out.length() > MOST_TEXT) {
            out.setLength(MOST_TEXT);
            out.append("...");
        }
        return out.toString();
    }

    /**
     * The call has an answer.
     *
     * @param answer a value, a negated error number, or a negated restart code
     * @param sameMemory whether the memory is still that of the program that called
     * @return the line
     */
    public String returned(long answer, boolean sameMemory) {
        result = answer;
        returned = true;
        bytesLeft = MOST_BYTES;
        List<Argument> arguments = row == null ? List.of() : row.arguments();
        String note = "";
        String value = "";
        for (int i = 0; i < arguments.size(); i++) {
            Argument argument = arguments.get(i);
            if (repeats[i] && sameMemory) {
                texts[i] = write(argument.before(), i);
            }
            if (argument.after() != null && sameMemory) {
                texts[i] = write(argument.after(), i);
            }
            if (argument.answer() != null && hasSucceeded()) {
                value = write((call, register) -> argument.answer().accept(call), i);
            }
            if (argument.note() != null && sameMemory) {
                String said = write(argument.note(), i);
                note = note.isEmpty() || said.isEmpty() ? note + said : note + ", " + said;
            }
        }
        StringBuilder line = start().append(" = ");
        if (answer < 0 && answer >= -4095) {
            Errno errno = Errno.of(answer);
            line.append(errno.number() >= 512 ? "?" : "-1").append(' ').append(errno.name()).append(" (").append(errno.text()).append(')');
        } else if (!value.isEmpty()) {
            line.append(value);
        } else if (answer >= LEAST_ADDRESS || answer < 0) {
            line.append("0x").append(Long.toHexString(answer));
        } else {
            line.append(answer);
        }
        if (!note.isEmpty()) {
            line.append(" (").append(note).append(')');
        }
        return line.toString();
    }

    /** {@return the line of a call that does not return} */
    public String gone() {
        return start().append(" = ?").toString();
    }

    private StringBuilder start() {
        StringBuilder line = new StringBuilder(128);
        if (row == null) {
            return line.append("syscall_").append(number).append("()");
        }
        line.append(row.name()).append('(');
        List<Argument> arguments = row.arguments();
        boolean first = true;
        for (int i = 0; i < arguments.size(); i++) {
            if (arguments.get(i).isLeftOut(values)) {
                continue;
            }
            if (!first) {
                line.append(", ");
            }
            first = false;
            if (texts[i] != null) {
                line.append(texts[i]);
            } else if (values[i] == 0) {
                line.append("NULL");
            } else {
                line.append("0x").append(Long.toHexString(values[i]));
            }
        }
        return line.append(')');
    }
}
