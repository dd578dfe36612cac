package dev.caisson.testing.container;

import static org.ops4j.pax.exam.CoreOptions.bundle;
import static org.ops4j.pax.exam.CoreOptions.cleanCaches;
import static org.ops4j.pax.exam.CoreOptions.composite;
import static org.ops4j.pax.exam.CoreOptions.frameworkProperty;
import static org.ops4j.pax.exam.CoreOptions.junitBundles;
import static org.ops4j.pax.exam.CoreOptions.systemPackage;
import static org.ops4j.pax.exam.CoreOptions.systemProperty;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import org.ops4j.pax.exam.Option;

/** How the tests' framework is made of the assembled distribution. */
final class ContainerOptions {
    private static final String[] LIBRARY_PACKAGES = {
        "org.slf4j;version=2.0.17", "org.slf4j.event;version=2.0.17", "org.slf4j.helpers;version=2.0.17", "org.slf4j.spi;version=2.0.17",
        "jnr.ffi;version=2.3.4", "jnr.ffi.annotations;version=2.3.4", "jnr.ffi.byref;version=2.3.4", "jnr.ffi.mapper;version=2.3.4",
        "jnr.ffi.provider;version=2.3.4", "jnr.ffi.provider.jffi;version=2.3.4", "jnr.ffi.types;version=2.3.4",
        "jnr.ffi.util;version=2.3.4", "com.kenai.jffi;version=1.4.3", "jnr.x86asm;version=1.0.2",
    };

    private ContainerOptions() {}

    static Path home() {
        String home = System.getProperty("caisson.home");
        if (home == null || !Files.isDirectory(Path.of(home, "bundles"))) {
            throw new IllegalStateException("caisson.home=" + home + " is no assembled distribution; run mvn package first");
        }
        return Path.of(home);
    }

    /** {@return the configuration of the tests' framework} */
    static Path etc() {
        return Path.of("target", "etc").toAbsolutePath();
    }

    /** A copy of the configuration, so that what tests change in it stays theirs. */
    private static Path configuration() {
        Path copy = etc();
        try (DirectoryStream<Path> originals = Files.newDirectoryStream(home().resolve("etc"))) {
            Files.createDirectories(copy);
            for (Path original : originals) {
                Files.copy(original, copy.resolve(original.getFileName()), StandardCopyOption.REPLACE_EXISTING);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return copy;
    }

    static List<Path> bundles() {
        List<Path> jars = new ArrayList<>();
        try (DirectoryStream<Path> stream = Files.newDirectoryStream(home().resolve("bundles"), "*.jar")) {
            stream.forEach(jars::add);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        jars.sort(null);
        return jars;
    }

    static Option[] distribution() {
        List<Option> options = new ArrayList<>();
        options.add(cleanCaches());
        options.add(junitBundles());
        options.add(frameworkProperty("felix.log.level").value("1"));
        options.add(systemProperty("org.ops4j.pax.logging.DefaultServiceLog.level").value("ERROR"));
        options.add(frameworkProperty("gosh.args").value("--nointeractive --noshutdown"));
        options.add(frameworkProperty("felix.fileinstall.dir").value(configuration().toString()));
        options.add(frameworkProperty("felix.fileinstall.enableConfigSave").value("false"));
        options.add(frameworkProperty("felix.fileinstall.noInitialDelay").value("true"));
        options.add(frameworkProperty("felix.fileinstall.poll").value("200"));
        options.add(frameworkProperty("felix.fileinstall.log.level").value("1"));
        for (String name : LIBRARY_PACKAGES) {
            options.add(systemPackage(name));
        }
        for (Path jar : bundles()) {
            options.add(bundle("file:" + jar));
        }
        return new Option[] {composite(options.toArray(Option[]::new))};
    }
}
