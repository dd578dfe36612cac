package dev.caisson.cli.doctor;

import dev.caisson.abi.Errno;
import dev.caisson.abi.Fcntl;
import dev.caisson.cli.boot.BootParts;
import dev.caisson.control.SandboxException;
import dev.caisson.host.HostCredentials;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostPath;
import dev.caisson.host.HostProcess;
import dev.caisson.host.HostSignal;
import dev.caisson.host.raw.SpawnOrders;
import dev.caisson.host.raw.SyscallNumber;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** This machine. */
final class HostMachine implements Machine {
    private static final int CLONE_NEWUSER = 0x1000_0000, SIGCHLD = 17, SIG_BLOCK = 0, SIG_SETMASK = 2;
    private static final int F_OK = 0, X_OK = 1, W_OK = 2, R_OK = 4;
    private static final int MODE = 07777;

    private final DoctorCommand.Platforms platforms;

    HostMachine(DoctorCommand.Platforms platforms) {
        this.platforms = platforms;
    }

    @Override
    public String text(String path) {
        try {
            return new String(Files.readAllBytes(Path.of(path)), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return null; // what cannot be read is not there, as far as Caisson is concerned
        }
    }

    @Override
    public boolean can(String path, Access access) {
        int mode = switch (access) {
            case EXISTS -> F_OK;
            case READ -> R_OK;
            case WRITE -> W_OK;
            case EXECUTE -> X_OK;
        };
        return HostPath.access(Fcntl.AT_FDCWD, path, mode, 0) == 0;
    }

    @Override
    public List<Entry> list(Path path) {
        List<Entry> entries = new ArrayList<>();
        String[] names = path.toFile().list();
        for (String name : names == null ? new String[0] : names) {
            try {
                BasicFileAttributes attributes = Files.readAttributes(path.resolve(name), BasicFileAttributes.class);
                if (attributes.isRegularFile()) {
                    entries.add(new Entry(name, attributes.size(), attributes.lastModifiedTime().toMillis()));
                }
            } catch (IOException e) {
                continue; // gone meanwhile
            }
        }
        entries.sort((a, b) -> a.name().compareTo(b.name()));
        return entries;
    }

    @Override
    public Rights rights(Path path) {
        try {
            Map<String, Object> all = Files.readAttributes(path, "unix:uid,mode", LinkOption.NOFOLLOW_LINKS);
            return new Rights((Integer) all.get("uid"), (Integer) all.get("mode") & MODE);
        } catch (IOException e) {
            return null;
        }
    }

    @Override
    public int user() {
        return HostCredentials.effectiveUser();
    }

    @Override
    public String property(String name) {
        return System.getProperty(name);
    }

    @Override
    public boolean hasOpenat2() {
        long fd = HostPath.open(Fcntl.AT_FDCWD, "/", Fcntl.O_RDONLY | Fcntl.O_DIRECTORY, 0, 0);
        if (fd >= 0) {
            HostFile.close((int) fd);
        }
        return fd >= 0;
    }

    @Override
    public Trial userNamespace() {
        try (Arena arena = Arena.ofConfined()) {
            SpawnOrders orders = new SpawnOrders(arena).add(SyscallNumber.EXIT, 0);
            HostSignal.changeMask(SIG_BLOCK, -1L & ~(1L << 3 | 1L << 4 | 1L << 6 | 1L << 7 | 1L << 10)); // those of Java stay
            long oldMask = HostSignal.previousMask();
            long child = orders.spawn(CLONE_NEWUSER | SIGCHLD);
            HostSignal.changeMask(SIG_SETMASK, oldMask);
            if (child < 0) {
                return new Trial(false, Errno.of(-child).text());
            }
            HostProcess.await((int) child, 0, 0);
            return new Trial(true, "");
        }
    }

    @Override
    public Map<String, Trial> platforms() {
        Map<String, BootParts.Tried> tried;
        try {
            tried = platforms.tryAll();
        } catch (SandboxException e) {
            return Map.of("any", new Trial(false, e.getMessage()));
        }
        if (tried == null) {
            return null;
        }
        Map<String, Trial> trials = new LinkedHashMap<>();
        tried.forEach((name, result) -> trials.put(name, result.failure() == null
                ? new Trial(true, String.format(Locale.ROOT, "works; %.1f µs for an event of the guest", result.eventNs() / 1e3))
                : new Trial(false, result.failure())));
        return trials;
    }
}
