package dev.caisson.kernel;

import static dev.caisson.kernel.PtraceAccess.FILE_SYSTEM_IDS;
import static dev.caisson.kernel.PtraceAccess.REAL_IDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.cred.Credentials;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class PtraceAccessTest {
    private static final Credentials USER = Credentials.ofUser(1000, 100);

    private static Credentials changed(Credentials from, Consumer<CredentialEdit> change) {
        CredentialEdit edit = new CredentialEdit(from);
        change.accept(edit);
        return edit.build();
    }

    private static Credentials withEffective(Credentials from, long capabilities) {
        return changed(from, edit -> {
            edit.permitted = capabilities;
            edit.effective = capabilities;
        });
    }

    @ParameterizedTest
    @EnumSource
    void theSameUserMay(PtraceAccess access) {
        assertTrue(access.allows(USER, USER, true));
    }

    @ParameterizedTest
    @EnumSource
    void anotherUserOrGroupMayNot(PtraceAccess access) {
        assertFalse(access.allows(USER, Credentials.ofUser(1001, 100), true));
        assertFalse(access.allows(USER, Credentials.ofUser(1000, 101), true));
        assertFalse(access.allows(USER, Credentials.ROOT, true));
    }

    @ParameterizedTest
    @EnumSource
    void anyIdOfTheTargetThatDiffersIsEnoughToRefuse(PtraceAccess access) {
        assertFalse(access.allows(USER, changed(USER, edit -> edit.uid = 0), true));
        assertFalse(access.allows(USER, changed(USER, edit -> edit.euid = 0), true));
        assertFalse(access.allows(USER, changed(USER, edit -> edit.suid = 0), true));
        assertFalse(access.allows(USER, changed(USER, edit -> edit.gid = 0), true));
        assertFalse(access.allows(USER, changed(USER, edit -> edit.egid = 0), true));
        assertFalse(access.allows(USER, changed(USER, edit -> edit.sgid = 0), true));
    }

    @Test
    void theIdsThatCountAreThoseOfTheMode() {
        Credentials asFileUser = changed(USER, edit -> {
            edit.fsuid = 1001;
            edit.fsgid = 101;
        });
        Credentials other = Credentials.ofUser(1001, 101);
        assertEquals(true, FILE_SYSTEM_IDS.allows(asFileUser, other, true));
        assertEquals(false, REAL_IDS.allows(asFileUser, other, true));
        assertEquals(false, FILE_SYSTEM_IDS.allows(asFileUser, USER, true));
        assertEquals(true, REAL_IDS.allows(asFileUser, USER, true));
    }

    @ParameterizedTest
    @EnumSource
    void aTargetThatIsNotDumpableIsForThePrivilegedOnly(PtraceAccess access) {
        assertFalse(access.allows(USER, USER, false));
        assertTrue(access.allows(withEffective(USER, 1L << Capability.CAP_SYS_PTRACE), USER, false));
        assertTrue(access.allows(Credentials.ROOT, USER, false));
    }

    @ParameterizedTest
    @EnumSource
    void aTargetWithMoreCapabilitiesIsForThePrivilegedOnly(PtraceAccess access) {
        Credentials powerful = withEffective(USER, 1L << Capability.CAP_NET_RAW);
        assertFalse(access.allows(USER, powerful, true));
        assertTrue(access.allows(powerful, powerful, true));
        assertTrue(access.allows(powerful, USER, true));
        assertTrue(access.allows(withEffective(USER, 1L << Capability.CAP_SYS_PTRACE), powerful, true));
    }

    @Test
    void permittedCapabilitiesCountForRealIdsAndEffectiveOnesForFileSystemIds() {
        Credentials target = withEffective(USER, 1L << Capability.CAP_NET_RAW);
        Credentials dormant = changed(target, edit -> edit.effective = 0);
        assertTrue(REAL_IDS.allows(dormant, target, true));
        assertFalse(FILE_SYSTEM_IDS.allows(dormant, target, true));
    }

    @Test
    void threadsOfOneProcessMayWhateverTheirCredentials() throws ErrnoException {
        try (TestSandbox sandbox = new TestSandbox()) {
            Task thread = sandbox.linkThread(sandbox.init);
            Task child = sandbox.link(sandbox.init);
            assertTrue(REAL_IDS.allows(sandbox.init, USER, thread));
            assertFalse(REAL_IDS.allows(sandbox.init, USER, child));
            assertFalse(REAL_IDS.allows(null, USER, thread));
        }
    }
}
