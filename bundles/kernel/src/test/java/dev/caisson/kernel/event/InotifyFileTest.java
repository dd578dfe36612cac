package dev.caisson.kernel.event;

import static dev.caisson.abi.Errno.EMFILE;
import static dev.caisson.abi.Errno.ENOSPC;
import static dev.caisson.abi.Poll.IN_MODIFY;
import static dev.caisson.testing.kit.Errors.assertErrno;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.Inode;
import dev.caisson.vfs.AnonymousFiles;
import dev.caisson.vfs.Vfs;
import org.junit.jupiter.api.Test;

final class InotifyFileTest {
    private final Vfs vfs = new Vfs();
    private final InotifyHub hub = new InotifyHub(vfs.watches());
    private final InotifyQuota quota = new InotifyQuota(2, 3);

    private InotifyFile instance() throws ErrnoException {
        return new InotifyFile(hub, quota);
    }

    private Inode file() {
        return vfs.anonymous().node(AnonymousFiles.Kind.PIPE, "watched", Credentials.ROOT);
    }

    @Test
    void instancesAreCountedPerUser() throws ErrnoException {
        InotifyFile first = instance();
        instance();
        assertErrno(EMFILE, this::instance);
        new InotifyFile(hub, new InotifyQuota(1, 1));
        first.close();
        first.close();
        instance();
        assertErrno(EMFILE, this::instance);
    }

    @Test
    void watchesAreCountedOverAllInstancesOfTheUser() throws ErrnoException {
        InotifyFile one = instance();
        InotifyFile other = instance();
        Inode same = file();
        int first = one.watch(same, IN_MODIFY);
        one.watch(file(), IN_MODIFY);
        other.watch(same, IN_MODIFY);
        assertErrno(ENOSPC, () -> other.watch(file(), IN_MODIFY));
        assertEquals(first, one.watch(same, IN_MODIFY), "a watch that is there is changed, not counted again");
        one.unwatch(first);
        other.watch(file(), IN_MODIFY);
        assertErrno(ENOSPC, () -> one.watch(file(), IN_MODIFY));
        other.close();
        one.watch(file(), IN_MODIFY);
        one.watch(file(), IN_MODIFY);
        assertErrno(ENOSPC, () -> one.watch(file(), IN_MODIFY));
    }
}
