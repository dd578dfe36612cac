package dev.caisson.fs.dev.tty;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Stat;
import dev.caisson.spi.fs.AttributeChange;
import dev.caisson.spi.fs.Attributes;
import dev.caisson.spi.fs.DeviceNumbers;
import dev.caisson.spi.fs.FileClock;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.vfs.pseudo.PseudoDirectory;
import dev.caisson.vfs.pseudo.PseudoInode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The root of devpts: one entry per terminal, and ptmx. */
public final class DevptsDirectory extends PseudoDirectory {
    private static final int PTMX_MAJOR = 5;
    private static final int PTMX_MINOR = 2;
    private static final long FIRST_NUMBER = 3; // as devpts: 1 the root, 2 ptmx

    private final PtyTable table;
    private final int mode;
    private final int group;
    /** The inodes by number of the terminal; one of a terminal that is gone is replaced with its successor's. Guarded by itself. */
    private final Map<Integer, Named> nodes = new HashMap<>();

    private record Named(TerminalCore terminal, Node node) {}

    /**
     * Makes the directory.
     *
     * @param fileSystem its filesystem
     * @param table the terminals
     * @param mode permission bits of slaves
     * @param group group of slaves, or -1 for that of the opener
     * @param ptmxMode permission bits of ptmx
     */
    public DevptsDirectory(FileSystem fileSystem, PtyTable table, int mode, int group, int ptmxMode) {
        super(fileSystem, 0755, 1);
        this.table = table;
        this.mode = mode;
        this.group = group;
        add("ptmx", () -> new Node(fileSystem, 2, ptmxMode, 0, 0, DeviceNumbers.of(PTMX_MAJOR, PTMX_MINOR), table::openMaster));
    }

    @Override
    protected Inode lookupDynamic(String name) {
        if (name.isEmpty() || name.length() > 6 || !name.chars().allMatch(c -> c >= '0' && c <= '9')
                || name.length() > 1 && name.charAt(0) == '0') {
            return null;
        }
        PtyTable.Slot slot = table.find(Integer.parseInt(name));
        return slot == null ? null : node(slot);
    }

    private Node node(PtyTable.Slot slot) {
        synchronized (nodes) {
            Named known = nodes.get(slot.index());
            if (known == null || known.terminal != slot.terminal()) {
                known = new Named(slot.terminal(), new Node(fileSystem(), FIRST_NUMBER + slot.index(), mode, slot.uid(),
                        group >= 0 ? group : slot.gid(), DeviceNumbers.of(Pty.SLAVE_MAJOR, slot.index()), slot.opener()));
                nodes.put(slot.index(), known);
            }
            return known.node;
        }
    }

    @Override
    protected List<DynamicEntry> listDynamic() {
        List<DynamicEntry> entries = new ArrayList<>();
        for (PtyTable.Slot slot : table.all()) {
            entries.add(new DynamicEntry(slot.index(), Integer.toString(slot.index()), FIRST_NUMBER + slot.index(), Stat.S_IFCHR | mode));
        }
        return entries;
    }

    /** The device node of a terminal, or ptmx. */
    private static final class Node extends PseudoInode {
        private final long device;
        private final PtyTable.Opener opener;
        private volatile int mode;
        private volatile int uid;
        private volatile int gid;
        private volatile long accessNs = FileClock.nowNs();
        private volatile long modifyNs = accessNs;
        private volatile long changeNs = accessNs;

        Node(FileSystem fileSystem, long number, int mode, int uid, int gid, long device, PtyTable.Opener opener) {
            super(fileSystem, Stat.S_IFCHR | mode, number);
            this.mode = Stat.S_IFCHR | mode;
            this.uid = uid;
            this.gid = gid;
            this.device = device;
            this.opener = opener;
        }

        @Override
        public int mode() {
            return mode;
        }

        @Override
        public int uid() {
            return uid;
        }

        @Override
        public int gid() {
            return gid;
        }

        @Override
        public Attributes attributes() {
            return new Attributes(fileSystem().deviceId(), number(), mode, 1, uid, gid, device, 0, 1024, 0, accessNs, modifyNs, changeNs,
                    Long.MIN_VALUE);
        }

        @Override
        public synchronized void change(AttributeChange change) throws ErrnoException {
            mode = change.modeAfter(mode);
            uid = change.uidAfter(uid);
            gid = change.gidAfter(gid);
            accessNs = change.accessAfter(accessNs);
            modifyNs = change.modifyAfter(modifyNs);
            changeNs = change.changeNs();
        }

        @Override
        public void accessed(boolean relative) {
            accessNs = FileClock.nowNs();
        }

        @Override
        public OpenFile open(int flags) throws ErrnoException {
            return opener.open(flags);
        }
    }
}
