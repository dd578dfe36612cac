package dev.caisson.spi.fs;

import static dev.caisson.abi.Errno.EACCES;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.spi.cred.Credentials;

/** Permission by mode bits: path_resolution(7), capabilities(7). */
public final class ModeBits {
    private ModeBits() {}

    /**
     * Checks access.
     *
     * @param mode type and permission bits of the file
     * @param uid owner
     * @param gid group
     * @param mask R_OK, W_OK, X_OK
     * @param credentials who wants access
     * @throws ErrnoException EACCES
     */
    public static void check(int mode, int uid, int gid, int mask, Credentials credentials) throws ErrnoException {
        int bits;
        if (credentials.fsuid() == uid) {
            bits = mode >>> 6;
        } else if (credentials.inGroup(gid)) {
            bits = mode >>> 3;
        } else {
            bits = mode;
        }
        if ((mask & ~bits & 7) != 0) {
            checkCapabilities(mode, mask, credentials);
        }
    }

    /** Access that no bit and no list gives: EACCES unless a capability does. */
    static void checkCapabilities(int mode, int mask, Credentials credentials) throws ErrnoException {
        boolean directory = (mode & Stat.S_IFMT) == Stat.S_IFDIR;
        if (credentials.has(Capability.CAP_DAC_OVERRIDE)
                && (directory || (mask & Fcntl.X_OK) == 0 || (mode & 0111) != 0)) {
            return;
        }
        boolean readsOnly = directory ? (mask & Fcntl.W_OK) == 0 : mask == Fcntl.R_OK;
        if (readsOnly && credentials.has(Capability.CAP_DAC_READ_SEARCH)) {
            return;
        }
        throw EACCES.error();
    }
}
