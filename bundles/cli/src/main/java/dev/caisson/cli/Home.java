package dev.caisson.cli;

import dev.caisson.control.SandboxException;
import java.io.IOException;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;

/**
 * The directory that Caisson is installed in.
 *
 * @param directory holds bin, bundles, etc, lib and deploy
 */
record Home(Path directory) {
    static Home find() throws SandboxException {
        String property = System.getProperty("caisson.home");
        if (property == null || !Files.isDirectory(Path.of(property, "bundles"))) {
            throw new SandboxException("no bundles below caisson.home=" + property + "; start bin/caisson of a complete distribution",
                    null);
        }
        return new Home(Path.of(property));
    }

    Path etc() {
        return directory.resolve("etc");
    }

    Path deploy() {
        return directory.resolve("deploy");
    }

    /** {@return the jars of bundles/, in order of their names} */
    List<Path> bundles() {
        return list(directory.resolve("bundles"), ".jar");
    }

    /** {@return the jars of lib/, in order of their names} */
    List<Path> libraries() {
        return list(directory.resolve("lib"), ".jar");
    }

    /** {@return the configuration files of etc/, in order of their names} */
    List<Path> configurations() {
        return list(etc(), ".cfg");
    }

    Properties startLevels() throws IOException {
        return properties(directory.resolve("lib/start-levels.properties"));
    }

    static Properties properties(Path file) throws IOException {
        Properties properties = new Properties();
        try (Reader reader = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
            properties.load(reader);
        }
        return properties;
    }

    private static List<Path> list(Path directory, String ending) {
        List<Path> files = new ArrayList<>();
        String[] names = directory.toFile().list();
        if (names != null) {
            Arrays.sort(names);
            for (String name : names) {
                if (name.endsWith(ending)) {
                    files.add(directory.resolve(name));
                }
            }
        }
        return files;
    }
}
