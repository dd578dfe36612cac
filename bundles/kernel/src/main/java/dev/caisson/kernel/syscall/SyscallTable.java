package dev.caisson.kernel.syscall;

import dev.caisson.abi.Errno;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * Maps system-call numbers of amd64 to rows. Immutable; a changed policy is another table, and takes effect with the next call.
 */
public final class SyscallTable {
    /** Numbers from here on are ENOSYS for everybody. */
    public static final int LIMIT = 512;

    private final String name;
    private final SyscallRow[] rows;

    private SyscallTable(String name, SyscallRow[] rows) {
        this.name = name;
        this.rows = rows;
    }

    /**
     * Starts an empty table.
     *
     * @param name by which logs and {@code caisson list} call it
     * @return a builder
     */
    public static Builder named(String name) {
        return new Builder(name, new SyscallRow[LIMIT]);
    }

    /**
     * Starts from the rows of this table, to change some.
     *
     * @param newName name of the new table
     * @return a builder that replaces rows
     */
    public Builder derive(String newName) {
        Builder builder = new Builder(newName, rows.clone());
        builder.replacing = true;
        return builder;
    }

    /** {@return the name} */
    public String name() {
        return name;
    }

    /**
     * The row of a number.
     *
     * @param number any value
     * @return the row, or null when there is none
     */
    public SyscallRow row(long number) {
        return number >= 0 && number < LIMIT ? rows[(int) number] : null;
    }

    /** {@return all rows in number order} */
    public List<SyscallRow> rows() {
        return Arrays.stream(rows).filter(Objects::nonNull).toList();
    }

    /** Collects rows. Each family declares its own, in number order. */
    public static final class Builder {
        private final String name;
        private final SyscallRow[] rows;
        private boolean replacing;

        private Builder(String name, SyscallRow[] rows) {
            this.name = name;
            this.rows = rows;
        }

        /**
         * A complete call.
         *
         * @param number number in rax
         * @param name as in the man page
         * @param handler answers it
         * @param arguments in order
         * @return this
         */
        public Builder full(int number, String name, SyscallHandler handler, Argument... arguments) {
            return add(new SyscallRow(number, name, Support.FULL, "", null, handler, null, List.of(arguments)));
        }

        /**
         * A call that lacks something.
         *
         * @param number number in rax
         * @param name as in the man page
         * @param handler answers it
         * @param missing what is missing, and which errno says so
         * @param arguments in order
         * @return this
         */
        public Builder partial(int number, String name, SyscallHandler handler, String missing, Argument... arguments) {
            return add(new SyscallRow(number, name, Support.PARTIAL, missing, null, handler, null, List.of(arguments)));
        }

        /**
         * A complete call that decides how the task goes on.
         *
         * @param number number in rax
         * @param name as in the man page
         * @param handler answers it
         * @param arguments in order
         * @return this
         */
        public Builder control(int number, String name, ControlHandler handler, Argument... arguments) {
            return add(new SyscallRow(number, name, Support.FULL, "", null, null, handler, List.of(arguments)));
        }

        /**
         * A call that is not supported.
         *
         * @param number number in rax
         * @param name as in the man page
         * @param errno the answer
         * @param why one clause for the compatibility page
         * @param arguments in order
         * @return this
         */
        public Builder absent(int number, String name, Errno errno, String why, Argument... arguments) {
            SyscallHandler handler = (task, args) -> {
                throw errno.error();
            };
            return add(new SyscallRow(number, name, Support.ABSENT, why, errno, handler, null, List.of(arguments)));
        }

        /**
         * Adds a row.
         *
         * @param row the row
         * @return this
         * @throws IllegalStateException when the number is taken, or when a derived table has no such number
         */
        public Builder add(SyscallRow row) {
            SyscallRow old = rows[row.number()];
            if (old != null && !replacing) {
                throw new IllegalStateException("system call " + row.number() + " is declared as " + old.name() + " and " + row.name());
            }
            if (row.arguments().size() > 6) {
                throw new IllegalStateException("system call " + row.name() + " has more than six arguments");
            }
            rows[row.number()] = row;
            return this;
        }

        /** {@return the table} */
        public SyscallTable build() {
            return new SyscallTable(name, rows.clone());
        }
    }
}
