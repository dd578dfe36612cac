package dev.caisson.control.lifecycle;

import dev.caisson.abi.ErrnoException;
import dev.caisson.control.container.ContainerStdio;
import dev.caisson.fs.dev.SandboxDevices;
import dev.caisson.fs.dev.stdio.HostStdio;
import dev.caisson.host.HostFile;
import dev.caisson.kernel.GuestProcess;
import dev.caisson.kernel.Kernel;
import dev.caisson.vfs.FdTable;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.FsContext;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Descriptors of this process that a process of the guest starts with, in order from 0: this process' own streams, or what another process
 * has sent.
 */
public final class PassedStdio implements ContainerStdio {
    private static final Logger log = LoggerFactory.getLogger(PassedStdio.class);

    private final int[] sources;
    private final boolean isOwn;
    /** Guarded by this; null before the process has them, and when all is over. */
    private HostStdio streams;
    private boolean isClosed;

    /**
     * Takes descriptors over.
     *
     * @param sources the descriptors, for 0, 1, 2 and further ones
     * @param isOwn whether they are this process' own, which stay open; others are closed with this object
     */
    public PassedStdio(List<Integer> sources, boolean isOwn) {
        this.sources = sources.stream().mapToInt(Integer::intValue).toArray();
        this.isOwn = isOwn;
    }

    @Override
    public synchronized FdTable table(Kernel kernel, SandboxDevices devices, FsContext fs) throws ErrnoException {
        streams = HostStdio.open(kernel.vfs(), devices, kernel.hostEvents(), kernel.memoryFile(), fs, sources, isOwn);
        FdTable table = new FdTable();
        for (int fd = 0; fd < sources.length; fd++) {
            int reserved = table.reserve(false); // in order from 0
            FileDescription description = streams.description(fd);
            if (description != null) {
                table.fill(reserved, description);
            }
        }
        for (int fd = 0; fd < sources.length; fd++) {
            if (table.peek(fd) == null) {
                table.unreserve(fd);
            }
        }
        return table;
    }

    @Override
    public synchronized void control(GuestProcess process) {
        if (streams != null && streams.terminal() != null) {
            try {
                streams.terminal().control(process.session(), process.group());
            } catch (ErrnoException e) {
                log.warn("the program has no controlling terminal: {}", e.getMessage());
            }
        }
    }

    /** Closes what the process does not have open itself. */
    @Override
    public synchronized void close() {
        if (isClosed) {
            return;
        }
        isClosed = true;
        if (streams != null) {
            streams.close();
            streams = null;
        } else if (!isOwn) {
            for (int source : sources) {
                HostFile.close(source);
            }
        }
    }
}
