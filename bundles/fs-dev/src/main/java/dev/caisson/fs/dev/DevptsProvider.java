package dev.caisson.fs.dev;

import static dev.caisson.abi.Errno.EINVAL;

import dev.caisson.abi.ErrnoException;
import dev.caisson.fs.dev.tty.DevptsDirectory;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.FileSystemProvider;
import dev.caisson.spi.fs.MountRequest;
import dev.caisson.vfs.pseudo.PseudoFileSystem;
import java.util.Map;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;

/** devpts. Deviation: every instance shows all terminals of the sandbox, as before {@code newinstance}. */
@Component(property = FileSystemProvider.NAME + "=devpts")
public final class DevptsProvider implements FileSystemProvider {
    /** {@code DEVPTS_SUPER_MAGIC}, linux/magic.h. */
    private static final long MAGIC = 0x1cd1;

    private final SandboxDevices devices;

    /**
     * Makes the provider.
     *
     * @param devices whose terminals it shows
     */
    @Activate
    public DevptsProvider(@Reference SandboxDevices devices) {
        this.devices = devices;
    }

    @Override
    public String name() {
        return "devpts";
    }

    @Override
    public boolean isGuestMountable() {
        return true;
    }

    @Override
    public FileSystem mount(MountRequest request) throws ErrnoException {
        int mode = 0600;
        int group = -1;
        int ptmxMode = 0;
        for (Map.Entry<String, String> option : request.options().entrySet()) {
            String value = option.getValue();
            try {
                switch (option.getKey()) {
                    case "mode" -> mode = Integer.parseInt(value, 8) & 0777;
                    case "ptmxmode" -> ptmxMode = Integer.parseInt(value, 8) & 0777;
                    case "gid" -> group = Integer.parseInt(value);
                    case "uid", "max" -> Integer.parseInt(value);
                    case "newinstance" -> { }
                    default -> throw EINVAL.error("devpts: unknown option");
                }
            } catch (NumberFormatException e) {
                throw EINVAL.error("devpts: not a number");
            }
        }
        PseudoFileSystem fileSystem = new PseudoFileSystem("devpts", MAGIC);
        return fileSystem.root(new DevptsDirectory(fileSystem, devices.terminals(), mode, group, ptmxMode));
    }
}
