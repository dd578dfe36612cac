package dev.caisson.cli;

import dev.caisson.control.SandboxException;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassFileVersion;
import java.lang.classfile.ClassHierarchyResolver;
import java.lang.classfile.ClassModel;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeTransform;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Collections;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.jar.JarOutputStream;

/**
 * What {@code bin/caisson-prepare} runs: gives classes of lib/ that were compiled for Java 5 the format of Java 8. An AOT cache takes no
 * older class than Java 6's (JDK-8317269 changes that with JDK 26), and picocli, whose classes are that old, would cost every start
 * 80 ms. The code stays as it is; stack maps are added, which a newer class needs for verification.
 */
final class UpgradeCommand {
    /** The whole command line; no command of users. */
    static final String NAME = "--upgrade-class-files";

    private UpgradeCommand() {}

    static int run() throws SandboxException {
        Home home = Home.find();
        try {
            for (Path jar : home.libraries()) {
                if (isOld(jar)) {
                    upgrade(jar);
                }
            }
            return 0;
        } catch (IOException | UncheckedIOException e) {
            throw new SandboxException("cannot upgrade the libraries: " + e.getMessage(), e);
        }
    }

    private static boolean isOld(Path path) throws IOException {
        try (JarFile jar = new JarFile(path.toFile(), false)) {
            for (JarEntry entry : Collections.list(jar.entries())) {
                if (isClass(entry)) {
                    byte[] bytes = jar.getInputStream(entry).readNBytes(8); // magic, minor, major version
                    return bytes.length == 8 && bytes[7] < ClassFile.JAVA_6_VERSION;
                }
            }
            return false;
        }
    }

    private static boolean isClass(JarEntry entry) {
        return entry.getName().endsWith(".class") && !entry.getName().endsWith("module-info.class");
    }

    static void upgrade(Path path) throws IOException {
        // Types that several classes share are found on the class path, where the library itself is too.
        ClassFile format = ClassFile.of(ClassFile.StackMapsOption.GENERATE_STACK_MAPS,
                ClassFile.ClassHierarchyResolverOption.of(ClassHierarchyResolver.ofResourceParsing(UpgradeCommand.class.getClassLoader())
                        .orElse(ClassHierarchyResolver.defaultResolver()).cached()));
        Path next = path.resolveSibling(path.getFileName() + ".new");
        try (JarFile jar = new JarFile(path.toFile(), false); OutputStream file = Files.newOutputStream(next);
                JarOutputStream out = new JarOutputStream(file)) {
            List<JarEntry> entries = Collections.list(jar.entries());
            for (JarEntry entry : entries) {
                byte[] bytes = jar.getInputStream(entry).readAllBytes();
                JarEntry copy = new JarEntry(entry.getName());
                copy.setTime(entry.getTime());
                out.putNextEntry(copy);
                out.write(isClass(entry) ? upgrade(format, bytes) : bytes);
                out.closeEntry();
            }
        }
        Files.move(next, path, StandardCopyOption.REPLACE_EXISTING);
    }

    private static byte[] upgrade(ClassFile format, byte[] bytes) {
        ClassModel model = format.parse(bytes);
        if (model.majorVersion() >= ClassFile.JAVA_6_VERSION) {
            return bytes;
        }
        ClassTransform code = ClassTransform.transformingMethodBodies(CodeTransform.ACCEPT_ALL);
        return format.transformClass(model, code.andThen((builder, element) -> {
            if (element instanceof ClassFileVersion) {
                builder.withVersion(ClassFile.JAVA_8_VERSION, 0);
            } else {
                builder.with(element);
            }
        }));
    }
}
