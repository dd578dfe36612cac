package dev.caisson.gofer;

import dev.caisson.host.HostFile;
import dev.caisson.host.HostProcess;
import dev.caisson.host.HostSignal;

/**
 * A gofer that this process started.
 *
 * @param process its process id
 * @param socket a connected UNIX socket, to talk 9P over; the caller's to close
 */
public record GoferProcess(int process, int socket) implements AutoCloseable {
    private static final int ALL_CHILDREN = 0x4000_0000;
    private static final int SIGKILL = 9;
    private static final long EINTR = -4;

    /** Waits until it has ended, which it does by itself when its socket is closed, and forgets it. */
    public void await() {
        long result;
        do {
            result = HostProcess.await(process, 0, ALL_CHILDREN); // __WALL: it sends no signal at its end
        } while (result == EINTR);
    }

    /** Ends it at once. */
    public void kill() {
        HostSignal.kill(process, SIGKILL);
    }

    /** Closes the socket and ends the process. It has nothing to finish: what it answered is the host's. */
    @Override
    public void close() {
        HostFile.close(socket);
        kill();
        await();
    }
}
