package dev.caisson.fs.dev.tty;

import static dev.caisson.abi.Errno.ENOSPC;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.fs.JobControl;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

/** The pseudo-terminals of a sandbox, and other terminals that have a name in /dev/pts. */
public final class PtyTable {
    /** {@code /proc/sys/kernel/pty/max} less the reserve. */
    private static final int LIMIT = 4096;

    /** An entry of /dev/pts. */
    record Slot(int index, TerminalCore terminal, Opener opener, int uid, int gid) {}

    /** Opens a terminal by its name. */
    @FunctionalInterface
    public interface Opener {
        /**
         * Opens.
         *
         * @param flags {@code O_*}
         * @return the open file
         * @throws ErrnoException EIO
         */
        OpenFile open(int flags) throws ErrnoException;
    }

    private final TreeMap<Integer, Slot> slots = new TreeMap<>();

    /** Makes an empty table. */
    public PtyTable() {}

    /**
     * Makes a pair and opens its master.
     *
     * @param flags {@code O_*}
     * @return the master
     * @throws ErrnoException ENOSPC when there are too many
     */
    public OpenFile openMaster(int flags) throws ErrnoException {
        JobControl caller = JobControl.current();
        int uid = caller == null ? 0 : caller.credentials().fsuid();
        int gid = caller == null ? 0 : caller.credentials().fsgid();
        synchronized (slots) {
            int index = freeIndex();
            Pty pty = new Pty(this, index);
            slots.put(index, new Slot(index, pty, f -> pty.openSlave(f, true), uid, gid));
            return new PtyMasterFile(pty, flags);
        }
    }

    /**
     * Gives a terminal that is no pair a name.
     *
     * @param maker makes it, given the number of its name
     * @param <T> its type
     * @return the terminal
     * @throws ErrnoException ENOSPC
     */
    public <T extends TerminalCore> T add(java.util.function.IntFunction<T> maker) throws ErrnoException {
        synchronized (slots) {
            int index = freeIndex();
            T terminal = maker.apply(index);
            slots.put(index, new Slot(index, terminal, terminal::openNamed, 0, 0));
            return terminal;
        }
    }

    /**
     * Opens a terminal by its number, for a device node outside devpts.
     *
     * @param index N of /dev/pts/N
     * @param flags {@code O_*}
     * @return the open file
     * @throws ErrnoException EIO when there is none
     */
    public OpenFile openSlave(int index, int flags) throws ErrnoException {
        Slot slot = find(index);
        if (slot == null) {
            throw dev.caisson.abi.Errno.EIO.error("no such pseudo-terminal");
        }
        return slot.opener.open(flags);
    }

    private int freeIndex() throws ErrnoException {
        int index = 0;
        while (slots.containsKey(index)) {
            index++;
        }
        if (index >= LIMIT) {
            throw ENOSPC.error("too many pseudo-terminals");
        }
        return index;
    }

    /**
     * Takes the name of a terminal away; its open files stay.
     *
     * @param terminal the terminal
     */
    public void remove(TerminalCore terminal) {
        synchronized (slots) {
            slots.values().removeIf(slot -> slot.terminal == terminal);
        }
    }

    Slot find(int index) {
        synchronized (slots) {
            return slots.get(index);
        }
    }

    List<Slot> all() {
        synchronized (slots) {
            return new ArrayList<>(slots.values());
        }
    }
}
