package dev.caisson.control;

import dev.caisson.kernel.Kernel;
import java.util.Map;
import org.osgi.annotation.versioning.ProviderType;

/** A sandbox that was started: one kernel and the programs in it. Safe for use by many threads. */
@ProviderType
public interface Sandbox extends AutoCloseable {
    /** {@return its number in this process, from 1} */
    int id();

    /** {@return its name for other commands: the specification's, or one made of the process id} */
    String name();

    /** {@return what it was made from} */
    SandboxSpec spec();

    /** {@return the names of the providers it uses now} */
    Map<ProviderKind, String> providers();

    /** {@return its kernel} */
    Kernel kernel();

    /** {@return whether its first program still runs} */
    boolean isRunning();

    /**
     * Waits until the first program has ended; the others are killed then.
     *
     * @return its exit status, or 128 plus the number of the signal that killed it
     * @throws InterruptedException when the calling thread is interrupted
     */
    int awaitExit() throws InterruptedException;

    /**
     * Sends a signal to the first program, as if the program had been started without a sandbox.
     *
     * @param signal number
     */
    void signal(int signal);

    /**
     * Sets what is done when another process wants a change before a {@link SandboxService} has taken the sandbox over.
     *
     * @param action brings the service; it must not wait for it
     */
    void onChangeWanted(Runnable action);

    /**
     * Passes signals that this process gets from now on to the guests: terminal-generated ones to the foreground process group, others to
     * the first program; and stops this process when the first program stops. For a process that is this one sandbox.
     */
    void takeSignals();

    /** Kills what still runs and releases everything. */
    @Override
    void close();
}
