package dev.caisson.cli;

import com.grack.nanojson.JsonObject;
import dev.caisson.cli.oci.RunningContainer;
import dev.caisson.control.SandboxException;
import dev.caisson.control.remote.ControlClient;
import dev.caisson.control.remote.RuntimeDirectory;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;

/** {@code caisson diff}. The bytes come over the control socket, so that a sandbox needs no right to files of its caller. */
final class DiffCommand {
    /** The sandbox may have to start its container first, and to look through many directories. */
    private static final long TIMEOUT_MS = 60_000;
    private static final Map<String, String> REQUEST = Map.of("command", "diff");

    /** Who gives the changes. */
    private interface Exporter {
        /** Writes them; null when there is no such sandbox. */
        JsonObject write(OutputStream target) throws IOException;
    }

    private DiffCommand() {}

    static int run(Command.Diff command) throws SandboxException {
        try {
            RuntimeDirectory directory = RuntimeDirectory.of(command.root());
            RunningContainer container = RunningContainer.find(command.root(), command.id());
            Exporter exporter = container != null ? container::diff
                    : target -> new ControlClient(directory, TIMEOUT_MS).stream(command.id(), REQUEST, target);
            JsonObject result = command.output() == null ? toStandardOutput(exporter) : toFile(exporter, command.output());
            if (result == null) {
                throw ControlCommands.missing(directory, command.id());
            }
            if (result.getLong("skipped") > 0) {
                System.err.println("caisson: " + result.getLong("skipped") + " files are not in the layer: sockets, names that no layer can have, "
                        + "or what went away meanwhile");
            }
            return 0;
        } catch (IOException | IllegalArgumentException e) {
            throw new SandboxException(e.getMessage(), e);
        }
    }

    private static JsonObject toStandardOutput(Exporter exporter) throws IOException {
        if (isTerminal()) {
            throw new IOException("an archive is nothing for a terminal; name a file with -o, or redirect the output");
        }
        try (OutputStream target = new FileOutputStream(FileDescriptor.out)) {
            return exporter.write(target);
        }
    }

    private static boolean isTerminal() throws IOException {
        Path target = Files.readSymbolicLink(Path.of("/proc/self/fd/1"));
        return target.startsWith("/dev/pts") || target.startsWith("/dev/tty") || target.startsWith("/dev/console");
    }

    /** A file that is there is replaced when all has come, and not before. */
    private static JsonObject toFile(Exporter exporter, Path file) throws IOException {
        if (Files.exists(file) && !Files.isRegularFile(file)) {
            try (OutputStream target = new FileOutputStream(file.toFile())) {
                return exporter.write(target);
            }
        }
        Path part = file.resolveSibling(file.getFileName() + "." + ProcessHandle.current().pid() + ".part");
        JsonObject result = null;
        try {
            try (OutputStream target = new FileOutputStream(part.toFile())) {
                result = exporter.write(target);
            }
            if (result != null) {
                Files.move(part, file, StandardCopyOption.REPLACE_EXISTING);
            }
            return result;
        } finally {
            if (result == null) {
                Files.deleteIfExists(part);
            }
        }
    }
}
