package dev.caisson.vfs;

/**
 * Who gets SIGIO and SIGURG of a file: fcntl(2) F_SETOWN, F_SETOWN_EX, F_SETSIG.
 *
 * @param type F_OWNER_TID (0), F_OWNER_PID (1), F_OWNER_PGRP (2)
 * @param id a task, process or process group id as the setter's pid namespace numbers it; 0 for nobody
 * @param signal signal to send; 0 means SIGIO without details
 * @param uid real user of the setter
 * @param euid effective user of the setter
 * @param target the kernel's object that {@code id} named, or null
 */
public record FileOwner(int type, int id, int signal, int uid, int euid, Object target) {
    /** Nobody. */
    public static final FileOwner NONE = new FileOwner(1, 0, 0, 0, 0, null);

    /**
     * The same owner with another signal.
     *
     * @param newSignal signal number, or 0
     * @return the changed value
     */
    public FileOwner withSignal(int newSignal) {
        return new FileOwner(type, id, newSignal, uid, euid, target);
    }
}
