package dev.caisson.fs.dev;

import static dev.caisson.abi.Errno.ENXIO;

import dev.caisson.abi.ErrnoException;
import dev.caisson.fs.dev.stdio.HostTerminal;
import dev.caisson.fs.dev.tty.PtyTable;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.fs.ControllingTerminal;
import dev.caisson.spi.fs.DeviceNumbers;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.JobControl;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.vfs.Caller;
import dev.caisson.vfs.DeviceRegistry;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;

/** The devices of one sandbox: drivers for the VFS, the pseudo-terminals, and the console. */
@Component(service = SandboxDevices.class)
public final class SandboxDevices {
    private static final int MEM_MAJOR = 1;
    private static final int TTY_MAJOR = 5;
    private static final int PTS_MAJOR = 136;

    private final MemoryFile memory;
    private final PtyTable terminals = new PtyTable();
    private volatile HostTerminal console;

    /**
     * Makes the devices.
     *
     * @param memory where mappings of /dev/zero live
     */
    @Activate
    public SandboxDevices(@Reference MemoryFile memory) {
        this.memory = memory;
    }

    /** {@return the terminals of /dev/pts} */
    public PtyTable terminals() {
        return terminals;
    }

    /**
     * Chooses what /dev/console is.
     *
     * @param terminal the terminal that the sandbox runs on, or null for none
     */
    public void console(HostTerminal terminal) {
        console = terminal;
    }

    /**
     * Registers all drivers.
     *
     * @param registry where to
     * @throws ErrnoException EEXIST when somebody else has one of the numbers
     */
    public void register(DeviceRegistry registry) throws ErrnoException {
        registry.registerCharacter("mem", MEM_MAJOR, 3, 7, this::openMemory);
        registry.registerCharacter("/dev/tty", TTY_MAJOR, 0, 1, this::openControlling);
        registry.registerCharacter("/dev/console", TTY_MAJOR, 1, 1, this::openConsole);
        registry.registerCharacter("/dev/ptmx", TTY_MAJOR, 2, 1, (inode, device, flags, opener) -> terminals.openMaster(flags));
        registry.registerCharacter("pts", PTS_MAJOR, 0, 1 << 20, this::openSlave);
    }

    private OpenFile openMemory(Inode inode, long device, int flags, Caller opener) throws ErrnoException {
        MemoryDevice.Kind kind = switch (DeviceNumbers.minor(device)) {
            case 3 -> MemoryDevice.Kind.NULL;
            case 5 -> MemoryDevice.Kind.ZERO;
            case 7 -> MemoryDevice.Kind.FULL;
            case 8 -> MemoryDevice.Kind.RANDOM;
            case 9 -> MemoryDevice.Kind.URANDOM;
            default -> throw ENXIO.error();
        };
        return new MemoryDevice(kind, memory);
    }

    private OpenFile openControlling(Inode inode, long device, int flags, Caller opener) throws ErrnoException {
        JobControl caller = JobControl.current();
        ControllingTerminal terminal = caller == null || caller.session() == null ? null : caller.terminal();
        if (terminal == null && console != null && console.adopt()) {
            terminal = console;
        }
        if (terminal == null) {
            throw ENXIO.error("no controlling terminal");
        }
        return terminal.openControlling(flags);
    }

    private OpenFile openConsole(Inode inode, long device, int flags, Caller opener) throws ErrnoException {
        HostTerminal terminal = console;
        if (terminal == null) {
            throw ENXIO.error("the sandbox has no console");
        }
        return terminal.openControlling(flags);
    }

    private OpenFile openSlave(Inode inode, long device, int flags, Caller opener) throws ErrnoException {
        return terminals.openSlave(DeviceNumbers.minor(device), flags);
    }
}
