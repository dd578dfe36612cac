package dev.caisson.kernel.ipc;

import static dev.caisson.abi.Errno.EEXIST;
import static dev.caisson.abi.Errno.EIDRM;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Errno.ENOSPC;
import static dev.caisson.abi.Ipc.IPC_CREAT;
import static dev.caisson.abi.Ipc.IPC_EXCL;
import static dev.caisson.abi.Ipc.IPC_PRIVATE;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.cred.Credentials;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntSupplier;

/**
 * The objects of one kind by identifier and key. An identifier is a slot number and, above it, a sequence number that changes with
 * every object, so that an old identifier does not find a new object.
 *
 * @param <T> the kind
 */
public final class IpcTable<T extends IpcObject> {
    /** Where a new object goes. */
    record Slot(int id, int sequence, int key) {}

    /** Makes an object for a slot. */
    @FunctionalInterface
    interface Maker<T> {
        T make(Slot slot) throws ErrnoException;
    }

    /** Checks that an object fits what was asked for. */
    @FunctionalInterface
    interface Check<T> {
        void check(T found) throws ErrnoException;
    }

    private static final int SLOT_BITS = 15;
    private static final int SLOT_MASK = (1 << SLOT_BITS) - 1;

    private final IntSupplier limit;
    private final List<T> slots = new ArrayList<>();
    private final Map<Integer, T> byKey = new HashMap<>();
    private int used;
    private int sequence;

    IpcTable(IntSupplier limit) {
        this.limit = limit;
    }

    /** The get calls: finds by key or makes a new object. */
    synchronized T get(int key, int flags, Credentials credentials, Check<T> check, Maker<T> maker) throws ErrnoException {
        T found = key == IPC_PRIVATE ? null : byKey.get(key);
        if (found != null) {
            if ((flags & IPC_CREAT) != 0 && (flags & IPC_EXCL) != 0) {
                throw EEXIST.error();
            }
            check.check(found);
            found.checkAccess(flags & 0777, credentials);
            return found;
        }
        if (key != IPC_PRIVATE && (flags & IPC_CREAT) == 0) {
            throw ENOENT.error();
        }
        return add(key, maker);
    }

    private T add(int key, Maker<T> maker) throws ErrnoException {
        if (used >= limit.getAsInt()) {
            throw ENOSPC.error();
        }
        int slot = slots.indexOf(null);
        if (slot < 0) {
            slot = slots.size();
        }
        int number = sequence & 0xffff;
        T made = maker.make(new Slot(number << SLOT_BITS & 0x7fffffff | slot, number, key));
        sequence = sequence + 1 & 0xffff;
        if (slot == slots.size()) {
            slots.add(made);
        } else {
            slots.set(slot, made);
        }
        if (key != IPC_PRIVATE) {
            byKey.put(key, made);
        }
        used++;
        return made;
    }

    /** Finds by identifier; EINVAL when there is none, EIDRM when the slot has another object by now. */
    synchronized T find(int id) throws ErrnoException {
        T found = id < 0 ? null : at(id & SLOT_MASK);
        if (found == null) {
            throw EINVAL.error();
        }
        if (found.id() != id) {
            throw EIDRM.error();
        }
        return found;
    }

    /** Finds by slot number, for the STAT commands of ipcs(1). */
    synchronized T findSlot(int slot) throws ErrnoException {
        T found = slot < 0 ? null : at(slot & SLOT_MASK);
        if (found == null) {
            throw EINVAL.error();
        }
        return found;
    }

    private T at(int slot) {
        return slot < slots.size() ? slots.get(slot) : null;
    }

    /** Takes an object's key away: it is found by identifier only. */
    synchronized void forgetKey(T object) {
        byKey.remove(object.key(), object);
        object.forgetKey();
    }

    synchronized void remove(T object) {
        int slot = object.id() & SLOT_MASK;
        if (at(slot) == object) {
            slots.set(slot, null);
            byKey.remove(object.key(), object);
            used--;
        }
    }

    /** {@return the objects in slot order, for /proc/sysvipc} */
    public synchronized List<T> all() {
        List<T> all = new ArrayList<>(used);
        for (T each : slots) {
            if (each != null) {
                all.add(each);
            }
        }
        return all;
    }

    synchronized int used() {
        return used;
    }

    /** The highest slot in use, which the INFO commands return; 0 when there is none. */
    synchronized int highestSlot() {
        for (int i = slots.size() - 1; i > 0; i--) {
            if (slots.get(i) != null) {
                return i;
            }
        }
        return 0;
    }
}
