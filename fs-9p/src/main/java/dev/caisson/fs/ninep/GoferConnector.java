package dev.caisson.fs.ninep;

import static dev.caisson.abi.Errno.EAGAIN;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EIO;

import dev.caisson.abi.ErrnoException;
import dev.caisson.gofer.GoferLauncher;
import dev.caisson.gofer.GoferPlan;
import dev.caisson.gofer.GoferProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Starts a gofer of Caisson's own over a directory of the host, as a child process in namespaces of its own where that may be. It ends with
 * the connection; a new one is started when that is lost.
 */
final class GoferConnector implements Connector {
    /** The name of the one tree. */
    static final String TREE = "root";
    private static final long REAP_MS = 5_000;

    private static final Logger log = LoggerFactory.getLogger(GoferConnector.class);

    private final String directory;
    private final boolean isReadOnly;
    private GoferProcess last;
    private boolean isClosed;

    /**
     * Names a tree.
     *
     * @param directory absolute path on the host
     * @param isReadOnly whether the gofer refuses changes
     */
    GoferConnector(String directory, boolean isReadOnly) throws ErrnoException {
        if (!directory.startsWith("/") || !Files.isDirectory(Path.of(directory))) {
            throw EINVAL.error("no directory of the host for a gofer");
        }
        this.directory = directory;
        this.isReadOnly = isReadOnly;
    }

    @Override
    public boolean isLasting() {
        return true;
    }

    @Override
    public synchronized int connect() throws ErrnoException {
        if (isClosed) {
            throw EIO.error("unmounted");
        }
        endLast(); // its connection is lost, so it has nothing left to do
        String home = System.getProperty("caisson.home");
        try {
            GoferProcess started = GoferLauncher.spawn(List.of(new GoferPlan.Tree(TREE, directory, isReadOnly)),
                    home == null ? null : Path.of(home));
            last = started;
            log.debug("started a gofer: pid={} directory={}", started.process(), directory);
            return started.socket();
        } catch (IOException e) {
            log.error("a gofer cannot be started: directory={} {}", directory, e.getMessage());
            throw EAGAIN.error("a gofer cannot be started");
        }
    }

    @Override
    public synchronized void close() {
        isClosed = true;
        endLast();
    }

    private void endLast() {
        GoferProcess process = last;
        last = null;
        if (process == null) {
            return;
        }
        process.kill();
        Thread reaper = Thread.ofPlatform().daemon().name("gofer-reaper").start(process::await);
        try {
            reaper.join(REAP_MS); // one whose disk does not answer ends when that does, whatever it was told
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public String toString() {
        return "gofer,source=" + directory;
    }
}
