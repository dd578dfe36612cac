package dev.caisson.fs.proc;

/** Numbers as names, and inode numbers. */
final class ProcNames {
    private ProcNames() {}

    /**
     * Reads a decimal name without sign or leading zeros.
     *
     * @param name a component
     * @return the number, or -1
     */
    static int number(String name) {
        int length = name.length();
        if (length == 0 || length > 10 || length > 1 && name.charAt(0) == '0') {
            return -1;
        }
        long value = 0;
        for (int i = 0; i < length; i++) {
            char c = name.charAt(i);
            if (c < '0' || c > '9') {
                return -1;
            }
            value = value * 10 + c - '0';
        }
        return value <= Integer.MAX_VALUE ? (int) value : -1;
    }

    /**
     * An inode number that stays the same while a process lives.
     *
     * @param id process or thread
     * @param kind which of its files
     * @return the number
     */
    static long inode(int id, int kind) {
        return 1L << 40 | (long) id << 16 | kind;
    }
}
