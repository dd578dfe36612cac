package dev.caisson.loader;

import static dev.caisson.abi.Errno.ENOEXEC;

import dev.caisson.abi.ErrnoException;

/**
 * The first line of a script, {@code #! interpreter [argument]}, as fs/binfmt_script.c reads it.
 *
 * @param interpreter path of the interpreter; empty for a file that is nothing but {@code #!}
 * @param argument everything behind it, or null
 */
record ScriptHeader(String interpreter, String argument) {
    /** BINPRM_BUF_SIZE: no more is looked at. */
    static final int HEAD_BYTES = 256;

    /**
     * Parses.
     *
     * @param head the first bytes of the file, one character per byte, zeros behind its end; {@link #HEAD_BYTES} characters
     * @return the header, or null when the file is no script
     * @throws ErrnoException ENOEXEC when no interpreter can be made out
     */
    static ScriptHeader parse(String head) throws ErrnoException {
        if (!head.startsWith("#!")) {
            return null;
        }
        int end = head.indexOf('\n');
        if (end < 0) {
            int first = skipBlanks(head, 2, head.length());
            // The name must be complete: something has to end it within what was read.
            if (first == head.length() || terminator(head, first, head.length()) == head.length()) {
                throw ENOEXEC.error("interpreter name too long");
            }
            end = head.length() - 1; // the kernel puts a NUL over the last byte
        }
        while (end > 2 && isBlank(head.charAt(end - 1))) {
            end--;
        }
        int name = skipBlanks(head, 2, end);
        if (name == end) {
            throw ENOEXEC.error("script without interpreter");
        }
        int nameEnd = terminator(head, name, end);
        String interpreter = head.substring(name, nameEnd);
        String argument = null;
        if (nameEnd < end && head.charAt(nameEnd) != 0) {
            int start = skipBlanks(head, nameEnd, end);
            if (start < end) {
                String rest = head.substring(start, end);
                int zero = rest.indexOf(0);
                argument = zero < 0 ? rest : rest.substring(0, zero);
            }
        }
        return new ScriptHeader(interpreter, argument);
    }

    private static boolean isBlank(char c) {
        return c == ' ' || c == '\t';
    }

    private static int skipBlanks(String text, int from, int to) {
        int at = from;
        while (at < to && isBlank(text.charAt(at))) {
            at++;
        }
        return at;
    }

    /** Where the word ends: at a blank or NUL, else at the end. */
    private static int terminator(String text, int from, int to) {
        int at = from;
        while (at < to && !isBlank(text.charAt(at)) && text.charAt(at) != 0) {
            at++;
        }
        return at;
    }
}
