package dev.caisson.kernel.futex;

import dev.caisson.kernel.Task;

/** A PI futex that somebody waits for. Guarded by the bucket of its key. */
final class PiState {
    /** The owner; null when it died and nobody took over. */
    Task owner;

    PiState(Task owner) {
        this.owner = owner;
    }
}
