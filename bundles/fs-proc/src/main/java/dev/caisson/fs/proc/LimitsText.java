package dev.caisson.fs.proc;

import dev.caisson.abi.Resource;
import dev.caisson.kernel.ResourceLimits;

/** /proc/PID/limits. */
final class LimitsText {
    private static final String[][] ROWS = {{"Max cpu time", "seconds"}, {"Max file size", "bytes"}, {"Max data size", "bytes"},
        {"Max stack size", "bytes"}, {"Max core file size", "bytes"}, {"Max resident set", "bytes"}, {"Max processes", "processes"},
        {"Max open files", "files"}, {"Max locked memory", "bytes"}, {"Max address space", "bytes"}, {"Max file locks", "locks"},
        {"Max pending signals", "signals"}, {"Max msgqueue size", "bytes"}, {"Max nice priority", ""}, {"Max realtime priority", ""},
        {"Max realtime timeout", "us"}};

    private LimitsText() {}

    static String of(ResourceLimits limits) {
        StringBuilder text = new StringBuilder(1500);
        text.append(String.format("%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units"));
        for (int i = 0; i < ROWS.length; i++) {
            ResourceLimits.Limit limit = limits.get(i);
            text.append(String.format("%-25s %-20s %-20s %-10s\n", ROWS[i][0], number(limit.soft()), number(limit.hard()), ROWS[i][1]));
        }
        return text.toString();
    }

    private static String number(long value) {
        return value == Resource.RLIM_INFINITY ? "unlimited" : Long.toUnsignedString(value);
    }
}
