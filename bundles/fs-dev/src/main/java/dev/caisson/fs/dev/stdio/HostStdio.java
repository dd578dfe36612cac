package dev.caisson.fs.dev.stdio;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.fs.dev.SandboxDevices;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostPath;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.wait.HostWatcher;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.FsContext;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.Mount;
import dev.caisson.vfs.Vfs;
import dev.caisson.vfs.pseudo.PseudoDirectory;
import dev.caisson.vfs.pseudo.PseudoFileSystem;
import java.util.ArrayList;
import java.util.List;

/**
 * The standard streams of a sandbox: descriptors 0, 1 and 2 of the sandbox's own process, given to the guest's first process. Descriptors
 * that are one open file on the host (as after {@code 2>&1}) are one in the guest.
 */
public final class HostStdio implements AutoCloseable {
    /**
     * System property: the streams, of the digits 0, 1 and 2, that the caller had closed. The launcher keeps such a descriptor occupied, since the Java
     * runtime would open a file of its own there, which is none of the guest's business.
     */
    public static final String CLOSED = "caisson.streams.closed";

    private static final int STREAMS = 3;
    private static final long MAGIC = 0x50495045; // as pipefs: files that no directory names

    private final Vfs vfs;
    private final SandboxDevices devices;
    private final HostWatcher watcher;
    private final MemoryFile memory;
    private final FileDescription[] descriptions;
    /** Descriptors of this process, in the order of the guest's. */
    private final int[] sources;
    /** Whether they are this process' own streams, which stay open, and whose terminal is the console. */
    private final boolean isOwn;
    private final List<HostStdioInode> inodes = new ArrayList<>();
    private final PseudoFileSystem fileSystem = new PseudoFileSystem("pipefs", MAGIC);
    private final Mount mount;
    private HostTerminal terminal;

    private HostStdio(Vfs vfs, SandboxDevices devices, HostWatcher watcher, MemoryFile memory, int[] sources, boolean isOwn) {
        this.sources = sources;
        this.isOwn = isOwn;
        this.descriptions = new FileDescription[sources.length];
        this.vfs = vfs;
        this.devices = devices;
        this.watcher = watcher;
        this.memory = memory;
        fileSystem.root(new PseudoDirectory(fileSystem, 0));
        this.mount = Mount.internal(fileSystem, "none");
        mount.retain();
    }

    /**
     * Opens the streams of this process. Terminals get a name in /dev/pts, and the first one becomes /dev/console; so devpts should be
     * mounted before.
     *
     * @param vfs the sandbox's files
     * @param devices its devices
     * @param watcher tells when host descriptors become ready (the kernel's HostEvents)
     * @param memory where mapped pages live
     * @param fs root directory of the first process
     * @return the streams; one that is closed on the host is null
     * @throws ErrnoException EMFILE
     */
    public static HostStdio open(Vfs vfs, SandboxDevices devices, HostWatcher watcher, MemoryFile memory, FsContext fs)
            throws ErrnoException {
        return open(vfs, devices, watcher, memory, fs, new int[] {0, 1, 2}, true);
    }

    /**
     * Opens descriptors for another process of the guest than the first one, or more of them for the first one.
     *
     * @param vfs the sandbox's files
     * @param devices its devices
     * @param watcher tells when host descriptors become ready (the kernel's HostEvents)
     * @param memory where mapped pages live
     * @param fs root directory of the process
     * @param sources descriptors of this process, in the order of the guest's; 0 to 2 first
     * @param isOwn whether they belong to this process: then they stay open, and a terminal becomes /dev/console; otherwise they are
     *     closed by {@link #close}
     * @return the streams; one that is closed on the host is null
     * @throws ErrnoException EMFILE
     */
    public static HostStdio open(Vfs vfs, SandboxDevices devices, HostWatcher watcher, MemoryFile memory, FsContext fs, int[] sources,
            boolean isOwn) throws ErrnoException {
        HostStdio stdio = new HostStdio(vfs, devices, watcher, memory, sources.clone(), isOwn);
        for (int i = 0; i < sources.length; i++) {
            stdio.open(i, fs);
        }
        stdio.inodes.forEach(HostStdioInode::started);
        return stdio;
    }

