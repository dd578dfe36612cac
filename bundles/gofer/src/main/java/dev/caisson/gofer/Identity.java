package dev.caisson.gofer;

import dev.caisson.host.HostCredentials;
import java.util.Arrays;

/**
 * As whom requests are carried out: user, group and further groups of an attach.
 *
 * @param user user id
 * @param group group id
 * @param groups supplementary groups
 */
record Identity(int user, int group, int[] groups) {
    private static final int[] NONE = {};
    /** As whom the calling thread works; null stands for the gofer itself. */
    private static final ThreadLocal<Identity> OF_THREAD = new ThreadLocal<>();

    static Identity of(int user, int group) {
        return new Identity(user, group, NONE);
    }

    /**
     * Makes the calling thread work as somebody.
     *
     * @param wanted as whom; null for the gofer's own user
     */
    static void assume(Identity wanted) {
        Identity present = OF_THREAD.get();
        if (present == wanted) {
            return;
        }
        Identity next = wanted == null ? own() : wanted;
        // Back to the gofer's own user first: it alone may set groups.
        HostCredentials.setFileUser(own().user);
        HostCredentials.setGroups(next.groups);
        HostCredentials.setFileGroup(next.group);
        HostCredentials.setFileUser(next.user);
        OF_THREAD.set(wanted);
    }

    private static Identity own() {
        return Own.IDENTITY;
    }

    private static final class Own {
        private static final Identity IDENTITY = of(HostCredentials.effectiveUser(), HostCredentials.effectiveGroup());

        private Own() {}
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Identity that && user == that.user && group == that.group && Arrays.equals(groups, that.groups);
    }

    @Override
    public int hashCode() {
        return user * 31 + group;
    }

    @Override
    public String toString() {
        return user + ":" + group;
    }
}
