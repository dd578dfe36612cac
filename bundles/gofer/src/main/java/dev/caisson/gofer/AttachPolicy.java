package dev.caisson.gofer;

import static dev.caisson.abi.Errno.EPERM;

import dev.caisson.abi.ErrnoException;
import dev.caisson.ninep.Protocol;

/**
 * As whom the attaches of a connection work.
 * <ul>
 * <li>When the gofer was given a user for everybody ({@code --as}), as that one.
 * <li>When the gofer cannot change users, as the gofer's own one; other users' attaches fail (EPERM).
 * <li>Over a connection that was handed to the gofer, or from a UNIX socket's peer who is root or the gofer's user: as whoever Tattach
 * names. Whoever made such a connection could do the same without the gofer.
 * <li>From any other peer: as the peer, and nobody else (EPERM).
 * </ul>
 */
final class AttachPolicy {
    private static final int ANYBODY = -1;

    private final Accounts accounts;
    private final boolean canChange;
    private final int own;
    private final Identity everybody;

    /**
     * Makes a policy.
     *
     * @param accounts the host's users
     * @param own the gofer's user id
     * @param canChange whether the gofer can work as another user than its own
     * @param everybody as whom everybody works, or null
     * @throws IllegalArgumentException if that is somebody whom the gofer cannot work as
     */
    AttachPolicy(Accounts accounts, int own, boolean canChange, Identity everybody) {
        if (everybody != null && !canChange && everybody.user() != own) {
            throw new IllegalArgumentException("cannot work as user " + everybody.user() + " without CAP_SETUID and CAP_SETGID");
        }
        this.accounts = accounts;
        this.own = own;
        this.canChange = canChange;
        this.everybody = everybody;
    }

    /** {@return whether strangers may connect: over TCP nobody tells who they are} */
    boolean admitsStrangers() {
        return everybody != null;
    }

    /** {@return whether new files can be given to other users and groups; else they stay the gofer's own} */
    boolean givesFilesAway() {
        return canChange;
    }

    /** {@return the peer that stands for a connection that was handed to the gofer} */
    static int trusted() {
        return ANYBODY;
    }

    /** {@return whether a peer is one who could do what the gofer does without it} */
    boolean isTrusted(int peer) {
        return peer == ANYBODY || peer == 0 || peer == own;
    }

    /**
     * Judges an attach.
     *
     * @param peer user id of the peer, or {@link #trusted}
     * @param name uname of Tattach
     * @param number n_uname of Tattach
     * @return as whom it works; null for the gofer's own user
     * @throws ErrnoException EPERM
     */
    Identity judge(int peer, String name, int number) throws ErrnoException {
        if (everybody != null) {
            return canChange ? everybody : null;
        }
        if (!canChange) {
            if (!isTrusted(peer)) {
                throw EPERM.error("a peer that is somebody else");
            }
            return null;
        }
        int wanted = number;
        if (number == Protocol.NO_UID) {
            Integer byName = accounts.user(name);
            if (byName == null && !name.isEmpty()) {
                throw EPERM.error("a user that the host does not know");
            }
            wanted = byName != null ? byName : peer == ANYBODY ? own : peer;
        }
        if (!isTrusted(peer) && peer != wanted) {
            throw EPERM.error("a peer that is somebody else");
        }
        return wanted == own ? null : accounts.identity(wanted);
    }
}
