package dev.caisson.cli.boot;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BootPlanTest {
    private static final Set<String> PIDS = Set.of("caisson.platform");
    private static final BootComponent OVERLAY = component("dev.x.Overlay", "overlay", List.of(
            new BootComponent.Argument("dev.x.Memory", "", false), new BootComponent.Argument("dev.x.Provider", "tmpfs", true)));
    private static final BootComponent TMPFS = component("dev.x.Tmpfs", "tmpfs", List.of());

    @TempDir
    private Path home;

    private static BootComponent component(String implementation, String name, List<BootComponent.Argument> arguments) {
        return new BootComponent(implementation, "dev.x", List.of("dev.x.Provider", "dev.x.Other"), List.of("dev.x." + name),
                Map.of(BootComponent.NAME, name, "root", true), arguments);
    }

    @BeforeEach
    void makeDistribution() throws IOException {
        for (String directory : List.of("lib", "bundles", "etc", "deploy")) {
            Files.createDirectory(home.resolve(directory));
        }
        Files.writeString(home.resolve("bundles/a.jar"), "a");
        Files.writeString(home.resolve("etc/caisson.platform.cfg"), "name=x\n");
        Files.writeString(home.resolve("etc/gosh_profile"), "");
        Files.writeString(home.resolve("deploy/README"), "");
        BootPlan.write(home, List.of(OVERLAY, TMPFS));
    }

    @Test
    void whatIsWrittenIsRead() {
        BootPlan plan = BootPlan.read(home, PIDS);
        assertEquals(OVERLAY, plan.find("dev.x.Provider", "overlay"));
        assertEquals(TMPFS, plan.find("dev.x.Other", "tmpfs"));
        assertEquals(Map.of("overlay", OVERLAY, "tmpfs", TMPFS), plan.all("dev.x.Provider"));
    }

    @Test
    void whatIsNotThereOrNotUniqueIsNotFound() {
        BootPlan plan = BootPlan.read(home, PIDS);
        assertNull(plan.find("dev.x.Provider", "nothing"));
        assertNull(plan.find("dev.x.Missing", ""));
        assertNull(plan.find("dev.x.Provider", ""));
    }

    @Test
    void aPlanIsTrueOnlyForTheJarsItWasMadeOf() throws IOException {
        Files.writeString(home.resolve("bundles/a.jar"), "ab");
        assertNull(BootPlan.read(home, PIDS));
        BootPlan.write(home, List.of(TMPFS));
        assertNotNull(BootPlan.read(home, PIDS));
        Files.writeString(home.resolve("bundles/b.jar"), "b");
        assertNull(BootPlan.read(home, PIDS));
    }

    @Test
    void dropInBundlesAndUnknownConfigurationsAreForTheContainer() throws IOException {
        Files.writeString(home.resolve("deploy/vendor.jar"), "");
        assertNull(BootPlan.read(home, PIDS));
        Files.delete(home.resolve("deploy/vendor.jar"));
        Files.writeString(home.resolve("etc/vendor.cfg"), "");
        assertNull(BootPlan.read(home, PIDS));
        Files.delete(home.resolve("etc/vendor.cfg"));
        Files.writeString(home.resolve("etc/dev.x.tmpfs.cfg"), "");
        assertNotNull(BootPlan.read(home, PIDS), "configuration of a component in the plan");
        Files.writeString(home.resolve("etc/caisson.platform.config"), "");
        assertNull(BootPlan.read(home, PIDS), "another syntax, which only the container reads");
    }

    @Test
    void aPlanThatIsMissingOrBrokenIsNone() throws IOException {
        Path file = home.resolve("lib/boot.plan");
        String text = Files.readString(file, StandardCharsets.UTF_8);
        for (String broken : List.of(text + "garbage\n", text + "component\ta\n", text.replaceAll("(?m)^component.*\n", ""), "")) {
            Files.writeString(file, broken);
            assertNull(BootPlan.read(home, PIDS));
        }
        Files.delete(file);
        assertNull(BootPlan.read(home, PIDS));
    }
}
