package dev.caisson.fs.tar;

import static dev.caisson.abi.Errno.EINVAL;

import dev.caisson.abi.ErrnoException;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.FileSystemProvider;
import dev.caisson.spi.fs.MountRequest;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;

/**
 * Mounts tar archives, read-only. The source is the archive's path on the host; one compressed by gzip is decompressed into a temporary
 * file first. Options: {@code max_entries=} how many files and directories an archive may hold (default {@value #MOST_FILES}), {@code
 * max_bytes=} how many bytes a compressed one may hold (default {@value #MOST_BYTES}), {@code ro}, {@code cache=} (either policy: nobody
 * changes an archive). Both limits may be set in etc/caisson.tar.cfg, too.
 */
@Component(configurationPid = "caisson.tar", property = {FileSystemProvider.NAME + "=tar", FileSystemProvider.ROOT + ":Boolean=true"})
public final class TarProvider implements FileSystemProvider {
    /** Files unless configured; some 300 bytes of the kernel's memory each. */
    private static final long MOST_FILES = 1_000_000;
    private static final long MOST_BYTES = 64L << 30;

    private static final String ENTRIES = "max_entries", BYTES = "max_bytes";

    private final MemoryFile memory;
    /** Limits of the configuration, by the names of the options. */
    private final Map<String, String> configured = new HashMap<>();

    /**
     * Makes the provider.
     *
     * @param memory where cached pages live
     * @param properties the configuration
     */
    @Activate
    public TarProvider(@Reference MemoryFile memory, Map<String, Object> properties) {
        this.memory = memory;
        for (String limit : List.of(ENTRIES, BYTES)) {
            Object value = properties.get(limit);
            if (value != null && !value.toString().isBlank()) {
                configured.put(limit, value.toString().trim());
            }
        }
    }

    @Override
    public String name() {
        return "tar";
    }

    @Override
    public boolean isGuestMountable() {
        return false; // it would open any file of the host
    }

    @Override
    public FileSystem mount(MountRequest request) throws ErrnoException {
        long mostFiles = MOST_FILES;
        long mostBytes = MOST_BYTES;
        Map<String, String> options = new HashMap<>(configured);
        options.putAll(request.options());
        for (Map.Entry<String, String> option : options.entrySet()) {
            switch (option.getKey()) {
                case ENTRIES -> mostFiles = number(option);
                case BYTES -> mostBytes = number(option);
                case "ro", "cache" -> { }
                default -> throw EINVAL.explained("tar has no option " + option.getKey());
            }
        }
        return TarFileSystem.open(request.source(), mostFiles, mostBytes, memory);
    }

    private static long number(Map.Entry<String, String> option) throws ErrnoException {
        try {
            long number = Long.parseLong(option.getValue());
            if (number > 0) {
                return number;
            }
        } catch (NumberFormatException e) {
            // Told below.
        }
        throw EINVAL.explained(option.getKey() + " is a number from 1 on, not " + option.getValue());
    }
}
