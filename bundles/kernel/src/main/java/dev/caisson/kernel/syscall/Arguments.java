package dev.caisson.kernel.syscall;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Layouts;
import dev.caisson.kernel.Task;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** The usual arguments of system calls, and how they read in a trace. */
public final class Arguments {
    private static final int SHOWN_BYTES = 32;
    private static final int PATH_BYTES = 4096;

    private Arguments() {}

    /**
     * A file descriptor; {@code AT_FDCWD} by name.
     *
     * @param name as in the man page
     * @return the argument
     */
    public static Argument fd(String name) {
        return new Argument(name, Argument.Kind.FD, (out, task, value, all, result) -> {
            if ((int) value == Fcntl.AT_FDCWD) {
                out.append("AT_FDCWD");
            } else {
                out.append((int) value);
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
        return new Argument(name, Argument.Kind.NUMBER, (out, task, value, all, result) -> out.append((int) value));
    }

    /**
     * A size_t, off_t or other 64-bit number, in decimal.
     *
     * @param name as in the man page
     * @return the argument
     */
    public static Argument size(String name) {
        return new Argument(name, Argument.Kind.NUMBER, (out, task, value, all, result) -> out.append(value));
    }

    /**
     * An address, in hexadecimal.
     *
     * @param name as in the man page
     * @return the argument
     */
    public static Argument address(String name) {
        return new Argument(name, Argument.Kind.ADDRESS, (out, task, value, all, result) -> hex(out, value));
    }

    /**
     * Permission bits, in octal.
     *
     * @param name as in the man page
     * @return the argument
     */
    public static Argument octal(String name) {
        return new Argument(name, Argument.Kind.NAMED,
                (out, task, value, all, result) -> out.append('0').append(Integer.toOctalString((int) value & 0xffff)));
    }

    /**
     * Flags or one of several values, by name.
     *
     * @param name as in the man page
     * @param names the names
     * @return the argument
     */
    public static Argument flags(String name, FlagNames names) {
        return new Argument(name, Argument.Kind.NAMED, (out, task, value, all, result) -> names.format(out, (int) value));
    }

    /**
     * A signal number, by name.
     *
     * @param name as in the man page
     * @return the argument
     */
    public static Argument signal(String name) {
        return flags(name, Flags.SIGNAL);
    }

    /**
     * A path or another string that ends with NUL.
     *
     * @param name as in the man page
     * @return the argument
     */
    public static Argument path(String name) {
        return new Argument(name, Argument.Kind.PATH, (out, task, value, all, result) -> string(out, task, value));
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
                (out, task, value, all, result) -> bytes(out, task, value, all[lengthIndex]));
    }

    /**
     * Bytes the guest gets; the result says how many.
     *
     * @param name as in the man page
     * @return the argument
     */
    public static Argument output(String name) {
        return new Argument(name, Argument.Kind.OUTPUT, (out, task, value, all, result) -> {
            if (result < 0) {
                hex(out, value);
            } else {
                bytes(out, task, value, result);
            }
        });
    }

    /**
     * A {@code struct timespec} the guest gives.
     *
     * @param name as in the man page
     * @return the argument
     */
    public static Argument timespec(String name) {
        return new Argument(name, Argument.Kind.INPUT, (out, task, value, all, result) -> time(out, task, value, "tv_nsec"));
    }

    /**
     * A {@code struct timespec} the guest gets.
     *
     * @param name as in the man page
     * @return the argument
     */
    public static Argument timespecOut(String name) {
        return new Argument(name, Argument.Kind.OUTPUT, (out, task, value, all, result) -> {
            if (result < 0) {
                hex(out, value);
            } else {
                time(out, task, value, "tv_nsec");
            }
        });
    }

    /**
     * An array of strings: argv, envp.
     *
     * @param name as in the man page
     * @return the argument
     */
    public static Argument strings(String name) {
        return new Argument(name, Argument.Kind.INPUT, (out, task, value, all, result) -> stringArray(out, task, value));
    }

    /**
     * One int in memory, which the call sets: wstatus, a socket length.
     *
     * @param name as in the man page
     * @return the argument
     */
    public static Argument intOut(String name) {
        return new Argument(name, Argument.Kind.OUTPUT, (out, task, value, all, result) -> {
            MemorySegment word = result < 0 ? null : fetch(task, value, 4);
            if (word == null) {
                hex(out, value);
            } else {
                out.append('[').append(word.get(Layouts.U32, 0)).append(']');
            }
        });
    }

    /**
     * Two ints in memory, which the call sets: the descriptors of pipe and socketpair.
     *
     * @param name as in the man page
     * @return the argument
     */
    public static Argument pairOut(String name) {
        return new Argument(name, Argument.Kind.OUTPUT, (out, task, value, all, result) -> {
            MemorySegment pair = result < 0 ? null : fetch(task, value, 8);
            if (pair == null) {
                hex(out, value);
            } else {
                out.append('[').append(pair.get(Layouts.U32, 0)).append(", ").append(pair.get(Layouts.U32, 4)).append(']');
            }
        });
    }

    static void hex(StringBuilder out, long value) {
        if (value == 0) {
            out.append("NULL");
        } else {
            out.append("0x").append(Long.toHexString(value));
        }
    }

    private static void time(StringBuilder out, Task task, long address, String fraction) {
        MemorySegment pair = address == 0 ? null : fetch(task, address, 16);
        if (pair == null) {
            hex(out, address);
        } else {
            out.append("{tv_sec=").append(pair.get(Layouts.U64, 0)).append(", ").append(fraction).append('=')
                    .append(pair.get(Layouts.U64, 8)).append('}');
        }
    }

    private static void stringArray(StringBuilder out, Task task, long address) {
        if (address == 0) {
            out.append("NULL");
            return;
        }
        out.append('[');
        for (int i = 0; i < SHOWN_BYTES; i++) {
            MemorySegment word = fetch(task, address + 8L * i, 8);
            if (word == null || word.get(Layouts.U64, 0) == 0) {
                out.append(']');
                return;
            }
            if (i > 0) {
                out.append(", ");
            }
            string(out, task, word.get(Layouts.U64, 0));
        }
        out.append(", ...]");
    }

    private static void string(StringBuilder out, Task task, long address) {
        if (address == 0) {
            out.append("NULL");
            return;
        }
        try {
            quote(out, task.memory().readString(address, PATH_BYTES), PATH_BYTES);
        } catch (ErrnoException notReadable) {
            hex(out, address);
        }
    }

    private static void bytes(StringBuilder out, Task task, long address, long length) {
        int shown = (int) Math.max(0, Math.min(length, SHOWN_BYTES));
        MemorySegment content = fetch(task, address, shown);
        if (address == 0 || content == null) {
            hex(out, address);
            return;
        }
        StringBuilder text = new StringBuilder(shown);
        for (int i = 0; i < shown; i++) {
            text.append((char) (content.get(Layouts.U8, i) & 0xff));
        }
        quote(out, text.toString(), SHOWN_BYTES);
        if (length > shown) {
            out.append("...");
        }
    }

    private static MemorySegment fetch(Task task, long address, int length) {
        MemorySegment copy = Arena.ofAuto().allocate(Math.max(length, 1), 8);
        try {
            task.copyIn(address, copy.asSlice(0, length));
            return copy;
        } catch (ErrnoException notReadable) {
            return null;
        }
    }

    private static void quote(StringBuilder out, String text, int limit) {
        out.append('"');
        for (int i = 0; i < Math.min(text.length(), limit); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '"', '\\' -> out.append('\\').append(c);
                case '\n' -> out.append("\\n");
                case '\t' -> out.append("\\t");
                case '\r' -> out.append("\\r");
                default -> {
                    if (c >= ' ' && c < 0x7f) {
                        out.append(c);
                    } else {
                        out.append('\\').append(Integer.toOctalString(c));
                    }
                }
            }
        }
        out.append('"');
    }
}
