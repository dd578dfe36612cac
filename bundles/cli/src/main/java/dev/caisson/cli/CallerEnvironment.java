package dev.caisson.cli;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The environment as bin/caisson got it. The shell that runs the script sorts it as it likes, and drops what is no shell variable; so the
 * script puts the original into one more variable: an entry per line, newlines as bytes 1.
 */
final class CallerEnvironment {
    private static final String LISTING = "CAISSON_ENVIRONMENT=";
    private static final String SIGNAL = "_JAVA_SR_SIGNUM=";

    private CallerEnvironment() {}

    /**
     * Undoes what bin/caisson and its shell did.
     *
     * @param own the environment of this process
     * @return entries in their original order; without the listing, those of this process
     */
    static List<String> original(List<String> own) {
        List<String> rest = new ArrayList<>(own);
        rest.removeIf(entry -> entry.startsWith(SIGNAL));
        int at = 0;
        while (at < rest.size() && !rest.get(at).startsWith(LISTING)) {
            at++;
        }
        if (at == rest.size()) {
            return rest;
        }
        String listing = rest.remove(at).substring(LISTING.length());
        Set<String> exact = new HashSet<>(rest);
        List<String> all = new ArrayList<>();
        for (String line : listing.split("\n")) {
            // A byte 1 is a newline, unless the shell handed on an entry that has it.
            all.add(exact.contains(line) ? line : line.replace('\1', '\n'));
        }
        return all;
    }
}
