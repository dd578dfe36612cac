package dev.caisson.cli.oci;

import com.grack.nanojson.JsonObject;
import dev.caisson.control.SandboxException;
import dev.caisson.control.remote.ContainerClient;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** {@code caisson pool}: talks to the {@link PoolKeeper}, and starts it. */
public final class PoolControl {
    private static final long PATIENCE_MS = 310_000;
    private static final long START_PATIENCE_NS = 60_000_000_000L;
    private static final long STEP_MS = 20;

    private PoolControl() {}

    private static JsonObject ask(Pool pool, JsonObject request) throws IOException {
        return Files.exists(pool.keeper()) ? new ContainerClient(pool.keeper(), PATIENCE_MS).ask(request) : null;
    }

    /**
     * Fills the pool, and keeps it filled from now on.
     *
     * @param home of this installation
     * @param count how many sandboxes
     * @return one line about what there is
     * @throws SandboxException when they do not start
     */
    public static String start(Path home, int count) throws SandboxException {
        try {
            Pool pool = Pool.own();
            pool.make();
            if (ask(pool, OciCommands.request("status")) == null) {
                startKeeper(pool, home, count);
            }
            JsonObject request = OciCommands.request("start");
            request.put("count", count);
            return line(ask(pool, request));
        } catch (IOException e) {
            throw new SandboxException(e.getMessage(), e);
        }
    }

    private static void startKeeper(Pool pool, Path home, int count) throws IOException, SandboxException {
        File log = pool.path().resolve("keeper.log").toFile();
        Process keeper = new ProcessBuilder(home.resolve("bin/caisson").toString(), PoolKeeper.NAME, Integer.toString(count))
                .redirectInput(new File("/dev/null")).redirectOutput(log).redirectError(log).directory(new File("/")).start();
        long deadline = System.nanoTime() + START_PATIENCE_NS;
        while (ask(pool, OciCommands.request("status")) == null) {
            if (!keeper.isAlive() || System.nanoTime() > deadline) {
                throw new SandboxException("cannot start the pool's keeper: " + Files.readString(log.toPath(), StandardCharsets.ISO_8859_1).strip(), null);
            }
            pause();
        }
    }

    private static void pause() throws SandboxException {
        try {
            Thread.sleep(STEP_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SandboxException("interrupted", e);
        }
    }

    /**
     * Ends what nobody has taken, and the keeper.
     *
     * @return one line about what there was
     * @throws SandboxException when something does not end
     */
    public static String stop() throws SandboxException {
        try {
            Pool pool = Pool.own();
            JsonObject answer = ask(pool, OciCommands.request("stop"));
            if (answer == null) {
                boolean isThere = Files.isDirectory(pool.path());
                if (isThere) {
                    pool.make();
                    pool.clear(); // its keeper was killed
                    pool.remove();
                }
                return isThere ? "the keeper was not there any more; what it left is removed" : "there is no pool";
            }
            ProcessHandle keeper = ProcessHandle.of(answer.getLong("keeper")).orElse(null);
            while (keeper != null && keeper.isAlive()) {
                pause();
            }
            return "the pool is gone; " + answer.getInt("used") + " of its sandboxes are in use";
        } catch (IOException e) {
            throw new SandboxException(e.getMessage(), e);
        }
    }

    /** {@return one line about what there is} */
    public static String status() throws SandboxException {
        try {
            JsonObject answer = ask(Pool.own(), OciCommands.request("status"));
            return answer == null ? "there is no pool" : line(answer);
        } catch (IOException e) {
            throw new SandboxException(e.getMessage(), e);
        }
    }

    private static String line(JsonObject answer) throws SandboxException {
        if (answer == null) {
            throw new SandboxException("the pool's keeper has ended", null);
        }
        String failure = answer.getString("failure", "");
        return answer.getInt("free") + " of " + answer.getInt("wanted") + " sandboxes ready, " + answer.getInt("used") + " in use, kept by process "
                + answer.getLong("keeper") + (failure.isEmpty() ? "" : "; last failure: " + failure.replace('\n', ' '));
    }
}
