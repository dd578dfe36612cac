package dev.caisson.kernel.syscall;

import dev.caisson.kernel.Task;

/**
 * One argument of a system call: its name in the man page and how it reads in a trace. Policies use the kind to know what they may look at.
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
        /** Flags, permission bits, signals: a number with names. */
        NAMED
    }

    /** Writes an argument into a trace. */
    @FunctionalInterface
    public interface Format {
        /**
         * Writes one value.
         *
         * @param out where to
         * @param task the caller
         * @param value the register
         * @param all the call's registers, for lengths held in other arguments
         * @param result the result; 0 before the call
         */
        void write(StringBuilder out, Task task, long value, long[] all, long result);
    }

    private final String name;
    private final Kind kind;
    private final Format format;

    /**
     * Makes an argument; {@link Arguments} has the usual ones.
     *
     * @param name as in the man page
     * @param kind what it is
     * @param format how it reads
     */
    public Argument(String name, Kind kind, Format format) {
        this.name = name;
        this.kind = kind;
        this.format = format;
    }

    /** {@return the name in the man page} */
    public String name() {
        return name;
    }

    /** {@return what it is} */
    public Kind kind() {
        return kind;
    }

    void write(StringBuilder out, Task task, long[] all, int index, long result) {
        format.write(out, task, all[index], all, result);
    }
}
