package dev.caisson.testing.container;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Enumeration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;

/**
 * One of our jars as it was built.
 *
 * @param name the file's name without its ending
 * @param headers the main section of its manifest
 * @param classes its classes
 */
record BuiltBundle(String name, Attributes headers, List<ClassModel> classes) {
    static BuiltBundle read(Path path) {
        String file = path.getFileName().toString();
        List<ClassModel> classes = new ArrayList<>();
        try (JarFile jar = new JarFile(path.toFile())) {
            for (Enumeration<JarEntry> entries = jar.entries(); entries.hasMoreElements();) {
                JarEntry entry = entries.nextElement();
                if (entry.getName().endsWith(".class")) {
                    try (InputStream in = jar.getInputStream(entry)) {
                        classes.add(ClassFile.of().parse(in.readAllBytes()));
                    }
                }
            }
            return new BuiltBundle(file.substring(0, file.length() - ".jar".length()), jar.getManifest().getMainAttributes(), classes);
        } catch (IOException e) {
            throw new UncheckedIOException(path.toString(), e);
        }
    }

    /** {@return whether it is one of Caisson's own} */
    boolean isOurs() {
        String symbolicName = headers.getValue("Bundle-SymbolicName");
        return symbolicName != null && symbolicName.startsWith("dev.caisson.");
    }

    /** {@return exported packages and what follows their names} */
    Map<String, String> exports() {
        return clauses("Export-Package");
    }

    /** {@return imported packages and what follows their names} */
    Map<String, String> imports() {
        return clauses("Import-Package");
    }

    private Map<String, String> clauses(String header) {
        Map<String, String> result = new TreeMap<>();
        String value = headers.getValue(header);
        if (value == null) {
            return result;
        }
        // Commas inside quotes separate nothing.
        StringBuilder clause = new StringBuilder();
        boolean quoted = false;
        for (char c : (value + ",").toCharArray()) {
            quoted ^= c == '"';
            if (c != ',' || quoted) {
                clause.append(c);
                continue;
            }
            int semicolon = clause.indexOf(";");
            String name = semicolon < 0 ? clause.toString() : clause.substring(0, semicolon);
            result.put(name, semicolon < 0 ? "" : clause.substring(semicolon + 1));
            clause.setLength(0);
        }
        return result;
    }
}
