package dev.caisson.oci.runtime;

import java.util.List;
import java.util.Locale;

/** Signals as people name them on a command line: {@code 9}, {@code KILL}, {@code SIGKILL}, {@code SIGRTMIN+3}. */
public final class SignalNames {
    /** By number on amd64 and arm64, signal(7). */
    private static final List<String> NAMES = List.of("", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV",
            "USR2", "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
            "WINCH", "IO", "PWR", "SYS");
    /** Those of the C library, which keeps two for itself. */
    private static final int RTMIN = 34;
    private static final int MOST = 64;

    private SignalNames() {}

    /** {@return the names of all signals that have one} */
    public static List<String> all() {
        return NAMES.subList(1, NAMES.size());
    }

    /**
     * Finds a signal.
     *
     * @param text name or number
     * @return its number, from 1 to 64
     * @throws IllegalArgumentException when there is none; the message says so
     */
    public static int number(String text) {
        String name = text.toUpperCase(Locale.ROOT);
        if (name.startsWith("SIG")) {
            name = name.substring(3);
        }
        int number = NAMES.indexOf(name);
        try {
            if (number <= 0) {
                number = switch (name) {
                    case "IOT" -> 6;
                    case "POLL" -> 29;
                    case "RTMIN" -> RTMIN;
                    case "RTMAX" -> MOST;
                    default -> name.startsWith("RTMIN+") ? RTMIN + Integer.parseInt(name.substring(6))
                            : name.startsWith("RTMAX-") ? MOST - Integer.parseInt(name.substring(6)) : Integer.parseInt(text);
                };
            }
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("unknown signal \"" + text + "\"; name one as TERM, SIGTERM or 15", e);
        }
        if (number < 1 || number > MOST) {
            throw new IllegalArgumentException("unknown signal \"" + text + "\"; numbers go from 1 to 64");
        }
        return number;
    }
}
