package dev.caisson.abi;

/** Numbers as mount options give them: lib/cmdline.c, memparse(). */
public final class SizeText {
    /** Each stands for 1024 times the one before. */
    private static final String UNITS = "kmgtpe";

    private SizeText() {}

    /**
     * Parses a decimal number, possibly with one of the units k, m, g, t, p and e, small or capital.
     *
     * <p>Deviation: memparse() takes hexadecimal and octal numbers and ignores overflow; none of that is useful to anybody.
     *
     * @param text the number, null for an option without a value
     * @param least the smallest value
     * @param most the greatest value
     * @return the number, with its unit multiplied in
     * @throws ErrnoException EINVAL when it is none, or one out of bounds
     */
    public static long parse(String text, long least, long most) throws ErrnoException {
        if (text == null || text.isEmpty()) {
            throw Errno.EINVAL.error("a number is missing");
        }
        int unit = UNITS.indexOf(Character.toLowerCase(text.charAt(text.length() - 1)));
        int shift = 10 * (unit + 1);
        long number;
        try {
            number = Long.parseLong(unit < 0 ? text : text.substring(0, text.length() - 1));
        } catch (NumberFormatException e) {
            throw Errno.EINVAL.error("not a number");
        }
        if (number < Long.MIN_VALUE >> shift || number > Long.MAX_VALUE >> shift || number << shift < least || number << shift > most) {
            throw Errno.EINVAL.error("a number out of bounds");
        }
        return number << shift;
    }
}
