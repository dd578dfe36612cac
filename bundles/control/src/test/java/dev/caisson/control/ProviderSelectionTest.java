package dev.caisson.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.control.internal.RootMount;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProviderSelectionTest {
    @TempDir
    private Path directory;

    private static ProviderSelection selection(Map<String, String> rootfs, Map<String, String> volumes) {
        return new ProviderSelection((pid, key) -> switch (pid) {
            case "caisson.rootfs" -> rootfs.get(key);
            case "caisson.volumes" -> volumes.get(key);
            default -> null;
        });
    }

    private static SandboxSpec.Builder spec() {
        return SandboxSpec.of(List.of("true"));
    }

    @Test
    void layersOfTheConfigurationAreOptionsOfTheMount() throws SandboxException, IOException {
        Path archive = Files.createFile(directory.resolve("a,b.tar"));
        ProviderSelection selection = selection(Map.of("name", "overlay", "upper", directory.toString(), "size", "1M",
                "lowers", "9p:unix:/run/s, " + directory, "options", "ro,cache=shared"), Map.of());
        RootMount mount = RootMount.of(spec().build(), selection);
        assertEquals(Map.of("cache", "shared", "upperdir", directory.toString(), "size", "1048576", "lowerdir",
                "9p\\:unix\\:/run/s:" + directory), mount.options());
        assertEquals(1, mount.flags());
        RootMount own = RootMount.of(spec().rootOptions(new RootLayers().sizeBytes(5).lowers(List.of(archive.toString())).options()).build(), selection);
        assertEquals("5", own.options().get("size"));
        assertEquals("tar\\:" + archive, own.options().get("lowerdir"));
        assertEquals(null, RootMount.of(spec().rootSource("/srv").build(), selection).options().get("lowerdir"));
    }

    @Test
    void optionsAreForTheProviderTheyWereWrittenFor() throws SandboxException {
        ProviderSelection selection = selection(Map.of("name", "9p", "source", "unix:/run/s", "options", "aname=x"), Map.of());
        assertEquals(new RootMount("unix:/run/s", 0, Map.of("aname", "x")), RootMount.of(spec().build(), selection));
        assertEquals(new RootMount("/", 0, Map.of()),
                RootMount.of(spec().providers(Map.of(ProviderKind.ROOTFS, "overlay")).build(), selection));
    }

    @Test
    void whatTheConfigurationHasWrongIsSaidWithItsFile() {
        String upper = assertThrows(SandboxException.class, () -> RootMount.of(spec().build(), selection(Map.of("upper", "/no/such"), Map.of()))).getMessage();
        assertEquals("an upper layer is memory or a directory, not /no/such (from etc/caisson.rootfs.cfg)", upper);
        String cache = assertThrows(SandboxException.class, () -> selection(Map.of(), Map.of("cache", "none")).volumes(List.of())).getMessage();
        assertTrue(cache.endsWith("(from etc/caisson.volumes.cfg)"), cache);
        assertThrows(SandboxException.class, () -> selection(Map.of(), Map.of("mounts", "/a")).volumes(List.of()));
    }

    @Test
    void volumesOfTheConfigurationComeFirstAndItsDefaultsCountForAll() throws SandboxException {
        ProviderSelection selection = selection(Map.of(), Map.of("provider", "9p", "cache", "exclusive", "mounts", "/a:/b:ro:hostdir, /c:/d"));
        assertEquals(List.of(new Volume("/a", "/b", true, "hostdir", "exclusive"), new Volume("/c", "/d", false, "9p", "exclusive"),
                new Volume("/e", "/f", false, "9p", "shared")), selection.volumes(List.of(new Volume("/e", "/f", false, null, "shared"))));
        assertEquals(List.of(new Volume("/e", "/f", false, "hostdir", null)),
                selection(Map.of(), Map.of()).volumes(List.of(new Volume("/e", "/f", false))));
    }

    @Test
    void aCommaInAnOptionHasABackslashBeforeIt() {
        Map<String, String> options = Map.of("upperdir", "/a,b", "lowerdir", "/c\\:d:/e\\\\");
        assertEquals(new RootMount("/", 0, options), RootMount.parse("/", RootLayers.text(options)));
    }
}
