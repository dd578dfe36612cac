package dev.caisson.control;

/**
 * A directory or file of the host that the sandbox sees.
 *
 * @param hostPath absolute path on the host
 * @param guestPath absolute path in the sandbox; made if it does not exist
 * @param isReadOnly whether guests may not change it
 */
public record Volume(String hostPath, String guestPath, boolean isReadOnly) {
    /**
     * Parses {@code host:guest[:ro|:rw]}.
     *
     * @param text the option's value
     * @return the volume
     * @throws IllegalArgumentException when the text has another form
     */
    public static Volume parse(String text) {
        String[] parts = text.split(":", -1);
        boolean hasMode = parts.length == 3 && (parts[2].equals("ro") || parts[2].equals("rw"));
        if (parts.length != 2 && !hasMode || !parts[0].startsWith("/") || !parts[1].startsWith("/")) {
            throw new IllegalArgumentException("a volume is /host/path:/guest/path[:ro], not " + text);
        }
        return new Volume(parts[0], parts[1], hasMode && parts[2].equals("ro"));
    }
}
