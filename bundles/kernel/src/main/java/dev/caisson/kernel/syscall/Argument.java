package dev.caisson.kernel.syscall;

import java.util.function.Consumer;
import java.util.function.Predicate;

/**
 * One argument of a system call: its name in the man page and how it reads in a trace. Policies use the kind to know what they may look at.
 * Immutable.
 */
public final class Argument {
    /** What an argument is. */
    public enum Kind {
        /** A file descriptor. */
        FD,
        /** A signed number. */
        NUMBER,
        /** An address that is not looked at. */
        ADDRESS,
        /** The address of a path. */
        PATH,
        /** Bytes the guest gives. */
        INPUT,
        /** Bytes the guest gets; looked at after the call. */
        OUTPUT,
        /** Bytes the guest gives, and finds changed. */
        IN_OUT,
        /** Flags, permission bits, signals: a number with names. */
        NAMED
    }

    /** Writes an argument into a trace. */
    @FunctionalInterface
    public interface Format {
        /**
         * Writes one value.
         *
         * @param call the call, which also says where to
         * @param value the register
         */
        void write(TracedCall call, long value);
    }

    private final String name;
    private final Kind kind;
    private final Format before;
    private final Format after;
    private final Format note;
    private final Consumer<TracedCall> answer;
    private final Predicate<long[]> leftOut;

    private Argument(String name, Kind kind, Format before, Format after, Format note, Consumer<TracedCall> answer,
            Predicate<long[]> leftOut) {
        this.name = name;
        this.kind = kind;
        this.before = before;
        this.after = after;
        this.note = note;
        this.answer = answer;
        this.leftOut = leftOut;
    }

    /**
     * Makes an argument; {@link Arguments} and the package {@code decode} have the usual ones.
     *
     * @param name as in the man page
     * @param kind what it is; an {@link Kind#OUTPUT} is looked at after a call that succeeded, others before
     * @param format how it reads
     */
    public Argument(String name, Kind kind, Format format) {
        this(name, kind, kind == Kind.OUTPUT ? null : format, kind == Kind.OUTPUT ? ofSuccess(format) : null, null, null, null);
    }

    private static Format ofSuccess(Format format) {
        return (call, value) -> {
            if (call.hasSucceeded()) {
                format.write(call, value);
            } else {
                call.address(value);
            }
        };
    }

    /**
     * An argument that the guest gives and finds changed.
     *
     * @param name as in the man page
     * @param before how it reads before the call
     * @param after how it reads after the call, which may have failed; {@link TracedCall#before} has the former text
     * @return the argument
     */
    public static Argument inOut(String name, Format before, Format after) {
        return new Argument(name, Kind.IN_OUT, before, after, null, null, null);
    }

    /**
     * What stands in parentheses behind the result, in addition.
     *
     * @param format writes it after the call; nothing for nothing
     * @return a copy
     */
    public Argument noted(Format format) {
        return new Argument(name, kind, before, after, format, answer, leftOut);
    }

    /**
     * A result that is no decimal number.
     *
     * @param format writes the result of a call that succeeded; nothing for the usual number
     * @return a copy
     */
    public Argument answering(Consumer<TracedCall> format) {
        return new Argument(name, kind, before, after, note, format, leftOut);
    }

    /**
     * An argument that some uses of the call do not have.
     *
     * @param isLeftOut whether it does not belong to a call with these registers
     * @return a copy
     */
    public Argument unless(Predicate<long[]> isLeftOut) {
        return new Argument(name, kind, before, after, note, answer, isLeftOut);
    }

    /** {@return the name in the man page} */
    public String name() {
        return name;
    }

    /** {@return what it is} */
    public Kind kind() {
        return kind;
    }

    Format before() {
        return before;
    }

    Format after() {
        return after;
    }

    Format note() {
        return note;
    }

    Consumer<TracedCall> answer() {
        return answer;
    }

    boolean isLeftOut(long[] values) {
        return leftOut != null && leftOut.test(values);
    }
}
