package dev.caisson.fs.overlay;

import static dev.caisson.abi.Errno.EACCES;
import static dev.caisson.abi.Errno.ENODATA;
import static dev.caisson.abi.Errno.ENOSYS;
import static dev.caisson.abi.Errno.EOPNOTSUPP;
import static dev.caisson.abi.Errno.EPERM;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Stat;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.NewNode;
import java.nio.charset.StandardCharsets;
import java.util.EnumSet;
import java.util.Set;

/**
 * The marks of overlayfs in a layer, as Documentation/filesystems/overlayfs.rst of Linux tells them: whiteouts (character device 0/0, or
 * an empty file with an attribute in a directory that says so) and extended attributes. These are {@code trusted.overlay.*}, or
 * {@code user.overlay.*} where the sandbox may not write the others.
 */
final class Marks {
    private static final String TRUSTED = "trusted.overlay.";
    private static final String USER = "user.overlay.";
    /** What guests call {@code trusted.overlay.X} is kept as {@code trusted.overlay.overlay.X}. */
    private static final String ESCAPE = "overlay.";

    private static final String OPAQUE = "opaque";
    private static final String WHITEOUT = "whiteout";
    private static final String REDIRECT = "redirect";
    private static final String ORIGIN = "origin";
    private static final String IMPURE = "impure";
    private static final String LINKS = "nlink";
    private static final String METACOPY = "metacopy";
    private static final byte[] YES = {'y'};
    private static final byte[] HAS_WHITEOUTS = {'x'};
    private static final NewNode DEVICE = new NewNode(Stat.S_IFCHR, 0, 0, 0);
    private static final NewNode EMPTY = new NewNode(Stat.S_IFREG | 0600, 0, 0, 0);
    private static final Set<Errno> ABSENT = EnumSet.of(ENODATA, EOPNOTSUPP, EPERM, EACCES);

    /** What a directory's attribute says of the layers below. */
    enum Opacity { NONE, HAS_WHITEOUTS, OPAQUE }

    private final String prefix;
    private volatile boolean makesDevices = true;

    private Marks(String prefix) {
        this.prefix = prefix;
    }

    /** The marks that can be made in a directory: those of the privileged namespace, if the host lets us. */
    static Marks in(Inode directory) throws ErrnoException {
        try {
            directory.setXattr(TRUSTED + OPAQUE, YES, 0);
            directory.removeXattr(TRUSTED + OPAQUE);
            return new Marks(TRUSTED);
        } catch (ErrnoException e) {
            if (!ABSENT.contains(e.errno())) {
                throw e;
            }
            return new Marks(USER);
        }
    }

    static boolean isDirectory(Inode inode) {
        return (inode.mode() & Stat.S_IFMT) == Stat.S_IFDIR;
    }

    // ---- attributes that guests do not see

    boolean isPrivate(String attribute) {
        return attribute.startsWith(prefix) || attribute.startsWith(TRUSTED);
    }

    /** The name under which a layer keeps what a guest calls so. */
    String escaped(String attribute) {
        if (!isPrivate(attribute)) {
            return attribute;
        }
        int at = attribute.startsWith(TRUSTED) ? TRUSTED.length() : prefix.length();
        return attribute.substring(0, at) + ESCAPE + attribute.substring(at);
    }

    /** What guests call an attribute of a layer; null for one of the overlay's own. */
    String visible(String attribute) {
        if (!isPrivate(attribute)) {
            return attribute;
        }
        int at = attribute.startsWith(TRUSTED) ? TRUSTED.length() : prefix.length();
        return attribute.startsWith(ESCAPE, at) ? attribute.substring(0, at) + attribute.substring(at + ESCAPE.length()) : null;
    }

    private byte[] get(Inode inode, String mark) throws ErrnoException {
        byte[] value = read(inode, prefix + mark);
        return value == null && !prefix.equals(TRUSTED) ? read(inode, TRUSTED + mark) : value;
    }

    /** The value of an attribute; null when there is none, or none that may be read. */
    static byte[] read(Inode inode, String attribute) throws ErrnoException {
        try {
            return inode.getXattr(attribute);
        } catch (ErrnoException e) {
            if (ABSENT.contains(e.errno())) {
                return null;
            }
            throw e;
        }
    }

    private void set(Inode inode, String mark, byte[] value) throws ErrnoException {
        inode.setXattr(prefix + mark, value, 0);
    }

    // ---- whiteouts

    /**
     * Whether an entry hides those below.
     *
     * @param inode the entry
     * @param inMarkedDirectory whether its directory says that it has whiteouts of the second form
     */
    boolean isWhiteout(Inode inode, boolean inMarkedDirectory) throws ErrnoException {
        int type = inode.mode() & Stat.S_IFMT;
        if (type == Stat.S_IFCHR) {
            return inode.attributes().rawDevice() == 0;
        }
        return inMarkedDirectory && type == Stat.S_IFREG && inode.attributes().sizeBytes() == 0 && get(inode, WHITEOUT) != null;
    }

