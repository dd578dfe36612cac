package dev.caisson.memory;

/** The resource limits that count for an address space, setrlimit(2), in bytes; -1 is no limit. Read at each check. */
public interface MemoryLimits {
    /** No limits but a stack of 8 MiB. */
    MemoryLimits DEFAULT = new MemoryLimits() {};

    /** {@return RLIMIT_AS} */
    default long addressSpaceBytes() {
        return -1;
    }

    /** {@return RLIMIT_DATA} */
    default long dataBytes() {
        return -1;
    }

    /** {@return RLIMIT_STACK} */
    default long stackBytes() {
        return 8L << 20;
    }

    /** {@return RLIMIT_MEMLOCK} */
    default long lockedBytes() {
        return 8L << 20;
    }

    /** {@return whether CAP_IPC_LOCK lifts RLIMIT_MEMLOCK} */
    default boolean mayLockAnything() {
        return false;
    }
}
