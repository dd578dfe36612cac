package dev.caisson.testing.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/** The platforms of the distribution, and whether they can be had on this host. */
final class Platforms {
    /** All that guest programs are compared on; {@code -Dcaisson.platforms=ptrace,systrap} asks for fewer. */
    static final List<String> ALL = List.of(System.getProperty("caisson.platforms", "ptrace,systrap,kvm").split(","));

    /** Why a platform cannot be used here, "" when it can. */
    private static final Map<String, String> REASONS = new ConcurrentHashMap<>();

    private Platforms() {}

    /** {@return the platforms, for {@code @MethodSource}} */
    static Stream<String> all() {
        return ALL.stream();
    }

    /**
     * Ends a test as skipped when this host has not what the platform needs (/dev/kvm, that is). A platform that is there and fails is a
     * failure.
     *
     * @param name of the platform
     */
    static void assumeUsable(String name) throws IOException, InterruptedException {
        String reason = REASONS.get(name);
        if (reason == null) {
            Outcome outcome = Runner.inCaisson(name, List.of("true"));
            boolean isMissing = name.equals("kvm") && outcome.errors().contains("platform kvm cannot be used here");
            if (!isMissing) {
                assertEquals(0, outcome.status(), () -> name + ": " + outcome);
            }
            reason = isMissing ? outcome.errors().strip() : "";
            REASONS.put(name, reason);
        }
        String why = reason;
        assumeTrue(why.isEmpty(), () -> why);
    }

    /**
     * A home of the command whose configuration names a platform, so that scripts need not.
     *
     * @param name of the platform
     * @return its directory: links to the distribution, and an etc/ of its own
     */
    static synchronized Path home(String name) throws IOException {
        Path distribution = Runner.CAISSON.getParent().getParent();
        Path home = Runner.MODULE.resolve("target/homes").resolve(name);
        if (Files.exists(home)) {
            Runner.deleteTree(home);
        }
        Files.createDirectories(home.resolve("etc"));
        Files.createDirectories(home.resolve("bin"));
        for (String folder : List.of("lib", "bundles", "deploy")) {
            Files.createSymbolicLink(home.resolve(folder), distribution.resolve(folder));
        }
        Files.copy(distribution.resolve("bin/caisson"), home.resolve("bin/caisson"));
        try (Stream<Path> files = Files.list(distribution.resolve("etc"))) {
            for (Path file : files.toList()) {
                Files.copy(file, home.resolve("etc").resolve(file.getFileName()));
            }
        }
        Files.writeString(home.resolve("etc/caisson.platform.cfg"), "name=" + name + "\nfallback=ptrace\n", StandardCharsets.ISO_8859_1);
        return home;
    }
}
