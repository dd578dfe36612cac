package dev.caisson.platform.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.host.HostKvm;
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

    @Test
    void everyRefusalOfTheHostSaysWhatToDo() {
        assertTrue(KvmDevice.reason(2).contains("kvm_amd")); // ENOENT
        assertTrue(KvmDevice.reason(19).contains("nested")); // ENODEV
        assertTrue(KvmDevice.reason(13).contains("group kvm")); // EACCES
        assertTrue(KvmDevice.reason(16).contains("stop it")); // EBUSY
        assertTrue(KvmDevice.reason(24).contains("limits")); // EMFILE
        for (int errno = 1; errno < 40; errno++) {
            assertTrue(KvmDevice.reason(errno).contains("another platform"), KvmDevice.reason(errno));
        }
    }

    @Test
    void anOldInterfaceIsNamed() {
        String message = assertThrows(KvmUnusableException.class, () -> KvmDevice.check("/dev/kvm", 11, capability -> 0)).getMessage();
        assertTrue(message.contains("version 11") && message.contains("newer Linux"), message);
    }

    @Test
    void aMissingCapabilityIsNamedWithTheLinuxThatHasIt() throws Exception {
        int[] capabilities = {HostKvm.CAP_USER_MEMORY, HostKvm.CAP_XCRS, HostKvm.CAP_IMMEDIATE_EXIT, HostKvm.CAP_SYNC_REGS};
        KvmDevice.check("/dev/kvm", HostKvm.API_VERSION, capability -> 7);
        for (int missing : capabilities) {
            for (long answer : new long[] {0, -22}) {
                String message = assertThrows(KvmUnusableException.class, () -> KvmDevice.check("/dev/kvm", HostKvm.API_VERSION,
                    capability -> capability == missing ? answer : 7)).getMessage();
                assertTrue(message.matches("KVM has no .*; Linux [0-9.]+ or later is needed.*"), message);
            }
        }
    }

    private static String refused(String path) {
        KvmUnusableException e = assertThrows(KvmUnusableException.class, () -> new KvmPlatform(path, 0, new Crowd(0, Crowd.HASTY)));
        assertFalse(e.getMessage().contains("\n"));
        assertEquals(1, e.getMessage().lines().count());
        return e.getMessage();
    }
}
