package dev.caisson.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.caisson.abi.Mount;
import dev.caisson.control.internal.RootMount;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class VolumeTest {
    @Test
    void hasAHostPathAGuestPathAndPerhapsAMode() {
        assertEquals(new Volume("/a b", "/c", false), Volume.parse("/a b:/c"));
        assertEquals(new Volume("/a", "/c", false), Volume.parse("/a:/c:rw"));
        assertEquals(new Volume("/a", "/c", true), Volume.parse("/a:/c:ro"));
    }

    @Test
    void mayNameItsProviderAndWhoElseChangesIt() {
        assertEquals(new Volume("/a", "/c", true, "9p", "shared"), Volume.parse("/a:/c:9p:cache=shared:ro"));
        assertEquals(new Volume("/a", "/c", false, "hostdir", "exclusive"), new Volume("/a", "/c", false).withDefaults("hostdir", "exclusive"));
        assertEquals(new Volume("/a", "/c", false, "9p", null), Volume.parse("/a:/c:9p").withDefaults("hostdir", null));
    }

    @Test
    void isRefusedInAnyOtherForm() {
        for (String text : List.of("", "/a", "/a:b", "a:/b", "/a:/b:no", "/a:/b:ro:x", "/a:/b:ro:rw", "/a:/b:9p:9p", "/a:/b:cache=none", "/a:/b:")) {
            assertThrows(IllegalArgumentException.class, () -> Volume.parse(text), text);
        }
    }

    @Test
    void genericOptionsOfTheRootBecomeFlagsAndOthersAreTheProvidersOwn() {
        assertEquals(new RootMount("/srv", Mount.MS_RDONLY | Mount.MS_NODEV, Map.of("cache", "shared")),
                RootMount.parse("/srv", "ro,cache=shared,nodev"));
    }

    @Test
    void aSpecificationNeedsACommand() {
        assertThrows(IllegalArgumentException.class, () -> SandboxSpec.of(List.of()).build());
    }
}
