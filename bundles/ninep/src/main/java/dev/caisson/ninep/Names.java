package dev.caisson.ninep;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;

/** The one place where names that came over the wire are judged. Strings hold one byte per char. */
public final class Names {
    private Names() {}

    /**
     * Whether a string is the name of an entry of a directory: 1 to 255 bytes, no slash, no NUL, neither "." nor "..".
     *
     * @param name the string
     * @return whether it is
     */
    public static boolean isEntry(String name) {
        int length = name.length();
        if (length == 0 || length > Protocol.NAME_BYTES || name.equals(".") || name.equals("..")) {
            return false;
        }
        return name.indexOf('/') < 0 && name.indexOf('\0') < 0;
    }

    /**
     * Checks a name that a client sent.
     *
     * @param name the name
     * @return the name
     * @throws ErrnoException ENAMETOOLONG, or EINVAL for what names nothing
     */
    public static String checkEntry(String name) throws ErrnoException {
        if (isEntry(name)) {
            return name;
        }
        throw name.length() > Protocol.NAME_BYTES ? Errno.ENAMETOOLONG.error() : Errno.EINVAL.error("no name of a directory entry");
    }

    /**
     * Whether a string can be the target of a symbolic link: 1 to 4095 bytes without NUL.
     *
     * @param target the string
     * @return whether it can
     */
    public static boolean isLinkTarget(String target) {
        return !target.isEmpty() && target.length() <= Protocol.LINK_BYTES && target.indexOf('\0') < 0;
    }

    /**
     * Turns an error number that came over the wire into one that may reach a program.
     *
     * @param number as Rlerror has it
     * @return the error; EIO for a number that no Linux system call returns
     */
    public static Errno errno(int number) {
        Errno errno = number > 0 && number < Errno.ERESTARTSYS.number() ? Errno.of(number) : Errno.EIO;
        return errno == Errno.ERESTART ? Errno.EIO : errno; // the restart of a call is not the server's to ask for
    }
}
