package dev.caisson.gofer;

import dev.caisson.host.HostFile;
import java.io.File;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * The command of a small Java process with the few jars that a gofer takes.
 *
 * @param home the directory that Caisson is installed in, or null
 */
record JavaCommand(Path home) {
    /** What a gofer may use to start sooner, below home. */
    static final String CACHE = "lib/gofer.aot";

    /** Set by bin/caisson when jars have changed since the caches were made. */
    private static final String STALE = "caisson.caches.stale";
    private static final String NATIVE_LIBRARIES = "jffi.boot.library.path";
    /** A class of each jar that a gofer takes. */
    private static final List<String> ANCHORS = List.of("dev.caisson.gofer.Gofer", "dev.caisson.ninep.Protocol",
        "dev.caisson.host.HostFile", "dev.caisson.abi.Errno", "com.kenai.jffi.PageManager", "jnr.ffi.LibraryLoader");

    /** {@return what the process reads while it starts: files, and directories with all that is below} */
    List<String> reads() {
        List<String> paths = new ArrayList<>(List.of(System.getProperty("java.home"), "/lib", "/lib64", "/usr/lib", "/usr/lib64",
            "/etc/ld.so.cache", "/etc/passwd", "/etc/group", "/dev/null", "/dev/random", "/dev/urandom"));
        paths.addAll(List.of(classPath().split(File.pathSeparator)));
        if (System.getProperty(NATIVE_LIBRARIES) != null) {
            paths.add(System.getProperty(NATIVE_LIBRARIES));
        }
        if (home != null) {
            paths.add(home.toString());
        }
        return paths;
    }

    /** {@return the directory where jffi unpacks its library, unless that lies unpacked} */
    List<String> writes() {
        return System.getProperty(NATIVE_LIBRARIES) != null ? List.of() : List.of(System.getProperty("java.io.tmpdir"));
    }

    /**
     * The words.
     *
     * @param training an option in place of the AOT cache, or empty
     * @return the program and its arguments, orders to be added
     */
    List<String> words(String training) {
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin/java").toString(),
            "-Xrs", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+UseCompactObjectHeaders", "-Xms8m", "-Xmx64m", "-Xss512k",
            "-XX:-UsePerfData", "-XX:-UseContainerSupport", "-XX:-UseDynamicNumberOfCompilerThreads", "-XX:ReservedCodeCacheSize=16m",
            "-XX:+DisableAttachMechanism", "-XX:+ErrorFileToStderr", "-XX:-CreateCoredumpOnCrash", "-Xlog:disable",
            "--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"));
        String nativeLibraries = System.getProperty(NATIVE_LIBRARIES);
        if (nativeLibraries != null) {
            command.add("-D" + NATIVE_LIBRARIES + "=" + nativeLibraries);
        }
        if (!training.isEmpty()) {
            command.add(training);
        } else if (home != null && System.getProperty(STALE) == null && Files.isReadable(home.resolve(CACHE))) {
            command.add("-XX:AOTCache=" + home.resolve(CACHE));
        }
        command.addAll(List.of("-cp", classPath(), Gofer.class.getName()));
        return command;
    }

    /** {@return the few jars or directories of classes that a gofer takes} */
    static String classPath() {
        Set<String> entries = new LinkedHashSet<>();
        ClassLoader loader = GoferLauncher.class.getClassLoader();
        URL library = null; // in a jar of its own, unless it lies unpacked
        for (String name : ANCHORS) {
            try {
                Class<?> anchor = anchor(name, loader);
                CodeSource source = anchor.getProtectionDomain().getCodeSource();
                library = library != null ? library : anchor.getClassLoader().getResource("jni/x86_64-Linux/libjffi-1.2.so");
                entries.add(Path.of(source.getLocation().toURI()).toString());
            } catch (ReflectiveOperationException | LinkageError | URISyntaxException e) {
                throw new IllegalStateException("no " + name + " for a gofer", e);
            }
        }
        if (library != null && library.getPath().startsWith("file:")) {
            entries.add(library.getPath().substring("file:".length(), library.getPath().indexOf('!')));
        }
        return String.join(File.pathSeparator, entries);
    }

    /** A class of our own, or one that those see who make native calls: in a framework not every bundle does. */
    private static Class<?> anchor(String name, ClassLoader loader) throws ClassNotFoundException {
        try {
            return Class.forName(name, false, loader);
        } catch (ClassNotFoundException e) {
            return Class.forName(name, false, HostFile.class.getClassLoader());
        }
    }
}
