package dev.caisson.gofer;

import static dev.caisson.abi.Errno.EPERM;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.ErrnoException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** As whom attaches work, for gofers of root (user 0) and of others. */
class AttachPolicyTest {
    private static final int NO_UID = -1;

    @TempDir Path directory;
    private Accounts accounts;

    @BeforeEach void makeAccounts() throws Exception {
        Path passwd = Files.writeString(directory.resolve("passwd"), "root:x:0:0::/root:/bin/sh\nann:x:1001:100:Ann:/:/bin/sh\nbroken\nx:x:y:z:a\n");
        Path group = Files.writeString(directory.resolve("group"), "users:x:100:\nwheel:x:10:ann,bob\naudio:x:29:ann\nno:x\n");
        accounts = Accounts.read(passwd, group);
    }

    private AttachPolicy ofRoot() {
        return new AttachPolicy(accounts, 0, true, null);
    }

    private static void refuses(AttachPolicy policy, int peer, String name, int number) {
        assertEquals(EPERM, assertThrows(ErrnoException.class, () -> policy.judge(peer, name, number)).errno());
    }

    @Test void rootsPeersMayBeAnybody() throws Exception {
        for (int peer : new int[] {AttachPolicy.trusted(), 0}) {
            Identity ann = ofRoot().judge(peer, "", 1001);
            assertEquals(1001, ann.user());
            assertEquals(100, ann.group());
            assertArrayEquals(new int[] {10, 29}, ann.groups());
            assertEquals(1001, ofRoot().judge(peer, "ann", NO_UID).user());
            assertNull(ofRoot().judge(peer, "", 0));
            assertNull(ofRoot().judge(peer, "", NO_UID));
            assertEquals(Identity.of(77, 77), ofRoot().judge(peer, "", 77));
        }
        refuses(ofRoot(), 0, "nobody-knows", NO_UID);
    }

    @Test void otherPeersMayBeThemselves() throws Exception {
        assertEquals(1001, ofRoot().judge(1001, "", 1001).user());
        assertEquals(1001, ofRoot().judge(1001, "ann", NO_UID).user());
        assertEquals(1001, ofRoot().judge(1001, "", NO_UID).user());
        refuses(ofRoot(), 1001, "", 0);
        refuses(ofRoot(), 1001, "root", NO_UID);
        refuses(ofRoot(), 1001, "", 1002);
    }

    @Test void anOrdinaryUsersGoferWorksAsThatUserForNobodyElse() throws Exception {
        AttachPolicy policy = new AttachPolicy(Accounts.none(), 1001, false, null);
        assertNull(policy.judge(AttachPolicy.trusted(), "", 0));
        assertNull(policy.judge(1001, "", 1001));
        assertNull(policy.judge(0, "", 0));
        refuses(policy, 1002, "", 1001);
        refuses(policy, 1002, "", 1002);
        assertFalse(policy.givesFilesAway());
    }

    @Test void strangersNeedAUserForEverybody() throws Exception {
        assertFalse(ofRoot().admitsStrangers());
        assertFalse(new AttachPolicy(accounts, 1001, false, null).admitsStrangers());
        AttachPolicy policy = new AttachPolicy(accounts, 0, true, Identity.of(5, 6));
        assertTrue(policy.admitsStrangers());
        assertEquals(Identity.of(5, 6), policy.judge(AttachPolicy.trusted(), "", 0));
        assertEquals(Identity.of(5, 6), policy.judge(1001, "root", NO_UID));
        assertNull(new AttachPolicy(accounts, 1001, false, Identity.of(1001, 100)).judge(7, "", 0));
        assertThrows(IllegalArgumentException.class, () -> new AttachPolicy(accounts, 1001, false, Identity.of(0, 0)));
    }
}
