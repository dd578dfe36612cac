package dev.caisson.cli.sandbox;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Stat;
import dev.caisson.control.container.HostPlaces;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostNamespace;
import dev.caisson.host.HostPath;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The root directory of a sandbox's process: a directory in memory with what the Java runtime goes on needing, and what the containers are made
 * of. Nothing else of the host has a name in it.
 * <pre>
 *   the JDK, the installation, the libraries that are loaded    where they are on the host, read-only
 *   /proc                                                       of the process namespace, read-only
 *   /dev/{null,zero,full,random,urandom,kvm}
 *   /tmp                                                        in memory
 *   /mnt/N                                                      root filesystems and what is bound into containers
 * </pre>
 * The sources are taken as descriptors first, since the new root hides a directory when it is mounted; then everything is attached in it, and the
 * process' root becomes this one, for all of its threads (pivot_root(2)).
 */
public final class EmptyRoot implements HostPlaces {
    private static final long RDONLY = 1, NOSUID = 2, NODEV = 4, NOEXEC = 8; // MOUNT_ATTR_*
    private static final long MS_RDONLY = 1, MS_NOSUID = 2, MS_NODEV = 4, MS_NOEXEC = 8, MS_REC = 0x4000, MS_SLAVE = 1 << 19;
    private static final List<String> DEVICES = List.of("null", "zero", "full", "random", "urandom", "kvm");
    private static final Pattern LIBRARY = Pattern.compile("(.+\\.so\\.\\d+)\\..+");
    private static final int DIRECTORY_MODE = 0755, FILE_MODE = 0444;

    /** What is attached somewhere: a descriptor of open_tree(2), to be closed. */
    private record Tree(String target, int descriptor) {}

    private final List<Tree> trees = new ArrayList<>();
    /** What links say, by their paths. */
    private final Map<String, String> links = new LinkedHashMap<>();
    private final Map<Path, Path> places = new ConcurrentHashMap<>();
    private int count;
    private boolean isEntered;

    /** Takes what the Java runtime needs. */
    private EmptyRoot() {}

    /**
     * Prepares a root; still in the old one.
     *
     * @param home the installation
     * @return the root
     * @throws IOException when something that is needed cannot be had; the message says what
     */
    public static EmptyRoot prepare(Path home) throws IOException {
        EmptyRoot root = new EmptyRoot();
        try {
            Path java = Path.of(System.getProperty("java.home"));
            root.runtime(java);
            root.runtime(home);
            root.libraries(List.of(java.toRealPath(), home.toRealPath()));
            for (String device : DEVICES) {
                Path file = Path.of("/dev", device);
                if (Files.exists(file)) {
                    root.take(file, file.toString(), NOSUID | NOEXEC);
                }
            }
            return root;
        } catch (IOException | RuntimeException e) {
            root.discard();
            throw e;
        }
    }

    /** What is found under its own name, read-only. */
    private void runtime(Path path) throws IOException {
        Path real = path.toRealPath();
        take(real, real.toString(), RDONLY | NOSUID | NODEV);
        if (!real.equals(path)) {
            links.put(path.toString(), real.toString());
        }
    }

    /** The files that this process has mapped, apart from those that come anyway; and the names by which programs look for them. */
    private void libraries(List<Path> others) throws IOException {
        Set<String> files = new LinkedHashSet<>();
        for (String line : Files.readAllLines(Path.of("/proc/self/maps"), StandardCharsets.ISO_8859_1)) {
            int at = line.indexOf('/');
            if (at > 0 && line.contains(".so") && !line.endsWith(" (deleted)")) {
                files.add(line.substring(at));
            }
        }
        for (String file : files) {
            if (others.stream().anyMatch(Path.of(file)::startsWith) || !Files.isRegularFile(Path.of(file))) {
                continue;
            }
            take(Path.of(file), file, RDONLY | NOSUID | NODEV);
            Matcher name = LIBRARY.matcher(file);
            if (name.matches()) {
                links.put(name.group(1), file);
            }
            if (Path.of(file).getFileName().toString().startsWith("ld-linux")) {
                links.put("/lib64/" + Path.of(file).getFileName(), file);
            }
        }
        if (Files.isSymbolicLink(Path.of("/lib"))) {
            links.put("/lib", "usr/lib");
        }
    }

    private void take(Path source, String target, long attributes) throws IOException {
        int tree = (int) checked("show " + source + " in the sandbox' root",
                HostNamespace.cloneTree(Fcntl.AT_FDCWD, raw(source.toString()), true));
        long changed = HostNamespace.setMountAttributes(tree, attributes);
        if (changed < 0 && changed != -Errno.ENOSYS.number()) { // Linux before 5.12 does not have it
            HostFile.close(tree);
            checked("set mount attributes of " + source, changed);
        }
        trees.add(new Tree(raw(target), tree));
    }

    /**
     * Gives a file or directory of the host, and what is mounted below it, a place in the root. Only before {@link #enter}.
     *
     * @param host its absolute path; links in it are followed
     * @param isReadOnly whether it can only be read
     * @throws IOException when it cannot be had
     */
    public void show(Path host, boolean isReadOnly) throws IOException {
        if (!places.containsKey(host)) {
            Path place = next();
            take(host, place.toString(), NODEV | NOSUID | (isReadOnly ? RDONLY : 0));
            places.put(host, place);
        }
    }

