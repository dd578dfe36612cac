package dev.caisson.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.caisson.abi.Capability;
import dev.caisson.spi.cred.Credentials;
import org.junit.jupiter.api.Test;

class CredentialEditTest {
    @Test
    void leavingUserZeroForGoodDropsAllCapabilities() {
        CredentialEdit edit = new CredentialEdit(Credentials.ROOT);
        edit.uid = 1000;
        edit.euid = 1000;
        edit.suid = 1000;
        Credentials after = edit.afterUserChange();
        assertEquals(0, after.permitted());
        assertEquals(0, after.effective());
    }

    @Test
    void leavingItForAWhileDropsTheEffectiveOnesOnly() {
        CredentialEdit edit = new CredentialEdit(Credentials.ROOT);
        edit.euid = 1000;
        Credentials away = edit.afterUserChange();
        assertEquals(Credentials.ALL_CAPABILITIES, away.permitted());
        assertEquals(0, away.effective());
        CredentialEdit back = new CredentialEdit(away);
        back.euid = 0;
        assertEquals(Credentials.ALL_CAPABILITIES, back.afterUserChange().effective());
    }

    @Test
    void keptCapabilitiesStayPermitted() {
        CredentialEdit edit = new CredentialEdit(Credentials.ROOT);
        edit.securebits = CredentialEdit.SECBIT_KEEP_CAPS;
        edit.uid = 1;
        edit.euid = 1;
        edit.suid = 1;
        Credentials after = edit.afterUserChange();
        assertEquals(Credentials.ALL_CAPABILITIES, after.permitted());
        assertEquals(0, after.effective());
    }

    @Test
    void theFileUserHasTheCapabilitiesOverFiles() {
        CredentialEdit edit = new CredentialEdit(Credentials.ROOT);
        edit.fsuid = 7;
        Credentials after = edit.afterFileUserChange();
        assertEquals(0, after.effective() >>> Capability.CAP_DAC_OVERRIDE & 1);
        assertEquals(1, after.effective() >>> Capability.CAP_SYS_ADMIN & 1);
    }
}
