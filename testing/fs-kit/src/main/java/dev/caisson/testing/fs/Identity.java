package dev.caisson.testing.fs;

import dev.caisson.abi.Capability;
import dev.caisson.spi.cred.Credentials;
import java.util.Arrays;

/**
 * Who makes a call of a {@linkplain CaseFile case}: {@code UID[:GID[,GROUP...]]}, then {@code +NAME} and {@code -NAME} for effective
 * capabilities without {@code CAP_}. User 0 starts with all, everybody else with none; the group defaults to the user.
 *
 * @param uid real, effective and file user
 * @param gid real, effective and file group
 * @param groups supplementary groups
 * @param effective effective capabilities, bit n for capability n
 */
public record Identity(int uid, int gid, int[] groups, long effective) {
    /** The superuser with every capability. */
    public static final Identity ROOT = of("0");

    /**
     * Reads the text form.
     *
     * @param text for example {@code 1000:2000,3000+FOWNER}
     * @return the identity
     */
    public static Identity of(String text) {
        int capabilities = 0;
        while (capabilities < text.length() && text.charAt(capabilities) != '+' && text.charAt(capabilities) != '-') {
            capabilities++;
        }
        String[] ids = text.substring(0, capabilities).split("[:,]");
        int uid = Integer.parseInt(ids[0]);
        int gid = ids.length > 1 ? Integer.parseInt(ids[1]) : uid;
        int[] groups = Arrays.stream(ids).skip(2).mapToInt(Integer::parseInt).toArray();
        long effective = uid == 0 ? Credentials.ALL_CAPABILITIES : 0;
        for (String change : text.substring(capabilities).split("(?=[+-])")) {
            if (!change.isEmpty()) {
                long bit = 1L << number(change.substring(1));
                effective = change.charAt(0) == '+' ? effective | bit : effective & ~bit;
            }
        }
        return new Identity(uid, gid, groups, effective);
    }

    private static int number(String capability) {
        try {
            return Capability.class.getField("CAP_" + capability).getInt(null);
        } catch (ReflectiveOperationException e) {
            throw new IllegalArgumentException("capability " + capability, e);
        }
    }

    /** {@return the same as the VFS sees it} */
    Credentials credentials() {
        return new Credentials(uid, uid, uid, uid, gid, gid, gid, gid, groups, effective, effective, 0, Credentials.ALL_CAPABILITIES, 0, 0);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Identity that && uid == that.uid && gid == that.gid && effective == that.effective
                && Arrays.equals(groups, that.groups);
    }

    @Override
    public int hashCode() {
        return 31 * uid + gid + Long.hashCode(effective);
    }
}
