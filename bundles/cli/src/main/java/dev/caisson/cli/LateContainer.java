package dev.caisson.cli;

import dev.caisson.cli.boot.BootParts;
import dev.caisson.cli.boot.BootServices;
import dev.caisson.control.SandboxException;
import dev.caisson.control.SandboxService;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings up what a program does not need to run, in a while: a short one never pays for it. That is the container for a sandbox which
 * was started before it, and for all the file watcher and the operators' commands.
 */
final class LateContainer implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(LateContainer.class);
    private static final long DELAY_MS = 2000;

    /** What is brought up. */
    private interface Step {
        void run() throws SandboxException;
    }

    private final CountDownLatch due = new CountDownLatch(1);
    private volatile boolean isClosed;
    private volatile Path storage;

    private LateContainer(Path storage) {
        this.storage = storage;
    }

    /**
     * For a sandbox that has no container yet.
     *
     * @param home where the bundles are
     * @param parts the sandbox
     * @return to be closed when the sandbox ends
     */
    static LateContainer adopting(Home home, BootParts parts) {
        LateContainer late = new LateContainer(null);
        parts.sandbox().onChangeWanted(late::hurry);
        late.start(() -> {
            Path made = StorageDirectory.make();
            late.storage = made;
            Container container = Container.start(home, made, false, new BootServices(parts));
            container.service(SandboxService.class).adopt(parts.sandbox());
            container.startManagement();
            log.info("the container is up and has the sandbox");
        });
        return late;
    }

    /**
     * For a container that runs.
     *
     * @param container started up to the programs
     * @param storage its directory
     * @return to be closed when the sandbox ends
     */
    static LateContainer of(Container container, Path storage) {
        LateContainer late = new LateContainer(storage);
        late.start(container::startManagement);
        return late;
    }

    private void start(Step step) {
        Thread thread = new Thread(() -> {
            try {
                due.await(DELAY_MS, TimeUnit.MILLISECONDS);
                if (!isClosed) {
                    step.run();
                }
            } catch (SandboxException e) {
                if (!isClosed) {
                    log.error("the program runs on without a container, so nothing of it can be changed: {}", e.getMessage(), e);
                }
            } catch (RuntimeException e) {
                if (!isClosed) { // its directory goes away below it then
                    throw e;
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt(); // nobody does that; as if closed
            }
        }, "container");
        thread.setDaemon(true);
        thread.start();
    }

    /** Somebody wants it now. */
    void hurry() {
        due.countDown();
    }

    /** The framework is not stopped in order: the process ends. */
    @Override
    public void close() {
        isClosed = true;
        FrameworkLog.silence();
        due.countDown();
        if (storage != null) {
            StorageDirectory.delete(storage);
        }
    }
}
