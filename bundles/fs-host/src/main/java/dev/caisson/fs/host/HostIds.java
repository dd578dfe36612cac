package dev.caisson.fs.host;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EOVERFLOW;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;

/**
 * Which ids of the host stand for those that guests see as owners of files: what a user namespace does to a container. Deviation: ids in access control
 * lists are the host's.
 */
final class HostIds {
    /** The same on both sides. */
    static final HostIds SAME = new HostIds(null, null);
    /** As Linux shows an owner who has no id in the namespace. */
    private static final int OVERFLOW = 65534;

    /** A guest's first id, the host's, and how many, in turns; null for the same ids. */
    private final long[] users;
    private final long[] groups;

    private HostIds(long[] users, long[] groups) {
        this.users = users;
        this.groups = groups;
    }

    /**
     * Reads maps.
     *
     * @param users {@code GUEST:HOST:COUNT}, joined by {@code +}; null for the same ids
     * @param groups as for users
     * @return the ids
     * @throws ErrnoException EINVAL
     */
    static HostIds of(String users, String groups) throws ErrnoException {
        return users == null && groups == null ? SAME : new HostIds(ranges(users), ranges(groups));
    }

    private static long[] ranges(String text) throws ErrnoException {
        if (text == null) {
            return null;
        }
        String[] words = text.split("[:+]");
        long[] ranges = new long[words.length];
        try {
            for (int i = 0; i < words.length; i++) {
                ranges[i] = Long.parseLong(words[i]);
            }
        } catch (NumberFormatException e) {
            throw EINVAL.explained("hostdir: ids are GUEST:HOST:COUNT+...");
        }
        if (words.length % 3 != 0) {
            throw EINVAL.explained("hostdir: ids are GUEST:HOST:COUNT+...");
        }
        return ranges;
    }

    private static long mapped(long[] ranges, int id, int from, int to) {
        long wanted = id & 0xffff_ffffL;
        for (int i = 0; i < ranges.length; i += 3) {
            if (wanted >= ranges[i + from] && wanted - ranges[i + from] < ranges[i + 2]) {
                return wanted - ranges[i + from] + ranges[i + to];
            }
        }
        return -1;
    }

    private static int shown(long[] ranges, int id) {
        if (ranges == null) {
            return id;
        }
        long mapped = mapped(ranges, id, 1, 0);
        return mapped < 0 ? OVERFLOW : (int) mapped;
    }

    int user(int host) {
        return shown(users, host);
    }

    int group(int host) {
        return shown(groups, host);
    }

    private static int stored(long[] ranges, int id, Errno otherwise) throws ErrnoException {
        if (ranges == null || id == -1) {
            return id;
        }
        long mapped = mapped(ranges, id, 0, 1);
        if (mapped < 0) {
            throw otherwise.error("an id without one on the host");
        }
        return (int) mapped;
    }

    /** {@return the host's id for a new owner; -1 stays}; EINVAL as chown(2) in a user namespace */
    int hostUser(int guest) throws ErrnoException {
        return stored(users, guest, EINVAL);
    }

    /** As {@link #hostUser}. */
    int hostGroup(int guest) throws ErrnoException {
        return stored(groups, guest, EINVAL);
    }

    /** Before a file is made: EOVERFLOW, as Linux says, for an owner who has no id on the host. */
    void check(int user, int group) throws ErrnoException {
        stored(users, user, EOVERFLOW);
        stored(groups, group, EOVERFLOW);
    }

    /**
     * Whether a file could get its owner.
     *
     * @param result of chown(2): EPERM where the sandbox runs as an ordinary user, EINVAL where it is one in a user namespace: the file is that
     *         user's then
     * @throws ErrnoException any other error
     */
    static void checkOwned(long result) throws ErrnoException {
        if (result < 0 && result != -Errno.EPERM.number() && result != -EINVAL.number()) {
            Errno.check(result);
        }
    }
}
