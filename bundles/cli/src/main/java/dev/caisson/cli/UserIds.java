package dev.caisson.cli;

/**
 * Who a program runs as.
 *
 * @param uid user
 * @param gid group
 */
record UserIds(int uid, int gid) {
    /**
     * Parses {@code UID[:GID]}; without a group it is that of the user's number.
     *
     * @param text numbers
     * @return the ids
     * @throws IllegalArgumentException when it is something else
     */
    static UserIds parse(String text) {
        int colon = text.indexOf(':');
        try {
            int uid = Integer.parseUnsignedInt(colon < 0 ? text : text.substring(0, colon));
            return new UserIds(uid, colon < 0 ? uid : Integer.parseUnsignedInt(text.substring(colon + 1)));
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("--user takes numbers, UID[:GID], not " + text, e);
        }
    }
}
