package dev.caisson.cli.oci;

import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonParser;
import com.grack.nanojson.JsonParserException;
import com.grack.nanojson.JsonWriter;
import dev.caisson.control.remote.ContainerClient;
import dev.caisson.control.remote.RuntimeDirectory;
import dev.caisson.host.HostCredentials;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostSocket;
import dev.caisson.oci.runtime.ContainerDirectory;
import dev.caisson.oci.runtime.ContainerStore;
import dev.caisson.oci.runtime.ProcessIdentity;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A user's started sandboxes without containers. Each has a directory with its socket and a note of what it is; where that directory is says whose
 * it is: {@code new/} while it starts, {@code free/}, and {@code used/} from the moment at which somebody took it by renaming. A name is moved by one
 * process only, so no sandbox is used twice. All lies in a directory that this user alone can enter, and who listens there must be this user.
 *
 * @param path the directory
 */
record Pool(Path path) {
    /** Names another directory, or says {@code off}. */
    static final String VARIABLE = "CAISSON_POOL";
    static final String NEW = "new", FREE = "free", USED = "used";
    private static final String NOTE = "member.json";
    private static final long PATIENCE_MS = 10_000;
    private static final long STEP_MS = 5;

    /**
     * A sandbox of the pool.
     *
     * @param directory its own
     * @param process the host's process that stands for it
     * @param sandbox its Java process
     * @param key of what it was made
     */
    record Member(Path directory, ProcessIdentity process, ProcessIdentity sandbox, String key) {
        Path socket() {
            return directory.resolve(ContainerStore.SOCKET);
        }

        boolean isAlive() {
            return process.isAlive() && sandbox.isAlive();
        }

        void write() throws IOException {
            JsonObject json = new JsonObject();
            json.put("process", process.pid());
            json.put("processStart", process.startTicks());
            json.put("sandbox", sandbox.pid());
            json.put("sandboxStart", sandbox.startTicks());
            json.put("key", key);
            Files.writeString(directory.resolve(NOTE), JsonWriter.string(json));
        }

        static Member read(Path directory) throws IOException {
            try {
                JsonObject json = JsonParser.object().from(Files.readString(directory.resolve(NOTE), StandardCharsets.UTF_8));
                return new Member(directory, new ProcessIdentity(json.getLong("process"), json.getLong("processStart")),
                        new ProcessIdentity(json.getLong("sandbox"), json.getLong("sandboxStart")), json.getString("key", ""));
            } catch (JsonParserException e) {
                throw new IOException(directory.resolve(NOTE) + " is no note of a sandbox", e);
            }
        }

        /** Whether the process that listens is of this user. */
        boolean isTrusted() {
            long socket = HostSocket.connectUnix(new String(socket().toString().getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1));
            if (socket < 0) {
                return false;
            }
            boolean isOwn = HostSocket.peerUser((int) socket) == HostCredentials.effectiveUser();
            HostFile.close((int) socket);
            return isOwn;
        }

        /**
         * Ends it, waits for that, and removes its directory.
         *
         * @throws IOException when the directory cannot be removed
         */
        void end() throws IOException {
            try {
                new ContainerClient(socket(), PATIENCE_MS).ask(OciCommands.request("end"));
            } catch (IOException e) {
                kill(); // it does not answer
            }
            long deadline = System.nanoTime() + PATIENCE_MS * 1_000_000;
            while (process.isAlive() || sandbox.isAlive()) {
                if (System.nanoTime() > deadline) {
                    kill();
                    deadline = Long.MAX_VALUE;
                }
                try {
                    Thread.sleep(STEP_MS);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    return;
                }
            }
            new ContainerDirectory(directory).delete();
        }

        private void kill() {
            for (ProcessIdentity each : List.of(sandbox, process)) {
                if (each.isAlive()) {
                    ProcessHandle.of(each.pid()).ifPresent(ProcessHandle::destroyForcibly);
                }
            }
        }
    }

    static Pool own() throws IOException {
        String named = System.getenv(VARIABLE);
        return new Pool(named != null && named.startsWith("/") ? Path.of(named) : RuntimeDirectory.of(null).path().resolve("pool"));
    }

    Path keeper() {
        return path.resolve("keeper.sock");
    }

    /**
     * Makes the directories.
     *
     * @throws IOException when that is not possible, or somebody else could enter them
     */
    void make() throws IOException {
        new RuntimeDirectory(path.getParent()).make();
        for (Path each : List.of(path, path.resolve(NEW), path.resolve(FREE), path.resolve(USED))) {
            new RuntimeDirectory(each).make();
        }
    }

    /** {@return the names of sandboxes in a part of the pool, in order} */
    List<String> names(String part) {
        String[] names = path.resolve(part).toFile().list();
        List<String> all = new ArrayList<>(names == null ? List.of() : Arrays.asList(names));
        all.sort(null);
        return all;
    }

