package dev.caisson.cli.oci;

import com.grack.nanojson.JsonObject;
import dev.caisson.control.SandboxException;
import dev.caisson.control.lifecycle.ContainerServer;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostPty;
import dev.caisson.oci.runtime.ContainerException;
import dev.caisson.oci.spec.OciConfigException;
import dev.caisson.oci.spec.OciProcess;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads a sandbox' command lines for {@link ExecProgram}, which cannot. A request with {@code "line"} has a {@link Letter} as its first descriptor. If
 * its words have {@code --process}, the second descriptor is that file. What the process of the host is to be called is left in the letter. All other
 * requests are handed on as they are.
 */
final class LineRequests implements ContainerServer.Service {
    private final ContainerServer.Service next;

    /**
     * In front of another service.
     *
     * @param next answers requests without lines
     */
    LineRequests(ContainerServer.Service next) {
        this.next = next;
    }

    @Override
    public ContainerServer.Reply answer(JsonObject request, List<Integer> descriptors) throws SandboxException {
        if (!request.getBoolean("line", false)) {
            return next.answer(request, descriptors);
        }
        List<Integer> left = new ArrayList<>(descriptors);
        int file = -1;
        try {
            if (left.isEmpty()) {
                throw new SandboxException("a line comes in a file", null);
            }
            file = left.removeFirst();
            Letter letter = Letter.read(file);
            OciLine line = OciLine.parse(letter.words());
            if (line == null || !line.command().equals("exec") || line.isHelp()) {
                throw new SandboxException("only exec comes as a line", null);
            }
            JsonObject execute = ExecCommand.request(line, line.value("--process", "").isEmpty() ? null : process(left));
            execute.put("id", line.id());
            execute.put("companion", letter.pid());
            execute.put("foreground", !line.has("--detach"));
            if (execute.has("process")) {
                checkTerminal(OciProcess.parse(execute.getString("process")), line.has("--detach"), left);
            }
            String title = ExecCommand.title(execute);
            List<Integer> streams = left;
            left = List.of();
            ContainerServer.Reply reply = next.answer(execute, streams);
            letter.clear();
            letter.write(Letter.TITLE, title);
            return reply;
        } catch (ContainerException | OciConfigException | IOException e) {
            throw new SandboxException(e.getMessage(), e);
        } finally {
            left.forEach(HostFile::close);
            if (file >= 0) {
                HostFile.close(file);
            }
        }
    }

    private static void checkTerminal(OciProcess process, boolean isDetached, List<Integer> streams) throws SandboxException {
        if (!process.terminal() || streams.isEmpty()) {
            return;
        }
        if (!isDetached && !HostFile.isTerminal(streams.getFirst())) {
            throw new SandboxException("provided file is not a console", null);
        }
        if (isDetached && process.consoleSize() != null) {
            HostPty.resize(streams.getFirst(), process.consoleSize().height(), process.consoleSize().width());
        }
    }

    private static String process(List<Integer> descriptors) throws SandboxException, IOException {
        if (descriptors.isEmpty()) {
            throw new SandboxException("the file of --process did not come along", null);
        }
        int file = descriptors.removeFirst();
        try {
            return new String(Letter.bytes(file), StandardCharsets.UTF_8);
        } finally {
            HostFile.close(file);
        }
    }
}
