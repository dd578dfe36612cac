package dev.caisson.oci.runtime;

import dev.caisson.oci.spec.OciHooks.Hook;
import java.nio.charset.StandardCharsets;

/**
 * How a hook ended.
 *
 * @param hook which
 * @param waitStatus as wait(2) tells it, or {@link #LATE}
 * @param output what it has written, as far as it is told
 */
public record HookResult(Hook hook, int waitStatus, byte[] output) {
    /** It took too long and was killed. */
    public static final int LATE = -1;
    /** More output is not told. */
    public static final int MOST_OUTPUT_BYTES = 512;

    /** {@return what failed, in one line; null when nothing did} */
    public String failure() {
        if (waitStatus == 0) {
            return null;
        }
        String said = new String(output, StandardCharsets.UTF_8).strip().replaceAll("\\p{Cntrl}+", " ");
        int signal = waitStatus & 0x7f;
        return hook.path() + ": " + (waitStatus == LATE ? "did not end within " + hook.timeoutSeconds() + " s"
                : signal != 0 ? "killed by signal " + signal : "exit status " + (waitStatus >> 8)) + (said.isEmpty() ? "" : ", " + said);
    }
}
