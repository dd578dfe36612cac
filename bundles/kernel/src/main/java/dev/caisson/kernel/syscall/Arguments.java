package dev.caisson.kernel.syscall;

import dev.caisson.abi.Fcntl;
import dev.caisson.kernel.syscall.decode.FileStructures;
import dev.caisson.kernel.syscall.decode.ProcessStructures;
import dev.caisson.kernel.syscall.decode.Quoted;
import dev.caisson.kernel.syscall.decode.SignalStructures;
import dev.caisson.kernel.syscall.decode.Times;

/** The usual arguments of system calls, and how they read in a trace. */
public final class Arguments {
    private Arguments() {}

    /**
     * A file descriptor; {@code AT_FDCWD} by name.
     *
     * @param name as in the man page
     * @return the argument
     */
    public static Argument fd(String name) {
        return new Argument(name, Argument.Kind.FD, (call, value) -> {
            if ((int) value == Fcntl.AT_FDCWD) {
                call.out().append("AT_FDCWD");
            } else {
                call.out().append((int) value);
            }
        });
    }

    /**
     * A C int, in decimal.
     *
     * @param name as in the man page
     * @return the argument
     */
    public static Argument number(String name) {
        return new Argument(name, Argument.Kind.NUMBER, (call, value) -> call.out().append((int) value));
    }

    /**
     * A size_t, off_t or other 64-bit number, in decimal.
     *
     * @param name as in the man page
     * @return the argument
     */
    public static Argument size(String name) {
        return new Argument(name, Argument.Kind.NUMBER, (call, value) -> call.out().append(value));
    }

    /**
     * An address, in hexadecimal.
     *
     * @param name as in the man page
     * @return the argument
     */
    public static Argument address(String name) {
        return new Argument(name, Argument.Kind.ADDRESS, TracedCall::address);
    }

    /**
     * Permission bits, in octal.
     *
     * @param name as in the man page
     * @return the argument
     */
    public static Argument octal(String name) {
        return new Argument(name, Argument.Kind.NAMED,
                FileStructures::octal);
    }

    /**
     * Flags or one of several values, by name.
     *
     * @param name as in the man page
     * @param names the names
     * @return the argument
     */
    public static Argument flags(String name, FlagNames names) {
        return new Argument(name, Argument.Kind.NAMED, (call, value) -> names.format(call.out(), (int) value));
    }

    /**
     * A signal number, by name.
     *
     * @param name as in the man page
     * @return the argument
     */
    public static Argument signal(String name) {
        return SignalStructures.signal(name);
    }

    /**
     * A path or another string that ends with NUL.
     *
     * @param name as in the man page
     * @return the argument
     */
    public static Argument path(String name) {
        return new Argument(name, Argument.Kind.PATH, Quoted.path());
    }

    /**
     * Bytes the guest gives.
     *
     * @param name as in the man page
     * @param lengthIndex which argument holds their number
     * @return the argument
     */
    public static Argument input(String name, int lengthIndex) {
        return new Argument(name, Argument.Kind.INPUT,
                (call, value) -> Quoted.bytes(call, value, call.argument(lengthIndex)));
    }

    /**
     * Bytes the guest gets; the result says how many.
     *
     * @param name as in the man page
     * @return the argument
     */
    public static Argument output(String name) {
        return new Argument(name, Argument.Kind.OUTPUT, (call, value) -> Quoted.bytes(call, value, call.result()));
    }

    /**
     * A {@code struct timespec} the guest gives.
     *
     * @param name as in the man page
     * @return the argument
     */
    public static Argument timespec(String name) {
        return Times.timespec(name);
    }

    /**
     * A {@code struct timespec} the guest gets.
     *
     * @param name as in the man page
     * @return the argument
     */
    public static Argument timespecOut(String name) {
        return Times.timespecOut(name);
    }

    /**
     * An array of strings: argv, envp.
     *
     * @param name as in the man page
     * @return the argument
     */
    public static Argument strings(String name) {
        return new Argument(name, Argument.Kind.INPUT, Quoted.strings());
    }

    /**
     * The number of strings in an array: envp.
     *
     * @param name as in the man page
     * @return the argument
     */
    public static Argument stringCount(String name) {
        return new Argument(name, Argument.Kind.INPUT, Quoted.stringCount());
    }

    /**
     * Random bytes and the like, which nobody reads; the result says how many.
     *
     * @param name as in the man page
     * @return the argument
     */
    public static Argument hexOutput(String name) {
        return new Argument(name, Argument.Kind.OUTPUT, (call, value) -> Quoted.hexBytes(call, value, call.result()));
    }

    /**
     * A key, cookie or mask, in hexadecimal.
     *
     * @param name as in the man page
     * @return the argument
     */
    public static Argument hex(String name) {
        return new Argument(name, Argument.Kind.NUMBER, (call, value) -> {
            if (value == 0) {
                call.out().append('0');
            } else {
                call.hex(value);
            }
        });
    }

    /**
     * One int in memory, which the call sets: wstatus, a socket length.
     *
     * @param name as in the man page
     * @return the argument
     */
    public static Argument intOut(String name) {
        return ProcessStructures.intOut(name);
    }

    /**
     * Two ints in memory, which the call sets: the descriptors of pipe and socketpair.
     *
     * @param name as in the man page
     * @return the argument
     */
    public static Argument pairOut(String name) {
        return ProcessStructures.pairOut(name);
    }
}
