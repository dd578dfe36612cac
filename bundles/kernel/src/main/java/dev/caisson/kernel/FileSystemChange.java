package dev.caisson.kernel;

import java.util.List;

/**
 * What a change of filesystem under running programs did.
 *
 * @param pauseNs how long the programs stood still, in nanoseconds; attempts that were given up included
 * @param moved how many open files were opened again
 * @param stayed files that stay with the old filesystem until they are closed: path, who has it open, and why; one line each
 */
public record FileSystemChange(long pauseNs, int moved, List<String> stayed) {
    /** Copies the list. */
    public FileSystemChange {
        stayed = List.copyOf(stayed);
    }
}