    /** {@return whether whiteouts can be made as device nodes; the other form needs {@link #markWhiteouts} on the directory} */
    boolean makesDevices() {
        return makesDevices;
    }

    /** Makes a whiteout in its place, which only a device node can be in one step; false when there are none. */
    boolean tryWhiteout(Inode directory, String name) throws ErrnoException {
        try {
            directory.create(name, DEVICE);
            return true;
        } catch (ErrnoException e) {
            if (e.errno() != EPERM && e.errno() != EOPNOTSUPP && e.errno() != ENOSYS) {
                throw e;
            }
            makesDevices = false;
            return false;
        }
    }

    /** Makes a whiteout of the form that is possible. */
    Inode makeWhiteout(Inode directory, String name) throws ErrnoException {
        if (makesDevices && tryWhiteout(directory, name)) {
            return directory.lookup(name);
        }
        Inode file = directory.create(name, EMPTY);
        set(file, WHITEOUT, YES);
        return file;
    }

    void markWhiteouts(Inode directory) throws ErrnoException {
        set(directory, OPAQUE, HAS_WHITEOUTS);
    }

    // ---- directories

    Opacity opacity(Inode directory) throws ErrnoException {
        byte[] value = get(directory, OPAQUE);
        if (value == null || value.length != 1) {
            return Opacity.NONE;
        }
        return value[0] == 'y' ? Opacity.OPAQUE : value[0] == 'x' ? Opacity.HAS_WHITEOUTS : Opacity.NONE;
    }

    void makeOpaque(Inode directory) throws ErrnoException {
        set(directory, OPAQUE, YES);
    }

    /** Where the layers below have a directory, or the content of a file: a name beside its own one, or a path from the root; null for its own name. */
    String redirect(Inode directory) throws ErrnoException {
        byte[] value = get(directory, REDIRECT);
        if (value == null || value.length == 0) {
            return null;
        }
        String text = new String(value, StandardCharsets.ISO_8859_1);
        boolean isAbsolute = text.charAt(0) == '/';
        // Not ours: a layer may come from anywhere.
        if (!isAbsolute && (text.indexOf('/') >= 0 || text.equals(".") || text.equals("..")) || text.indexOf('\0') >= 0) {
            throw Errno.EINVAL.error("a redirect that leads nowhere");
        }
        return text;
    }

    void redirect(Inode directory, String target) throws ErrnoException {
        set(directory, REDIRECT, target.getBytes(StandardCharsets.ISO_8859_1));
    }

    /** Whether a directory may have entries that came from the layers below. */
    boolean isImpure(Inode directory) throws ErrnoException {
        return get(directory, IMPURE) != null;
    }

    void makeImpure(Inode directory) throws ErrnoException {
        set(directory, IMPURE, YES);
    }

    // ---- what a file came from

    /** Whether a file is a copy of another one without its content (metacopy=on); a digest in the mark is not looked at. */
    boolean isWithoutData(Inode inode) throws ErrnoException {
        return (inode.mode() & Stat.S_IFMT) == Stat.S_IFREG && get(inode, METACOPY) != null;
    }

    /** The content is there now. */
    void hasData(Inode inode) throws ErrnoException {
        for (String attribute : new String[] {prefix + METACOPY, TRUSTED + METACOPY}) {
            if (read(inode, attribute) != null) {
                inode.removeXattr(attribute);
            }
        }
    }

    byte[] origin(Inode inode) throws ErrnoException {
        return get(inode, ORIGIN);
    }

    void origin(Inode inode, byte[] handle) throws ErrnoException {
        if (takesMarks(inode)) {
            set(inode, ORIGIN, handle);
        }
    }

    /** Links and special files have no attributes in the user namespace: they go without, as in Linux. */
    private boolean takesMarks(Inode inode) {
        int type = inode.mode() & Stat.S_IFMT;
        return prefix.equals(TRUSTED) || type == Stat.S_IFREG || type == Stat.S_IFDIR;
    }

    /**
     * How many names a file has that several lower names share: {@code U} or {@code L} and the difference to the links of the upper or the
     * lower file.
     *
     * @return for example "U-1", or null
     */
    String links(Inode inode) throws ErrnoException {
        byte[] value = get(inode, LINKS);
        return value == null || value.length < 2 ? null : new String(value, StandardCharsets.ISO_8859_1);
    }

    void links(Inode inode, char relativeTo, int difference) throws ErrnoException {
        if (!takesMarks(inode)) {
            return;
        }
        String text = relativeTo + (difference < 0 ? "" : "+") + difference;
        set(inode, LINKS, text.getBytes(StandardCharsets.ISO_8859_1));
    }
}
