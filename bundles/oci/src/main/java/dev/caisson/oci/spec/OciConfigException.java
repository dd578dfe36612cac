package dev.caisson.oci.spec;

/** A configuration that cannot be used. The message is one line for whoever wrote it, and names the field by its path. */
public final class OciConfigException extends Exception {
    private static final long serialVersionUID = 1;
    private static final int MOST_CHARACTERS = 300;

    /**
     * Makes the failure.
     *
     * @param message what is wrong; line breaks and other control characters in it are replaced
     */
    public OciConfigException(String message) {
        super(oneLine(message));
    }

    /**
     * Makes the failure of a field.
     *
     * @param path the field, such as {@code process.rlimits[2].type}; empty for the whole document
     * @param problem what is wrong with it
     */
    OciConfigException(String path, String problem) {
        this(path.isEmpty() ? problem : path + ": " + problem);
    }

    /** What comes from a file may hold anything: terminals and logs get one line of bounded length. */
    private static String oneLine(String text) {
        StringBuilder line = new StringBuilder();
        for (int i = 0; i < text.length() && i < MOST_CHARACTERS; i++) {
            char c = text.charAt(i);
            line.append(Character.isISOControl(c) || Character.isSurrogate(c) ? '?' : c);
        }
        return text.length() > MOST_CHARACTERS ? line + "..." : line.toString();
    }
}
