package dev.caisson.control;

/**
 * A directory or file of the host that the sandbox sees.
 *
 * @param hostPath absolute path on the host
 * @param guestPath absolute path in the sandbox; made if it does not exist
 * @param isReadOnly whether guests may not change it
 * @param provider which filesystem serves it: {@link #DIRECT} or {@link #GOFER}; null for what the configuration says
 * @param cache who else changes the files: "shared" (others do) or "exclusive" (nobody does); null for what the configuration says
 */
public record Volume(String hostPath, String guestPath, boolean isReadOnly, String provider, String cache) {
    /** The sandbox opens the files itself. */
    public static final String DIRECT = "hostdir";
    /** A gofer opens them. */
    public static final String GOFER = "9p";

    private static final String FORM = "a volume is /host/path:/guest/path[:ro][:9p][:cache=shared|exclusive], not ";

    /**
     * A volume that is served as the configuration says.
     *
     * @param hostPath absolute path on the host
     * @param guestPath absolute path in the sandbox
     * @param isReadOnly whether guests may not change it
     */
    public Volume(String hostPath, String guestPath, boolean isReadOnly) {
        this(hostPath, guestPath, isReadOnly, null, null);
    }

    /**
     * Parses {@code host:guest[:ro|:rw][:9p|:hostdir][:cache=shared|exclusive]}.
     *
     * @param text the option's value
     * @return the volume
     * @throws IllegalArgumentException when the text has another form
     */
    public static Volume parse(String text) {
        String[] parts = text.split(":", -1);
        if (parts.length < 2 || !parts[0].startsWith("/") || !parts[1].startsWith("/")) {
            throw new IllegalArgumentException(FORM + text);
        }
        String access = null;
        String provider = null;
        String cache = null;
        for (int i = 2; i < parts.length; i++) {
            boolean isFirst = switch (parts[i]) {
                case "ro", "rw" -> access == null;
                case DIRECT, GOFER -> provider == null;
                case "cache=shared", "cache=exclusive" -> cache == null;
                default -> false;
            };
            if (!isFirst) {
                throw new IllegalArgumentException(FORM + text);
            }
            switch (parts[i]) {
                case "ro", "rw" -> access = parts[i];
                case DIRECT, GOFER -> provider = parts[i];
                default -> cache = parts[i].substring("cache=".length());
            }
        }
        return new Volume(parts[0], parts[1], "ro".equals(access), provider, cache);
    }

    /**
     * The same with what it leaves open.
     *
     * @param defaultProvider which filesystem serves volumes that do not say
     * @param defaultCache who else changes their files; null leaves it to the filesystem
     * @return a volume whose provider is set
     */
    public Volume withDefaults(String defaultProvider, String defaultCache) {
        return new Volume(hostPath, guestPath, isReadOnly, provider != null ? provider : defaultProvider, cache != null ? cache : defaultCache);
    }
}
