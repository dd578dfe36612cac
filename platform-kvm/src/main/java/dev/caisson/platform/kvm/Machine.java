package dev.caisson.platform.kvm;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostKvm;

/**
 * A virtual machine: the memory file, page tables, and processors.
 *
 * <pre>
 * guest-physical
 *   4 GiB    the memory file
 * 512 GiB    the monitor's own memory
 * 768 GiB    nothing: the doorbell
 * </pre>
 */
final class Machine {
    /** Where no memory is. */
    static final long NOTHING_BASE = 768L << 30;

    private static final long FRAMES_BASE = 4L << 30;
    private static final long TABLES_BASE = 512L << 30;
    private static final long CHUNK_BYTES = 256L << 20;
    /** Three pages for Intel's virtualization, in the gap below 4 GiB. */
    private static final long RESERVED_PAGES = 0xfffb_d000L;
    /** Slots from here on are the memory file's. */
    private static final int FIRST_FRAME_SLOT = 256;

    private final KvmDevice device;
    private final EntryPath entryPath;
    private final int memoryFile;
    private final long memoryInode;
    private final int fd;
    private final TableMemory tables;
    private final PhysicalFile frames;
    private final Supervisor supervisor;
    private final ProcessorPool processors;
    /** Guarded by the platform: address spaces of this machine. */
    private int spaces;

    /**
     * Makes a machine.
     *
     * @param device KVM
     * @param memoryFile the file that its address spaces map
     * @param entryPath how system calls arrive
     * @param processorLimit how many processors it may have
     * @throws ErrnoException ENOMEM when the host refuses memory
     * @throws KvmUnusableException when it refuses the machine
     */
    Machine(KvmDevice device, int memoryFile, EntryPath entryPath, int processorLimit) throws ErrnoException, KvmUnusableException {
        this.device = device;
        this.memoryFile = memoryFile;
        this.entryPath = entryPath;
        memoryInode = Errno.check(HostFile.inode(memoryFile));
        fd = device.newMachine();
        HostKvm.setReservedPages(fd, RESERVED_PAGES);
        long bytes = Errno.check(HostFile.size(memoryFile));
        if (bytes <= 0 || bytes > TABLES_BASE - FRAMES_BASE) {
            throw Errno.ENOMEM.error("a memory file of that size");
        }
        tables = new TableMemory(fd, TABLES_BASE, 0);
        if (tables.slots() > FIRST_FRAME_SLOT) {
            throw new IllegalStateException("slot numbers overlap");
        }
        frames = new PhysicalFile(fd, memoryFile, bytes, FRAMES_BASE, FIRST_FRAME_SLOT, CHUNK_BYTES);
        supervisor = new Supervisor(tables, frames, entryPath);
        processors = new ProcessorPool(this, Math.min(processorLimit, device.processorLimit()));
    }

    KvmDevice device() {
        return device;
    }

    EntryPath entryPath() {
        return entryPath;
    }

    int fd() {
        return fd;
    }

    /** {@return whether a descriptor still stands for the file it stood for when this machine was made} */
    boolean maps(int file) {
        return file == memoryFile && HostFile.inode(file) == memoryInode;
    }

    TableMemory tables() {
        return tables;
    }

    PhysicalFile frames() {
        return frames;
    }

    Supervisor supervisor() {
        return supervisor;
    }

    ProcessorPool processors() {
        return processors;
    }

    /** {@return page tables with nothing but the supervisor's pages} */
    PageTables newTables() throws ErrnoException {
        PageTables made = new PageTables(tables, frames);
        try {
            supervisor.addTo(made);
        } catch (ErrnoException e) {
            made.close();
            throw e;
        }
        return made;
    }

    /** One more address space. Callers hold the platform's lock. */
    void retain() {
        spaces++;
    }

    /** One address space less. Callers hold the platform's lock. */
    void release() {
        spaces--;
    }

    /** {@return whether there is an address space} Callers hold the platform's lock. */
    boolean isInUse() {
        return spaces > 0;
    }

    /** Takes the machine away. Nobody runs in it. */
    void close() {
        processors.close();
        HostFile.close(fd);
        frames.close();
        tables.close();
    }
}
