package dev.caisson.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;

import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.jar.JarFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class UpgradeCommandTest {
    @TempDir
    private Path temporary;

    @Test
    void everyClassOfALibraryForJava5PassesVerificationInTheNewFormat() throws Exception {
        Path jar = temporary.resolve("picocli.jar");
        Path original = Path.of(CommandLine.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        Files.copy(original, jar);
        UpgradeCommand.upgrade(jar);
        try (JarFile before = new JarFile(original.toFile()); JarFile after = new JarFile(jar.toFile());
                URLClassLoader loader = new URLClassLoader(new URL[] {jar.toUri().toURL()}, ClassLoader.getPlatformClassLoader())) {
            assertEquals(before.size(), after.size());
            for (var entry : Collections.list(after.entries())) {
                if (entry.getName().matches("picocli/.*\\.class")) {
                    assertEquals(52, majorVersion(after.getInputStream(entry)), entry.getName());
                    // Initialisation verifies; a wrong or missing stack map fails here.
                    Class.forName(entry.getName().replace('/', '.').replace(".class", ""), true, loader);
                } else {
                    assertEquals(before.getEntry(entry.getName()).getSize(), after.getEntry(entry.getName()).getSize());
                }
            }
            Class<?> upgraded = loader.loadClass(CommandLine.class.getName());
            assertNotSame(CommandLine.class, upgraded);
        }
    }

    private static int majorVersion(InputStream in) throws IOException {
        try (in) {
            return in.readNBytes(8)[7];
        }
    }
}