    /**
     * Takes a sandbox out of those that are free.
     *
     * @param name its name
     * @return its directory now, or null when somebody was faster
     */
    Path take(String name) throws IOException {
        try {
            Files.setLastModifiedTime(path.resolve(FREE).resolve(name).resolve(NOTE), FileTime.fromMillis(System.currentTimeMillis()));
            return Files.move(path.resolve(FREE).resolve(name), path.resolve(USED).resolve(name), StandardCopyOption.ATOMIC_MOVE);
        } catch (NoSuchFileException e) {
            return null;
        }
    }

    /**
     * Takes one that would have been made now the same way. Dead and stale ones that it meets are removed.
     *
     * @param key of what it has to be made
     * @return the sandbox, or null when there is none
     * @throws IOException when the pool is not this user's alone
     */
    Member claim(String key) throws IOException {
        make();
        for (String name : names(FREE)) {
            Path directory = take(name);
            if (directory == null) {
                continue;
            }
            Member member = Member.read(directory);
            if (member.key().equals(key) && member.isAlive() && member.isTrusted()) {
                return member;
            }
            member.end();
        }
        return null;
    }

    /**
     * Ends every sandbox that nobody has taken.
     *
     * @throws IOException when something cannot be removed
     */
    void clear() throws IOException {
        for (String name : names(NEW)) {
            Path directory = path.resolve(NEW).resolve(name);
            if (Files.exists(directory.resolve(NOTE))) {
                Member.read(directory).end();
            } else {
                new ContainerDirectory(directory).delete();
            }
        }
        for (String name : names(FREE)) {
            Path directory = take(name);
            if (directory != null) {
                Member.read(directory).end();
            }
        }
        for (String name : names(USED)) {
            removeAbandoned(name, 0);
        }
    }

    /**
     * Removes what is left of a sandbox that was taken, and either died or has no container.
     *
     * @param name its name
     * @param patienceMs how long its taker may take to make one
     * @throws IOException when something cannot be removed
     */
    void removeAbandoned(String name, long patienceMs) throws IOException {
        Path directory = path.resolve(USED).resolve(name);
        if (!Files.exists(directory.resolve(NOTE))) {
            return;
        }
        Member member = Member.read(directory);
        if (!member.isAlive()) {
            member.end();
            return;
        }
        long ageMs = System.currentTimeMillis() - Files.getLastModifiedTime(directory.resolve(NOTE)).toMillis();
        if (ageMs > patienceMs) {
            JsonObject answer = new ContainerClient(member.socket(), PATIENCE_MS).ask(OciCommands.request("taken"));
            if (answer != null && !answer.getBoolean("taken", true)) {
                member.end();
            }
        }
    }

    /**
     * Removes the directories, as far as no sandbox is in use.
     *
     * @throws IOException when something cannot be removed
     */
    void remove() throws IOException {
        for (String file : List.of("lock", "keeper.log", NEW, FREE)) {
            Files.deleteIfExists(path.resolve(file));
        }
        if (names(USED).isEmpty()) {
            Files.deleteIfExists(path.resolve(USED));
            Files.deleteIfExists(keeper());
            Files.deleteIfExists(path);
        }
    }

    /**
     * Forgets the sandbox of a container that is deleted.
     *
     * @param socket where it listened
     * @return whether it was of a pool
     * @throws IOException when its directory cannot be removed
     */
    static boolean remove(Path socket) throws IOException {
        Path directory = socket.getParent();
        if (!Files.exists(directory.resolve(NOTE))) {
            return false;
        }
        Member.read(directory).end();
        return true;
    }

    /**
     * What a sandbox is made of: the jars and caches, the configuration, and the Java runtime with its options.
     *
     * @param home the installation
     * @return text; equal when a sandbox would be made the same way
     */
    static String key(Path home) throws IOException {
        StringBuilder key = new StringBuilder(System.getProperty("java.home")).append('\n').append(System.getenv().getOrDefault("CAISSON_JAVA_OPTIONS", ""));
        List<Path> files = new ArrayList<>(List.of(home.resolve("lib/boot.plan"), home.resolve("lib/sandbox.aot"), home.resolve("lib/launcher"), home.resolve("deploy")));
        String[] names = home.resolve("etc").toFile().list();
        for (String name : names == null ? new String[0] : names) {
            files.add(home.resolve("etc").resolve(name));
        }
        for (String directory : List.of("lib", "bundles")) {
            String[] jars = home.resolve(directory).toFile().list((_, name) -> name.endsWith(".jar"));
            for (String name : jars == null ? new String[0] : jars) {
                files.add(home.resolve(directory).resolve(name));
            }
        }
        files.sort(null);
        for (Path file : files) {
            if (Files.exists(file)) {
                BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
                key.append('\n').append(file).append(' ').append(attributes.size()).append(' ').append(attributes.lastModifiedTime().toMillis());
                if (file.toString().endsWith(".jar")) { // times of change are not copied along
                    key.append(' ').append(Files.getAttribute(file, "unix:ctime"));
                }
            }
        }
        return key.toString();
    }
}
