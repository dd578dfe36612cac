package dev.caisson.fs.proc;

import dev.caisson.abi.Mman;
import dev.caisson.kernel.Task;
import dev.caisson.memory.MemoryManager;
import dev.caisson.memory.VmaInfo;
import dev.caisson.spi.fs.DeviceNumbers;
import java.util.List;

/** /proc/PID/maps, smaps and smaps_rollup, in the columns of fs/proc/task_mmu.c. */
final class MapsText {
    private static final int NAME_COLUMN = 73;

    private MapsText() {}

    static String maps(Task task) {
        StringBuilder text = new StringBuilder(4096);
        for (VmaInfo vma : mappings(task)) {
            line(text, vma);
        }
        return text.toString();
    }

    static String smaps(Task task) {
        StringBuilder text = new StringBuilder(16384);
        for (VmaInfo vma : mappings(task)) {
            line(text, vma);
            sizes(text, (vma.end() - vma.start()) >>> 10, vma.residentPages() * 4, vma.privatePages() * 4, vma.lockedPages() * 4, vma.file() == null);
            text.append("THPeligible:    0\nVmFlags: ").append(flags(vma)).append('\n');
        }
        return text.toString();
    }

    /** numa_maps: everything is on node 0. */
    static String policies(Task task) {
        StringBuilder text = new StringBuilder(2048);
        for (VmaInfo vma : mappings(task)) {
            text.append(String.format("%08x default", vma.start()));
            if (vma.file() != null) {
                text.append(" file=").append(vma.file().path());
            } else if (vma.label().equals("[heap]") || vma.label().equals("[stack]")) {
                text.append(' ').append(vma.label(), 1, vma.label().length() - 1);
            }
            if (vma.residentPages() > 0) {
                String kind = vma.file() == null ? " anon=" : " mapped=";
                text.append(kind).append(vma.residentPages()).append(" N0=").append(vma.residentPages()).append(" kernelpagesize_kB=4");
            }
            text.append('\n');
        }
        return text.toString();
    }

    static String rollup(Task task) {
        List<VmaInfo> all = mappings(task);
        if (all.isEmpty()) {
            return "";
        }
        StringBuilder text = new StringBuilder(1024);
        int start = text.length();
        text.append(String.format("%08x-%08x ---p 00000000 00:00 0 ", all.getFirst().start(), all.getLast().end()));
        pad(text, start, NAME_COLUMN).append("[rollup]\n");
        long resident = 0;
        long copies = 0;
        long locked = 0;
        for (VmaInfo vma : all) {
            resident += vma.residentPages() * 4;
            copies += vma.privatePages() * 4;
            locked += vma.lockedPages() * 4;
        }
        sizes(text, -1, resident, copies, locked, true);
        return text.toString();
    }

    private static List<VmaInfo> mappings(Task task) {
        MemoryManager memory = task.memory();
        return memory == null ? List.of() : memory.mappings();
    }

    private static void line(StringBuilder text, VmaInfo vma) {
        int start = text.length();
        int protection = vma.protection();
        long device = vma.file() == null ? 0 : vma.file().deviceId();
        hex(text, vma.start(), 8).append('-');
        hex(text, vma.end(), 8).append(' ')
                .append((protection & Mman.PROT_READ) != 0 ? 'r' : '-').append((protection & Mman.PROT_WRITE) != 0 ? 'w' : '-')
                .append((protection & Mman.PROT_EXEC) != 0 ? 'x' : '-').append(vma.shared() ? 's' : 'p').append(' ');
        hex(text, vma.fileOffset(), 8).append(' ');
        hex(text, DeviceNumbers.major(device), 2).append(':');
        hex(text, DeviceNumbers.minor(device), 2).append(' ').append(vma.file() == null ? 0 : vma.file().inodeNumber()).append(' ');
        String name = vma.file() != null ? vma.file().path().replace("\n", "\\012") : vma.label();
        if (!name.isEmpty()) {
            pad(text, start, NAME_COLUMN).append(name);
        }
        text.append('\n');
    }

    private static StringBuilder pad(StringBuilder text, int lineStart, int column) {
        while (text.length() - lineStart < column) {
            text.append(' ');
        }
        return text;
    }

    private static void sizes(StringBuilder text, long size, long resident, long copies, long locked, boolean anonymous) {
        if (size >= 0) {
            row(text, "Size", size);
            row(text, "KernelPageSize", 4);
            row(text, "MMUPageSize", 4);
        }
        row(text, "Rss", resident);
        row(text, "Pss", resident);
        row(text, "Shared_Clean", resident - copies);
        row(text, "Shared_Dirty", 0);
        row(text, "Private_Clean", 0);
        row(text, "Private_Dirty", copies);
        row(text, "Referenced", resident);
        row(text, "Anonymous", anonymous ? resident : copies);
        for (String name : new String[] {"LazyFree", "AnonHugePages", "ShmemPmdMapped", "FilePmdMapped", "Shared_Hugetlb", "Private_Hugetlb",
            "Swap", "SwapPss"}) {
            row(text, name, 0);
        }
        row(text, "Locked", locked);
    }

    private static void row(StringBuilder text, String name, long kib) {
        int start = text.length();
        String number = Long.toString(kib);
        text.append(name).append(':');
        pad(text, start, 16);
        pad(text, start, 24 - number.length()).append(number).append(" kB\n");
    }

    /** Digits by hand: a format per row made a program with many mappings wait for hundreds of milliseconds. */
    private static StringBuilder hex(StringBuilder text, long value, int width) {
        int digits = Math.max(width, (67 - Long.numberOfLeadingZeros(value)) >>> 2);
        for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) {
            text.append(Character.forDigit((int) (value >>> shift) & 15, 16));
        }
        return text;
    }

    private static String flags(VmaInfo vma) {
        int protection = vma.protection();
        return ((protection & Mman.PROT_READ) != 0 ? "rd " : "") + ((protection & Mman.PROT_WRITE) != 0 ? "wr " : "")
                + ((protection & Mman.PROT_EXEC) != 0 ? "ex " : "") + (vma.shared() ? "sh " : "") + "mr mw me "
                + (vma.growsDown() ? "gd " : "") + (vma.lockedPages() > 0 ? "lo " : "") + (vma.dontFork() ? "dc " : "")
                + (vma.wipeOnFork() ? "wf " : "") + (vma.dontDump() ? "dd " : "");
    }
}
