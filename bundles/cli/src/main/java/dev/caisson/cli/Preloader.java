package dev.caisson.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Initialises classes on another core while the framework starts: those that the sandbox will need first, by lib/preload.txt. They are
 * found on the class path, where {@link ClassPathConnector} lets the bundles find them too. Whatever goes wrong here goes wrong again
 * where somebody hears of it.
 */
final class Preloader {
    private Preloader() {}

    /**
     * Starts.
     *
     * @param home where the list is
     */
    static void start(Home home) {
        Path list = home.directory().resolve("lib/preload.txt");
        Thread thread = new Thread(() -> run(list), "preload");
        thread.setDaemon(true);
        thread.start();
    }

    private static void run(Path list) {
        try {
            for (String line : Files.readAllLines(list, StandardCharsets.US_ASCII)) {
                if (line.startsWith("class ")) {
                    Class.forName(line.substring("class ".length()));
                } else if (line.startsWith("new ")) {
                    Class.forName(line.substring("new ".length())).getConstructor().newInstance();
                }
            }
        } catch (IOException | ReflectiveOperationException | LinkageError e) {
            return; // only slower
        }
    }
}
