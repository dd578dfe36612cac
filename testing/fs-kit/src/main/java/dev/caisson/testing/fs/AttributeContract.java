package dev.caisson.testing.fs;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EISDIR;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.testing.fs.Guest.fails;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.spi.fs.Attributes;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.Vfs;
import org.junit.jupiter.api.Test;

/** stat(2), chmod(2), chown(2), utimensat(2), truncate(2), statfs(2). */
public interface AttributeContract extends ContractSubject {
    @Test
    default void modesChangeAndKeepTheType() throws ErrnoException {
        root().write("/f", "");
        root().chmod("/f", 07777);
        assertEquals(Stat.S_IFREG | 07777, root().stat("/f").mode());
        root().mkdir("/d");
        root().chmod("/d", 01700);
        assertEquals(Stat.S_IFDIR | 01700, root().stat("/d").mode());
        fails(EPERM, () -> root().as(1000, 1000).chmod("/f", 0));
    }

    @Test
    default void ownersChangeAndSetIdBitsGo() throws ErrnoException {
        needs(Feature.CHOWN);
        root().write("/f", "");
        root().chmod("/f", 06755);
        root().chown("/f", 1000, 2000);
        assertEquals(1000, root().stat("/f").uid());
        assertEquals(2000, root().stat("/f").gid());
        assertEquals(0755, root().stat("/f").mode() & 07777);
        root().chown("/f", -1, 3000);
        assertEquals(1000, root().stat("/f").uid());
        Guest owner = root().as(1000, 2000);
        owner.chown("/f", -1, 2000);
        fails(EPERM, () -> owner.chown("/f", -1, 4000));
        fails(EPERM, () -> owner.chown("/f", 1001, -1));
        fails(EPERM, () -> root().as(1001, 2000).chown("/f", -1, 2000));
    }

    @Test
    default void setGroupIdGoesWhenTheGroupIsNotOnes() throws ErrnoException {
        needs(Feature.CHOWN);
        root().write("/f", "");
        root().chown("/f", 1000, 2000);
        root().as(1000, 1000).chmod("/f", 02755);
        assertEquals(0755, root().stat("/f").mode() & 07777);
        root().as(1000, 2000).chmod("/f", 02755);
        assertEquals(02755, root().stat("/f").mode() & 07777);
    }

    @Test
    default void writingDropsSetIdBits() throws ErrnoException {
        needs(Feature.CHOWN);
        root().write("/f", "");
        root().chown("/f", 1000, 1000);
        root().chmod("/f", 06777);
        Guest user = root().as(1001, 1001);
        FileDescription file = user.open("/f", Fcntl.O_WRONLY);
        user.write(file, "x");
        file.release();
        assertEquals(0777, root().stat("/f").mode() & 07777);
        root().chmod("/f", 06777);
        FileDescription byRoot = root().open("/f", Fcntl.O_WRONLY);
        root().write(byRoot, "x");
        byRoot.release();
        assertEquals(06777, root().stat("/f").mode() & 07777);
    }

    @Test
    default void timesCanBeSet() throws ErrnoException {
        root().write("/f", "x");
        root().vfs().setTimes(root(), root().at("/f"), 1_000_000_001L, 2_000_000_002L);
        Attributes set = root().stat("/f");
        assertEquals(1_000_000_001L, set.accessNs());
        assertEquals(2_000_000_002L, set.modifyNs());
        root().vfs().setTimes(root(), root().at("/f"), Vfs.OMIT, Vfs.NOW);
        Attributes later = root().stat("/f");
        assertEquals(1_000_000_001L, later.accessNs());
        assertTrue(later.modifyNs() > 1_000_000_000_000_000_000L);
        root().vfs().setTimes(root(), root().at("/f"), -1_500_000_000L, -1L);
        assertEquals(-1_500_000_000L, root().stat("/f").accessNs());
    }

    @Test
    default void onlyOwnersSetTimesAndWritersTouch() throws ErrnoException {
        root().write("/f", "x");
        Guest user = root().as(1000, 1000);
        fails(EPERM, () -> user.vfs().setTimes(user, user.at("/f"), 1, 1));
        fails(dev.caisson.abi.Errno.EACCES, () -> user.vfs().setTimes(user, user.at("/f"), Vfs.NOW, Vfs.NOW));
        root().chmod("/f", 0666);
        user.vfs().setTimes(user, user.at("/f"), Vfs.NOW, Vfs.NOW);
        fails(EPERM, () -> user.vfs().setTimes(user, user.at("/f"), Vfs.NOW, Vfs.OMIT));
    }

    @Test
    default void writingMovesModificationTimes() throws ErrnoException {
        root().write("/f", "x");
        root().vfs().setTimes(root(), root().at("/f"), 1000, 1000);
        FileDescription file = root().open("/f", Fcntl.O_RDWR);
        root().write(file, "y");
        file.release();
        Attributes after = root().stat("/f");
        assertTrue(after.modifyNs() > 1000);
        assertTrue(after.changeNs() >= after.modifyNs());
    }

    @Test
    default void truncationCutsAndGrows() throws ErrnoException {
        root().write("/f", "0123456789");
        root().vfs().truncate(root(), root().at("/f"), 4);
        assertEquals("0123", root().read("/f"));
        root().vfs().truncate(root(), root().at("/f"), 6);
        assertEquals("0123\0\0", root().read("/f"));
        root().mkdir("/d");
        fails(EISDIR, () -> root().vfs().truncate(root(), root().at("/d"), 0));
        fails(EINVAL, () -> root().vfs().truncate(root(), root().at("/f"), -1));
        FileDescription reader = root().open("/f", Fcntl.O_RDONLY);
        fails(EINVAL, () -> root().vfs().truncate(root(), reader, 0));
        reader.release();
    }

    @Test
    default void filesOfOneFilesystemHaveItsDeviceAndNumbersOfTheirOwn() throws ErrnoException {
        root().write("/f", "");
        root().write("/g", "");
        assertEquals(root().stat("/").deviceId(), root().stat("/f").deviceId());
        assertTrue(root().stat("/f").inode() != root().stat("/g").inode());
        assertEquals(1, root().stat("/f").links());
        assertTrue(root().stat("/f").blockBytes() > 0);
    }

    @Test
    default void theFilesystemTellsItsStatus() throws ErrnoException {
        assertTrue(root().vfs().status(root().at("/")).blockBytes() > 0);
        assertTrue(root().vfs().status(root().at("/")).nameBytes() >= 255);
        assertTrue(root().vfs().status(root().at("/")).magic() != 0);
    }
}
