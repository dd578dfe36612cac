package dev.caisson.platform.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KvmDeviceTest {
    @Test
    void aMissingDeviceSaysWhatToDo(@TempDir Path directory) {
        String message = refused(directory.resolve("kvm").toString());
        assertTrue(message.contains("kvm_amd") && message.contains("nested"), message);
    }

    @Test
    void somethingElseIsToldApart(@TempDir Path directory) throws Exception {
        Path file = Files.createFile(directory.resolve("kvm"));
        String message = refused(file.toString());
        assertTrue(message.contains("is not KVM"), message);
    }

    private static String refused(String path) {
        KvmUnusableException e = assertThrows(KvmUnusableException.class, () -> new KvmPlatform(path, 0));
        assertFalse(e.getMessage().contains("\n"));
        assertEquals(1, e.getMessage().lines().count());
        return e.getMessage();
    }
}
