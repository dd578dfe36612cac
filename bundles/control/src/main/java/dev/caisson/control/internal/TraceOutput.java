package dev.caisson.control.internal;

import dev.caisson.control.SandboxException;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;

/** Where the lines of {@code --strace} go: one write each, so that those of several threads do not mix. */
final class TraceOutput implements Consumer<String>, AutoCloseable {
    private final OutputStream out;
    private final boolean isOwned;

    private TraceOutput(OutputStream out, boolean isOwned) {
        this.out = out;
        this.isOwned = isOwned;
    }

    /**
     * Opens a target.
     *
     * @param target null, "-" for standard error, or a path on the host
     * @return the output, or null
     * @throws SandboxException when the file cannot be written
     */
    static TraceOutput open(String target) throws SandboxException {
        if (target == null) {
            return null;
        }
        if (target.equals("-")) {
            return new TraceOutput(new FileOutputStream(FileDescriptor.err), false);
        }
        try {
            byte[] raw = target.getBytes(StandardCharsets.ISO_8859_1);
            return new TraceOutput(new FileOutputStream(new String(raw, StandardCharsets.UTF_8)), true);
        } catch (IOException e) {
            throw new SandboxException("cannot write the trace: " + e.getMessage() + "; give --strace=FILE another file", e);
        }
    }

    @Override
    public synchronized void accept(String line) {
        try {
            out.write((line + "\n").getBytes(StandardCharsets.ISO_8859_1));
        } catch (IOException e) {
            // The reader of standard error has gone, or the disk is full: the program must not suffer from being watched.
        }
    }

    @Override
    public void close() {
        try {
            if (isOwned) {
                out.close();
            }
        } catch (IOException e) {
            // Nothing is buffered.
        }
    }
}
