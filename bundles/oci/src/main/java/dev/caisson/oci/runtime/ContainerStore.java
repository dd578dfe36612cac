package dev.caisson.oci.runtime;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * All containers below one directory.
 *
 * @param root the directory; it need not exist
 */
public record ContainerStore(Path root) {
    /** As runc has it. */
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_+.-]{1,255}");
    /** Where a container's sandbox listens, in its directory, if the path is not too long. */
    public static final String SOCKET = "control.sock";
    private static final String OWNER_ONLY = "rwx------";
    private static final int MOST_SOCKET_PATH = 107; // sun_path without its end, unix(7)
    private static final long FNV_OFFSET = 0xcbf2_9ce4_8422_2325L, FNV_PRIME = 0x100_0000_01b3L;

    /**
     * Finds the directory of a container, which need not exist.
     *
     * @param id its name
     * @return the directory
     * @throws ContainerException when no container can have this name
     */
    public ContainerDirectory find(String id) throws ContainerException {
        if (!NAME.matcher(id).matches() || id.equals(".") || id.equals("..")) {
            throw new ContainerException("invalid container id " + id.replaceAll("\\p{Cntrl}", "?")
                    + ": it has 1 to 255 letters, digits and _ + . -");
        }
        return new ContainerDirectory(root.resolve(id));
    }

    /**
     * Makes the directory of a new container.
     *
     * @param id its name
     * @return the directory, of this user only
     * @throws ContainerException when there is one of this name, or it cannot be made
     */
    public ContainerDirectory make(String id) throws ContainerException {
        ContainerDirectory directory = find(id);
        try {
            if (root.getParent() != null) {
                Files.createDirectories(root.getParent());
            }
            makePrivate(root, true);
            if (!makePrivate(directory.path(), false)) {
                if (!directory.isAbandoned()) {
                    throw new ContainerException("container with given ID already exists: " + id);
                }
                directory.delete();
                makePrivate(directory.path(), true);
            }
            return directory;
        } catch (IOException e) {
            throw new ContainerException("cannot make " + directory.path() + ": " + e + "; choose another directory with --root", e);
        }
    }

    private static boolean makePrivate(Path directory, boolean mayExist) throws IOException {
        try {
            Files.createDirectory(directory, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(OWNER_ONLY)));
            return true;
        } catch (FileAlreadyExistsException e) {
            if (mayExist && !Files.isDirectory(directory)) {
                throw e;
            }
            return false;
        }
    }

    /**
     * Chooses where a container's sandbox listens. Clients choose long roots and names, and the address of a socket is short: then it is a
     * name made of both, in the user's own directory.
     *
     * @param directory the container's
     * @param own a short directory of this user only
     * @return the path
     */
    public static Path socket(ContainerDirectory directory, Path own) {
        Path inside = directory.path().resolve(SOCKET);
        byte[] bytes = inside.toString().getBytes(StandardCharsets.UTF_8);
        if (bytes.length <= MOST_SOCKET_PATH) {
            return inside;
        }
        long hash = FNV_OFFSET;
        for (byte b : bytes) {
            hash = (hash ^ (b & 0xff)) * FNV_PRIME;
        }
        return own.resolve(String.format("oci-%016x", hash)); // no ".sock": those are names of sandboxes
    }

    /** {@return the names of all containers, in order} */
    public List<String> ids() {
        List<String> ids = new ArrayList<>();
        String[] names = root.toFile().list();
        for (String name : names == null ? new String[0] : names) {
            if (NAME.matcher(name).matches() && Files.exists(root.resolve(name).resolve("state.json"))) {
                ids.add(name);
            }
        }
        ids.sort(null);
        return ids;
    }
}
