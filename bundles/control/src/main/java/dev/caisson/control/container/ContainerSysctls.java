package dev.caisson.control.container;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.control.SandboxException;
import dev.caisson.control.internal.BootCaller;
import dev.caisson.kernel.HeldProcess;
import dev.caisson.kernel.Kernel;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.MountRequest;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.Mount;
import dev.caisson.vfs.MountNamespace;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;

/** Sets kernel parameters as a process of the container would, through a proc that is mounted nowhere. */
final class ContainerSysctls {
    private final Kernel kernel;
    private final Map<String, String> values;

    ContainerSysctls(Kernel kernel, Map<String, String> values) {
        this.kernel = kernel;
        this.values = new TreeMap<>(values);
    }

    /**
     * Sets them.
     *
     * @param process whose namespaces count
     * @throws SandboxException for one that is not there, cannot be set, or not to that value
     */
    void apply(HeldProcess process) throws SandboxException {
        if (values.isEmpty()) {
            return;
        }
        String current = "";
        try {
            Mount proc = MountNamespace.detached(kernel.fileSystems().find("proc")
                    .mount(new MountRequest("proc", 0, Map.of(), Credentials.ROOT)), "proc", 0);
            try {
                BootCaller caller = new BootCaller(process.process().leader().fs(), Credentials.ROOT);
                for (Map.Entry<String, String> each : values.entrySet()) {
                    current = each.getKey();
                    String path = "sys/" + (current.indexOf('/') >= 0 ? current : current.replace('.', '/'));
                    process.asRoot(() -> {
                        write(caller, new Location(proc, proc.root()), path, each.getValue());
                        return null;
                    });
                }
            } finally {
                MountNamespace.dissolve(proc);
            }
        } catch (ErrnoException e) {
            boolean isMissing = e.errno() == Errno.ENOENT || e.errno() == Errno.ENOTDIR;
            throw new SandboxException("linux.sysctl: " + (isMissing ? "this kernel has no parameter " + current
                    : "this kernel's " + current + " does not take \"" + values.get(current) + "\" (" + e.errno() + ")"), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SandboxException("interrupted", e);
        }
    }

    private void write(BootCaller caller, Location top, String path, String value) throws ErrnoException {
        FileDescription file = kernel.vfs().open(caller, top, path, Fcntl.O_WRONLY, 0, 0);
        try (Arena arena = Arena.ofConfined()) {
            byte[] bytes = (value + "\n").getBytes(StandardCharsets.UTF_8);
            MemorySegment segment = arena.allocate(bytes.length);
            MemorySegment.copy(MemorySegment.ofArray(bytes), 0, segment, 0, bytes.length);
            file.write(IoBuffer.of(segment), caller);
        } finally {
            file.release();
        }
    }
}
