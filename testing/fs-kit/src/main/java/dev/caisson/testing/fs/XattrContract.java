package dev.caisson.testing.fs;

import static dev.caisson.abi.Errno.EACCES;
import static dev.caisson.abi.Errno.EEXIST;
import static dev.caisson.abi.Errno.ENODATA;
import static dev.caisson.abi.Errno.EOPNOTSUPP;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.testing.fs.Guest.fails;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Mount;
import dev.caisson.vfs.ExtendedAttributes;
import dev.caisson.vfs.Location;
import org.junit.jupiter.api.Test;

/** xattr(7). */
public interface XattrContract extends ContractSubject {
    @Test
    default void attributesAreKeptListedAndRemoved() throws ErrnoException {
        needs(Feature.USER_XATTRS);
        root().write("/f", "");
        Location file = root().at("/f");
        ExtendedAttributes attributes = root().vfs().extendedAttributes();
        byte[] value = {1, 0, -1};
        attributes.set(root(), file, "user.one", value, 0);
        attributes.set(root(), file, "user.empty", new byte[0], 0);
        assertArrayEquals(value, attributes.get(root(), file, "user.one"));
        assertEquals(0, attributes.get(root(), file, "user.empty").length);
        assertTrue(attributes.list(root(), file).contains("user.one"));
        fails(ENODATA, () -> attributes.get(root(), file, "user.none"));
        fails(EEXIST, () -> attributes.set(root(), file, "user.one", value, Mount.XATTR_CREATE));
        fails(ENODATA, () -> attributes.set(root(), file, "user.none", value, Mount.XATTR_REPLACE));
        attributes.set(root(), file, "user.one", new byte[] {2}, Mount.XATTR_REPLACE);
        assertArrayEquals(new byte[] {2}, attributes.get(root(), file, "user.one"));
        attributes.remove(root(), file, "user.one");
        fails(ENODATA, () -> attributes.remove(root(), file, "user.one"));
        assertFalse(attributes.list(root(), file).contains("user.one"));
        fails(EOPNOTSUPP, () -> attributes.set(root(), file, "strange.name", value, 0));
    }

    @Test
    default void userAttributesNeedAccessAndTheRightType() throws ErrnoException {
        needs(Feature.USER_XATTRS);
        root().write("/f", "");
        ExtendedAttributes attributes = root().vfs().extendedAttributes();
        Guest user = root().as(1000, 1000);
        Location file = root().at("/f");
        attributes.set(root(), file, "user.x", new byte[] {1}, 0);
        assertEquals(1, attributes.get(user, file, "user.x").length);
        fails(EACCES, () -> attributes.set(user, file, "user.x", new byte[1], 0));
        root().symlink("f", "/l");
        Location link = root().vfs().resolve(root(), null, "/l", 0);
        fails(EPERM, () -> attributes.set(root(), link, "user.x", new byte[1], 0));
        fails(ENODATA, () -> attributes.get(root(), link, "user.x"));
    }

    @Test
    default void trustedAttributesAreForTheSuperuser() throws ErrnoException {
        needs(Feature.TRUSTED_XATTRS);
        root().write("/f", "");
        root().chmod("/f", 0666);
        ExtendedAttributes attributes = root().vfs().extendedAttributes();
        Location file = root().at("/f");
        attributes.set(root(), file, "trusted.t", new byte[] {1}, 0);
        assertTrue(attributes.list(root(), file).contains("trusted.t"));
        Guest user = root().as(1000, 1000);
        fails(ENODATA, () -> attributes.get(user, file, "trusted.t"));
        fails(EPERM, () -> attributes.set(user, file, "trusted.t", new byte[1], 0));
        assertFalse(attributes.list(user, file).contains("trusted.t"));
    }
}
