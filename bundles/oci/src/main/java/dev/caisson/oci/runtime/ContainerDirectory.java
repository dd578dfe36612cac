package dev.caisson.oci.runtime;

import com.grack.nanojson.JsonParser;
import com.grack.nanojson.JsonParserException;
import com.grack.nanojson.JsonWriter;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Set;

/**
 * The directory of one container.
 *
 * @param path {@code ROOT/ID}
 */
public record ContainerDirectory(Path path) {
    private static final String STATE = "state.json";
    private static final String LOCK = "lock";
    /** The file that has the wait status of a sandbox that ended without a word. */
    public static final String LOST = "lost";
    private static final Set<StandardOpenOption> LOCK_OPTIONS = Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE);

    /** {@return the container's name} */
    public String id() {
        return path.getFileName().toString();
    }

    /**
     * Takes the lock that says that the container's sandbox lives. This process has it until it ends or the channel is closed; it must not
     * open the file a second time.
     *
     * @return what holds it, or null when another process does
     * @throws IOException when the file cannot be made
     */
    public FileChannel lock() throws IOException {
        FileChannel channel = FileChannel.open(path.resolve(LOCK), LOCK_OPTIONS);
        try {
            if (channel.tryLock() != null) {
                return channel;
            }
        } catch (OverlappingFileLockException e) {
            throw new IllegalStateException("this process has the lock", e);
        }
        channel.close();
        return null;
    }

    /** {@return whether neither a state nor a sandbox is there: somebody was killed while he made the container} */
    boolean isAbandoned() throws IOException {
        if (Files.exists(path.resolve(STATE))) {
            return false;
        }
        try (FileChannel lock = lock()) {
            return lock != null;
        }
    }

    /**
     * Writes what is known; readers see the old state or the new one.
     *
     * @param state the state
     * @throws IOException when that fails
     */
    public void write(ContainerState state) throws IOException {
        Path next = path.resolve(STATE + ".new");
        Files.writeString(next, JsonWriter.string(state.toFile()));
        Files.move(next, path.resolve(STATE), StandardCopyOption.ATOMIC_MOVE);
    }

    /**
     * Reads what holds now: a container whose sandbox is gone has stopped, whatever it wrote last.
     *
     * @return the state
     * @throws ContainerException when there is no such container, or nothing that can be read
     */
    public ContainerState state() throws ContainerException {
        try {
            String text = Files.readString(path.resolve(STATE), StandardCharsets.UTF_8);
            ContainerState state = ContainerState.ofFile(JsonParser.object().from(text));
            return state.status() == Status.STOPPED || state.isAlive() ? state
                    : state.with(Status.STOPPED, state.waitStatus() == ContainerState.NONE ? lostStatus() : state.waitStatus());
        } catch (NoSuchFileException e) {
            throw new ContainerException("container does not exist: " + id(), e);
        } catch (IOException | JsonParserException | RuntimeException e) {
            throw new ContainerException("cannot read " + path.resolve(STATE) + ": " + e.getMessage(), e);
        }
    }

    /** How the sandbox ended, if what stood for it has noted that: its programs' own ends are lost with it. */
    private int lostStatus() {
        try {
            return Integer.parseInt(Files.readString(path.resolve(LOST), StandardCharsets.ISO_8859_1).strip());
        } catch (IOException | NumberFormatException e) {
            return ContainerState.NONE;
        }
    }

    /**
     * Removes the directory with all that is in it; of what vanishes meanwhile nobody hears.
     *
     * @throws IOException when something cannot be removed
     */
    public void delete() throws IOException {
        if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        Files.walkFileTree(path, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.deleteIfExists(file);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException e) throws IOException {
                if (e instanceof NoSuchFileException) {
                    return FileVisitResult.CONTINUE;
                }
                throw e;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path directory, IOException e) throws IOException {
                Files.deleteIfExists(directory);
                return FileVisitResult.CONTINUE;
            }
        });
    }
}
