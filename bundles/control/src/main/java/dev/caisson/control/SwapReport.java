package dev.caisson.control;

/**
 * What a change of provider did.
 *
 * @param kind which part of the sandbox
 * @param from name of the provider before
 * @param to name of the provider now
 * @param pauseNs how long the programs stood still, in nanoseconds; 0 when nothing had to stop
 */
public record SwapReport(ProviderKind kind, String from, String to, long pauseNs) {}
