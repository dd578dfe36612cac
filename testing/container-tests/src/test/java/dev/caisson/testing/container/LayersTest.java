package dev.caisson.testing.container;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.classfile.ClassModel;
import java.lang.classfile.constantpool.ClassEntry;
import java.lang.classfile.constantpool.MemberRefEntry;
import java.lang.classfile.constantpool.PoolEntry;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** The layers, held over the jars as they were built: who may import whom, and who may call native code. */
class LayersTest {
    private static final int PROVIDER = 7;

    /** A bundle may import from bundles with a smaller number only. */
    private static final Map<String, Integer> LAYERS = Map.ofEntries(
            Map.entry("abi", 0), Map.entry("host", 1), Map.entry("oci", 1), Map.entry("ninep", 2), Map.entry("gofer", 3), Map.entry("spi", 2), Map.entry("stub", 3), Map.entry("mailbox", 3),
            Map.entry("memory", 3), Map.entry("vfs", 4),
            Map.entry("loader", 5), Map.entry("kernel", 6),
            Map.entry("fs-tmpfs", PROVIDER), Map.entry("fs-proc", PROVIDER), Map.entry("fs-sys", PROVIDER), Map.entry("fs-dev", PROVIDER),
            Map.entry("fs-host", PROVIDER), Map.entry("platform-ptrace", PROVIDER), Map.entry("platform-systrap", PROVIDER),
            Map.entry("platform-kvm", PROVIDER),
            Map.entry("fs-overlay", PROVIDER), Map.entry("fs-9p", PROVIDER), Map.entry("fs-tar", PROVIDER),
            Map.entry("net-stack", PROVIDER), Map.entry("net-host", PROVIDER), Map.entry("syscall-table", PROVIDER),
            Map.entry("control", 8), Map.entry("shell", 9));

    /** Not chosen by configuration: control wires devices and standard streams by their own types. */
    private static final Set<String> PARTS_OF_EVERY_SANDBOX = Set.of("fs-dev");

    private static final String RAW = "dev/caisson/host/raw/";

    private static final List<BuiltBundle> BUNDLES =
            ContainerOptions.bundles().stream().map(BuiltBundle::read).filter(BuiltBundle::isOurs).toList();

    @Test
    void everyBundleHasItsLayer() {
        Set<String> built = new TreeSet<>();
        BUNDLES.forEach(bundle -> built.add(bundle.name()));
        assertEquals(new TreeSet<>(LAYERS.keySet()), built);
    }

    @Test
    void importsPointDown() {
        Map<String, BuiltBundle> exporters = new HashMap<>();
        for (BuiltBundle bundle : BUNDLES) {
            for (String name : bundle.exports().keySet()) {
                BuiltBundle other = exporters.put(name, bundle);
                assertEquals(null, other, () -> name + " is exported twice");
            }
        }
        List<String> wrong = new ArrayList<>();
        for (BuiltBundle bundle : BUNDLES) {
            for (String name : bundle.imports().keySet()) {
                if (!name.startsWith("dev.caisson.") || bundle.exports().containsKey(name)) {
                    continue;
                }
                BuiltBundle from = exporters.get(name);
                if (from == null) {
                    wrong.add(bundle.name() + " imports " + name + ", which no bundle exports");
                } else if (LAYERS.get(from.name()) >= LAYERS.get(bundle.name())) {
                    wrong.add(bundle.name() + " imports " + name + " of " + from.name());
                }
            }
        }
        assertEquals(List.of(), wrong);
    }

    @Test
    void providersExportNothing() {
        for (BuiltBundle bundle : BUNDLES) {
            if (LAYERS.get(bundle.name()) == PROVIDER && !PARTS_OF_EVERY_SANDBOX.contains(bundle.name())) {
                assertEquals(Map.of(), bundle.exports(), bundle.name());
            }
        }
    }

    @Test
    void everyExportHasAVersionAndNothingInternalIsExported() {
        for (BuiltBundle bundle : BUNDLES) {
            bundle.exports().forEach((name, attributes) -> {
                assertTrue(attributes.contains("version="), () -> bundle.name() + " exports " + name + " without a version");
                assertFalse(name.contains(".internal"), () -> bundle.name() + " exports " + name);
            });
        }
    }

    @Test
    void onlyRawPackagesCallNativeCode() {
        List<String> wrong = new ArrayList<>();
        for (BuiltBundle bundle : BUNDLES) {
            for (ClassModel type : bundle.classes()) {
                String name = type.thisClass().asInternalName();
                if (!name.startsWith(RAW)) {
                    for (PoolEntry entry : type.constantPool()) {
                        if (reachesNative(entry)) {
                            wrong.add(name + " uses " + entry);
                        }
                    }
                }
            }
        }
        assertEquals(List.of(), wrong);
    }

    private static boolean reachesNative(PoolEntry entry) {
        return switch (entry) {
            case ClassEntry type -> type.asInternalName().startsWith("jnr/ffi/") || type.asInternalName().startsWith("com/kenai/jffi/")
                    || type.asInternalName().equals("sun/misc/Unsafe");
            case MemberRefEntry member -> {
                String owner = member.owner().asInternalName();
                yield owner.equals("java/lang/foreign/Linker") || owner.equals("java/lang/foreign/SymbolLookup")
                        || owner.equals("java/lang/foreign/MemorySegment") && member.name().equalsString("reinterpret")
                        || owner.equals("java/lang/System") && member.name().stringValue().startsWith("load");
            }
            default -> false;
        };
    }
}