    private void open(int index, FsContext fs) throws ErrnoException {
        int fd = sources[index];
        long flags = HostFile.flags(fd);
        if (flags < 0 || isOwn && index < STREAMS && System.getProperty(CLOSED, "").contains(Integer.toString(fd))) {
            return;
        }
        for (int other = 0; other < index; other++) {
            if (descriptions[other] != null && isSameOpenFile(sources[other], fd)) {
                descriptions[index] = descriptions[other];
                return;
            }
        }
        HostStat status = HostStat.of(fd);
        int access = (int) flags & (Fcntl.O_ACCMODE | Fcntl.O_APPEND | Fcntl.O_NONBLOCK);
        if (status.type() == Stat.S_IFCHR && HostFile.isTerminal(fd)) {
            descriptions[index] = openTerminal(fd, fs);
        } else {
            HostStdioInode inode = inode(fd, status);
            String name = HostPath.link(Fcntl.AT_FDCWD, "/proc/self/fd/" + fd);
            descriptions[index] = vfs.openUnnamed(mount, name == null ? "host:" + fd : name, inode, access, Credentials.ROOT);
        }
    }

    private HostStdioInode inode(int fd, HostStat status) {
        for (HostStdioInode known : inodes) {
            if (known.status().device() == status.device() && known.status().inode() == status.inode()
                    && HostFile.flags(fd) == known.hostFlags()) {
                return known;
            }
        }
        HostStdioInode made = new HostStdioInode(fileSystem, fd, status, watcher, memory);
        inodes.add(made);
        return made;
    }

    private FileDescription openTerminal(int fd, FsContext fs) throws ErrnoException {
        if (terminal == null) {
            terminal = devices.terminals().add(index -> {
                try {
                    return new HostTerminal(fd, index, watcher);
                } catch (ErrnoException e) {
                    throw new IllegalStateException("the terminal cannot be watched: " + e.errno(), e);
                }
            });
            if (isOwn) {
                devices.console(terminal);
            }
        }
        // Linux gives a shell one open terminal three times, for reading and writing.
        for (FileDescription other : descriptions) {
            if (other != null && other.file() instanceof HostTerminal.Side) {
                return other;
            }
        }
        int flags = Fcntl.O_RDWR | Fcntl.O_NOCTTY;
        Location place = vfs.resolve(fs, Credentials.ROOT, fs.root(), "/dev/pts/" + terminal.minor(), 0);
        return new FileDescription(terminal.openControlling(flags), place, flags, Credentials.ROOT, vfs.watches());
    }

    /** Whether two descriptors are one open file: moving the offset or flags of one moves those of the other. */
    private static boolean isSameOpenFile(int first, int second) throws ErrnoException {
        HostStat a = HostStat.of(first);
        HostStat b = HostStat.of(second);
        if (a.device() != b.device() || a.inode() != b.inode() || HostFile.flags(first) != HostFile.flags(second)) {
            return false;
        }
        if (a.type() != Stat.S_IFREG) {
            return true; // without an offset nobody can tell
        }
        long offset = HostFile.seek(first, 0, Fcntl.SEEK_CUR);
        if (HostFile.seek(second, 0, Fcntl.SEEK_CUR) != offset) {
            return false;
        }
        HostFile.seek(first, offset + 1, Fcntl.SEEK_SET);
        boolean isSame = HostFile.seek(second, 0, Fcntl.SEEK_CUR) == offset + 1;
        HostFile.seek(first, offset, Fcntl.SEEK_SET);
        return isSame;
    }

    /**
     * The description for a descriptor of the first process; several descriptors may have the same one.
     *
     * @param fd 0, 1 or 2, or the number of a further one
     * @return the description with a reference that is the caller's, or null when the host's descriptor is closed
     */
    public FileDescription description(int fd) {
        FileDescription description = descriptions[fd];
        if (description != null) {
            description.retain();
        }
        return description;
    }

    /** The sandbox is about to be stopped: its terminal gets the settings it had before. */
    public void suspend() {
        if (terminal != null) {
            terminal.suspend();
        }
    }

    /** The sandbox goes on: its terminal gets the guest's settings again. */
    public void resume() {
        if (terminal != null) {
            terminal.resume();
        }
    }

    /** {@return the host's terminal, or null when none of the streams is one} */
    public HostTerminal terminal() {
        return terminal;
    }

    /** Restores the terminal, and lets everything go. */
    @Override
    public void close() {
        for (int fd = 0; fd < descriptions.length; fd++) {
            FileDescription description = descriptions[fd];
            descriptions[fd] = null;
            if (description == null) {
                continue;
            }
            boolean isLast = true;
            for (int other = fd + 1; other < descriptions.length; other++) {
                isLast &= descriptions[other] != description;
            }
            if (isLast) {
                description.release();
            }
        }
        if (terminal != null) {
            devices.terminals().remove(terminal);
            if (isOwn) {
                devices.console(null);
            }
            terminal.close();
            terminal = null;
        }
        if (!isOwn) {
            inodes.forEach(HostStdioInode::lose); // a program that goes on has descriptors of its own
            for (int source : sources) {
                HostFile.close(source);
            }
        }
    }
}
