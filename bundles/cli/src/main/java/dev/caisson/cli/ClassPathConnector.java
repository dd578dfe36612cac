package dev.caisson.cli;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Enumeration;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.jar.Manifest;
import org.osgi.framework.BundleActivator;
import org.osgi.framework.connect.ConnectContent;
import org.osgi.framework.connect.ConnectModule;
import org.osgi.framework.connect.ModuleConnector;

/**
 * Lets the bundles of the distribution live on the class path (OSGi Connect): their classes come from the application class loader,
 * which an AOT cache serves, and nothing is copied into a bundle cache. A bundle that is updated, or comes from elsewhere, is none of
 * these locations' business and gets the framework's own class loader.
 */
final class ClassPathConnector implements ModuleConnector {
    /** Start of the locations that are connected; the path of the jar follows. */
    static final String SCHEME = "classpath:";

    @Override
    public void initialize(File storage, Map<String, String> configuration) {}

    @Override
    public Optional<ConnectModule> connect(String location) {
        if (!location.startsWith(SCHEME)) {
            return Optional.empty();
        }
        Path jar = Path.of(location.substring(SCHEME.length()));
        return Optional.of(() -> new JarContent(jar));
    }

    @Override
    public Optional<BundleActivator> newBundleActivator() {
        return Optional.empty();
    }

    /** A jar that is on the class path. */
    private static final class JarContent implements ConnectContent {
        private final Path path;
        private JarFile jar;

        JarContent(Path path) {
            this.path = path;
        }

        @Override
        public void open() throws IOException {
            if (jar == null) {
                jar = new JarFile(path.toFile(), false);
            }
        }

        @Override
        public void close() throws IOException {
            if (jar != null) {
                jar.close();
                jar = null;
            }
        }

        @Override
        public Optional<Map<String, String>> getHeaders() {
            try {
                Manifest manifest = jar.getManifest();
                Map<String, String> headers = new HashMap<>();
                manifest.getMainAttributes().forEach((key, value) -> headers.put(key.toString(), value.toString()));
                return Optional.of(headers);
            } catch (IOException e) {
                return Optional.empty();
            }
        }

        @Override
        public Iterable<String> getEntries() {
            Set<String> names = new LinkedHashSet<>();
            for (Enumeration<JarEntry> entries = jar.entries(); entries.hasMoreElements();) {
                names.add(entries.nextElement().getName());
            }
            return names;
        }

        @Override
        public Optional<ConnectEntry> getEntry(String name) {
            JarEntry entry = jar.getJarEntry(name);
            return entry == null ? Optional.empty() : Optional.of(new Entry(jar, entry));
        }

        @Override
        public Optional<ClassLoader> getClassLoader() {
            return Optional.of(ClassPathConnector.class.getClassLoader());
        }
    }

    private record Entry(JarFile jar, JarEntry entry) implements ConnectContent.ConnectEntry {
        @Override
        public String getName() {
            return entry.getName();
        }

        @Override
        public long getContentLength() {
            return entry.getSize();
        }

        @Override
        public long getLastModified() {
            return 0; // nobody asks for more than a number, and the real time loads the time zones
        }

        @Override
        public InputStream getInputStream() throws IOException {
            return jar.getInputStream(entry);
        }
    }
}
