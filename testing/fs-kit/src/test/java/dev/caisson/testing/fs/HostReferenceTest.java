package dev.caisson.testing.fs;

import dev.caisson.abi.ErrnoException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Linux itself keeps every case: what the host's kernel does differently is a mistake in the kit. */
class HostReferenceTest implements ConcurrencyContract {
    @TempDir
    static Path directory;

    private HostSubject host;

    @BeforeEach
    void chooseDirectory() throws IOException {
        Assumptions.assumeTrue(RandomOperations.hostCanTell(), "the host shows other users' view to root only");
        host = new HostSubject(directory);
    }

    @TestFactory
    Stream<DynamicTest> theHostDoesWhatTheCasesSay() {
        return CaseFile.all().stream().map(each -> DynamicTest.dynamicTest(each.name(), () -> {
            each.settings().forEach(HostReferenceTest::assumeSetting);
            try (FileCalls calls = freshDirectory()) {
                each.run(calls);
            }
        }));
    }

    private static void assumeSetting(String name, String value) {
        try {
            Assumptions.assumeTrue(Files.readString(Path.of("/proc/sys/fs", name)).strip().equals(value),
                    () -> "the host has another " + name);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public FileCalls freshDirectory() throws ErrnoException {
        return host.freshDirectory();
    }

    @Override
    public boolean lacks(Feature feature) {
        return false;
    }
}
