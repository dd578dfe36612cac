package dev.caisson.platform.kvm;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.caisson.stub.FpuFormat;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Guests that do not do what the probe's own does, as a broken monitor would have it. */
@Timeout(value = 300)
class KvmProbeTest {
    private static final String DEVICE = "/dev/kvm";
    private static final int START = 16;

    @Test
    void aGuestThatDoesNotComeBackEndsTheProbe() throws Exception {
        String message = refused(0xeb, 0xfe); // jmp to itself
        assertTrue(message.contains("did not bring") && message.contains("another platform"), message);
    }

    @Test
    void aGuestWithoutSystemCallsEndsTheProbe() throws Exception {
        String message = refused(0x0f, 0x0b); // ud2
        assertTrue(message.contains("neither to ring 0 nor to ring 3"), message);
    }

    private static String refused(int... instruction) throws Exception {
        assumeTrue(Files.isWritable(Path.of(DEVICE)), "no " + DEVICE);
        byte[] program = new byte[START + instruction.length];
        Arrays.fill(program, (byte) 0x90);
        for (int i = 0; i < instruction.length; i++) {
            program[START + i] = (byte) instruction[i];
        }
        KvmDevice device = new KvmDevice(DEVICE);
        try {
            return assertThrows(KvmUnusableException.class, () -> KvmProbe.run(device, new FpuFormat(), program, 1)).getMessage();
        } finally {
            device.close();
        }
    }
}
