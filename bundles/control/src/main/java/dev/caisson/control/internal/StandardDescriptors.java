package dev.caisson.control.internal;

import dev.caisson.abi.ErrnoException;
import dev.caisson.fs.dev.SandboxDevices;
import dev.caisson.fs.dev.stdio.HostStdio;
import dev.caisson.kernel.GuestProcess;
import dev.caisson.kernel.Kernel;
import dev.caisson.vfs.FdTable;
import dev.caisson.vfs.FileDescription;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The program's descriptors 0, 1 and 2: this process' own. */
final class StandardDescriptors implements AutoCloseable {
    private static final int STREAMS = 3;

    private static final Logger log = LoggerFactory.getLogger(StandardDescriptors.class);

    private final FdTable table;
    private final HostStdio streams;

    private StandardDescriptors(FdTable table, HostStdio streams) {
        this.table = table;
        this.streams = streams;
    }

    static StandardDescriptors open(Kernel kernel, SandboxDevices devices, BootCaller root) throws ErrnoException {
        HostStdio streams = HostStdio.open(kernel.vfs(), devices, kernel.hostEvents(), kernel.memoryFile(), root.fs());
        FdTable table = new FdTable();
        for (int fd = 0; fd < STREAMS; fd++) {
            int reserved = table.reserve(false); // in order from 0
            FileDescription description = streams.description(fd);
            if (description != null) {
                table.fill(reserved, description);
            }
        }
        for (int fd = 0; fd < STREAMS; fd++) {
            if (table.peek(fd) == null) {
                table.unreserve(fd);
            }
        }
        return new StandardDescriptors(table, streams);
    }

    /** {@return the table to start with; it belongs to the program} */
    FdTable table() {
        return table;
    }

    /**
     * Makes the caller's terminal, if there is one, that of the first program's session, with the program in the foreground: who never
     * touches the terminal gets its signals too.
     */
    void control(GuestProcess init) {
        if (streams.terminal() != null) {
            try {
                streams.terminal().control(init.session(), init.group());
            } catch (ErrnoException e) {
                log.warn("the program has no controlling terminal: {}", e.getMessage());
            }
        }
    }

    /** The process is about to stop: the terminal gets back what it had. */
    void suspend() {
        streams.suspend();
    }

    void resume() {
        streams.resume();
    }

    @Override
    public void close() {
        streams.close();
    }
}
