package dev.caisson.control;

import java.util.List;

/**
 * What a change of provider did.
 *
 * @param kind which part of the sandbox
 * @param from name of the provider before
 * @param to name of the provider now
 * @param pauseNs how long the programs stood still, in nanoseconds; 0 when nothing had to stop
 * @param stayed of a filesystem: files that stay with the old provider until they are closed; a line each with path, who has it open, and why
 */
public record SwapReport(ProviderKind kind, String from, String to, long pauseNs, List<String> stayed) {
    /** Copies the list. */
    public SwapReport {
        stayed = List.copyOf(stayed);
    }

    /**
     * A change after which nothing stayed.
     *
     * @param kind which part of the sandbox
     * @param from name of the provider before
     * @param to name of the provider now
     * @param pauseNs how long the programs stood still
     */
    public SwapReport(ProviderKind kind, String from, String to, long pauseNs) {
        this(kind, from, to, pauseNs, List.of());
    }
}
