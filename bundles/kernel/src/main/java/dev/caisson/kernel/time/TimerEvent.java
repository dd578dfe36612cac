package dev.caisson.kernel.time;

import dev.caisson.kernel.signal.SignalState;

/**
 * What a POSIX timer does when it expires.
 *
 * @param signal signal number; 0 for SIGEV_NONE
 * @param value {@code sigev_value}; null for the timer's id
 * @param thread the thread to signal, null for the process
 * @param notification {@code SIGEV_*}, as /proc/PID/timers shows it
 */
public record TimerEvent(int signal, Long value, SignalState thread, int notification) {}
