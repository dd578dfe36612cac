package dev.caisson.fs.overlay;

import static dev.caisson.abi.Errno.EINVAL;

import dev.caisson.abi.ErrnoException;

/** Sizes as mount options give them: bytes, or with k, m, g or t. */
final class SizeText {
    private SizeText() {}

    static long bytes(String text) throws ErrnoException {
        if (text.isEmpty()) {
            throw EINVAL.error();
        }
        int unit = "kmgt".indexOf(Character.toLowerCase(text.charAt(text.length() - 1)));
        try {
            long number = Long.parseLong(unit < 0 ? text : text.substring(0, text.length() - 1));
            int shift = 10 * (unit + 1);
            if (number < 0 || number > Long.MAX_VALUE >> shift) {
                throw EINVAL.error();
            }
            return number << shift;
        } catch (NumberFormatException e) {
            throw EINVAL.error();
        }
    }
}
