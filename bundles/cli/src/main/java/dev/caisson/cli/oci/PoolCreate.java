package dev.caisson.cli.oci;

import com.grack.nanojson.JsonObject;
import dev.caisson.cli.Boot;
import dev.caisson.control.SandboxException;
import dev.caisson.control.lifecycle.ContainerServer;
import dev.caisson.host.HostFile;
import dev.caisson.oci.runtime.ContainerException;
import dev.caisson.oci.spec.OciConfigException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * {@code caisson create} by the {@link PoolKeeper}, whose Java runtime is there already, for a process that runs {@link ExecProgram}: that one has
 * made the process that will stand for the container, which has to be its own child. The keeper does what {@link PooledCommand} does, with its own
 * rights, which are those of the caller's user; so both must see the same host. With anything unusual the caller does it himself.
 */
final class PoolCreate {
    private static final List<String> NAMESPACES = List.of("mnt", "net", "pid", "user", "uts", "ipc", "cgroup");

    private PoolCreate() {}

    static ContainerServer.Reply answer(Pool pool, List<Integer> descriptors) throws SandboxException {
        List<Integer> left = new ArrayList<>(descriptors);
        int file = -1;
        int channel = -1;
        try {
            if (left.size() != 5) {
                throw new SandboxException("create comes with a line, a socket and three streams", null);
            }
            file = left.removeFirst();
            channel = left.removeFirst();
            Letter letter = Letter.read(file);
            checkCaller(letter.pid());
            OciLine line = OciLine.parse(letter.words());
            if (line == null || !line.command().equals("create") || line.isHelp() || line.path("--bundle") == null || line.path("--root") == null) {
                throw new SandboxException("not such a line", null);
            }
            MemberCommand command = PooledCommand.take(line, line.path("--bundle"), pool, Boot.home(), new MemberCommand.Caller(letter, channel, left));
            if (command == null) {
                throw new SandboxException("not for a sandbox of the pool", null);
            }
            command.run();
            JsonObject answer = new JsonObject();
            answer.put("pid", letter.pid());
            return ContainerServer.Reply.of(answer);
        } catch (ContainerException | OciConfigException | IOException e) {
            throw new SandboxException(e.getMessage(), e);
        } finally {
            left.forEach(HostFile::close);
            if (file >= 0) {
                HostFile.close(file);
                HostFile.close(channel);
            }
        }
    }

    /** Whether the other process is in the same namespaces and root as this one: so names mean the same. */
    private static void checkCaller(int pid) throws IOException, SandboxException {
        Path own = Path.of("/proc/self");
        Path theirs = Path.of("/proc/" + pid);
        boolean isSame = Files.isSameFile(own.resolve("root"), theirs.resolve("root")) && text(own, "uid_map").equals(text(theirs, "uid_map"))
                && Files.readSymbolicLink(theirs.resolve("exe")).equals(Boot.home().resolve("lib/exec").toRealPath());
        for (String each : NAMESPACES) {
            Path namespace = Path.of("ns", each);
            isSame = isSame && Files.readSymbolicLink(own.resolve(namespace)).equals(Files.readSymbolicLink(theirs.resolve(namespace)));
        }
        if (!isSame) {
            throw new SandboxException("the caller sees another host", null);
        }
    }

    /**
     * Whether another process is in the same control groups, below which lie those whose paths are not told from the top.
     *
     * @param pid its number
     * @return whether
     */
    static boolean isInOwnGroups(int pid) throws IOException {
        return text(Path.of("/proc/self"), "cgroup").equals(text(Path.of("/proc/" + pid), "cgroup"));
    }

    private static String text(Path process, String file) throws IOException {
        return Files.readString(process.resolve(file), StandardCharsets.ISO_8859_1);
    }
}