    /**
     * Gives a file or directory of the host the same name in the root. Only before {@link #enter}.
     *
     * @param host its absolute path; links in it are followed
     * @throws IOException when it cannot be had
     */
    public void keep(Path host) throws IOException {
        if (trees.stream().noneMatch(each -> each.target.equals(raw(host.toString())))) {
            take(host, host.toString(), NODEV | NOSUID | NOEXEC);
        }
    }

    private synchronized Path next() {
        return Path.of("/mnt", Integer.toString(count++));
    }

    /**
     * Makes this the root of the process. The namespace of mounts has to be its own; mounts of the host go on arriving below what is shown.
     *
     * @param over a directory of the host that the new root may be mounted on
     * @throws IOException when that fails; the old root is still there then, unless the message says otherwise
     */
    public void enter(Path over) throws IOException {
        boolean isAttached = false;
        try {
            checked("separate the mounts", HostNamespace.mount(null, "/", null, MS_SLAVE | MS_REC, null));
            checked("mount the sandbox' root", HostNamespace.mount("caisson", raw(over.toString()), "tmpfs", MS_NOSUID | MS_NODEV,
                    "size=4m,nr_inodes=16k,mode=755"));
            isAttached = true;
            checked("enter the sandbox' root", HostNamespace.enter(raw(over.toString())));
            fill();
            checked("make the sandbox' root its own", HostNamespace.pivotHere());
            isEntered = true;
        } finally {
            discard();
            if (isAttached && !isEntered) {
                HostNamespace.enter("/");
            }
        }
    }

    private void fill() throws IOException {
        for (String directory : List.of("proc", "dev", "tmp", "mnt")) {
            HostPath.makeDirectory(Fcntl.AT_FDCWD, directory, DIRECTORY_MODE);
        }
        long proc = HostNamespace.mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, null);
        if (proc == -Errno.EPERM.number()) {
            // Where this runs in a container with parts of /proc hidden, nobody may mount another: that one, then.
            int tree = (int) checked("show /proc", HostNamespace.cloneTree(Fcntl.AT_FDCWD, "/proc", true));
            HostNamespace.setMountAttributes(tree, RDONLY | NOSUID | NODEV | NOEXEC);
            proc = HostNamespace.attach(tree, Fcntl.AT_FDCWD, "proc");
            HostFile.close(tree);
        } else {
            HostNamespace.mount(null, "proc", null, 32 /* MS_REMOUNT */ | 4096 /* MS_BIND */ | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, null);
        }
        checked("mount proc", proc);
        checked("mount /tmp", HostNamespace.mount("caisson", "tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777"));
        for (Map.Entry<String, String> link : links.entrySet()) {
            String path = "." + raw(link.getKey());
            makeParents(path);
            HostPath.symlink(raw(link.getValue()), Fcntl.AT_FDCWD, path);
        }
        for (Tree tree : trees) {
            attach(tree.descriptor, "." + tree.target);
        }
    }

    private static void makeParents(String path) {
        for (int slash = path.indexOf('/', 2); slash > 0; slash = path.indexOf('/', slash + 1)) {
            HostPath.makeDirectory(Fcntl.AT_FDCWD, path.substring(0, slash), DIRECTORY_MODE);
        }
    }

    /** Makes a place of the right kind, and attaches a tree there. */
    private static void attach(int tree, String path) throws IOException {
        makeParents(path);
        if (isDirectory(tree)) {
            HostPath.makeDirectory(Fcntl.AT_FDCWD, path, DIRECTORY_MODE);
        } else {
            long file = HostPath.open(Fcntl.AT_FDCWD, path, Fcntl.O_CREAT | Fcntl.O_WRONLY | Fcntl.O_CLOEXEC, FILE_MODE);
            if (file >= 0) {
                HostFile.close((int) file);
            }
        }
        checked("attach " + path.substring(1), HostNamespace.attach(tree, Fcntl.AT_FDCWD, path));
    }

    private static boolean isDirectory(int descriptor) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment status = arena.allocate(144, 8);
            return HostFile.status(descriptor, status.address()) == 0
                    && (status.get(Layouts.U32, 24) & Stat.S_IFMT) == Stat.S_IFDIR; // st_mode
        }
    }

    private void discard() {
        trees.forEach(tree -> HostFile.close(tree.descriptor));
        trees.clear();
    }

    @Override
    public Path of(Path host) {
        return places.getOrDefault(host, host);
    }

    @Override
    public Path add(Path host, int tree) throws ErrnoException {
        try {
            Path known = places.get(host);
            if (known != null && (Long) Files.getAttribute(known, "unix:ino") == HostFile.inode(tree)) {
                return known; // and not what had the same name before
            }
            Path place = next();
            HostNamespace.setMountAttributes(tree, NODEV | NOSUID); // of a descriptor that is no mount: fails, as the next step does
            attach(tree, place.toString());
            places.put(host, place);
            return place;
        } catch (IOException e) {
            throw Errno.EINVAL.error(host + " cannot be shown in the sandbox: " + e.getMessage());
        } finally {
            HostFile.close(tree);
        }
    }

    private static String raw(String text) {
        return new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
    }

    private static long checked(String what, long result) throws IOException {
        if (result < 0) {
            throw new IOException("cannot " + what + ": " + Errno.of(-result).text());
        }
        return result;
    }
}
