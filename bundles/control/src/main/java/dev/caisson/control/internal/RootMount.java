package dev.caisson.control.internal;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Mount;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.FileSystemProvider;
import dev.caisson.spi.fs.MountRequest;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * How the root filesystem is mounted.
 *
 * @param source what is mounted: a directory of the host, for most providers
 * @param flags {@code MS_*}
 * @param options the provider's own options
 */
public record RootMount(String source, long flags, Map<String, String> options) {
    /** The host's root; whoever serves it directly serves it read-only. */
    public static final RootMount DEFAULT = parse("/", "");

    /**
     * Reads a configuration.
     *
     * @param source a directory of the host
     * @param options comma separated, as of mount(8): ro, rw, or the provider's own
     * @return the mount
     */
    public static RootMount parse(String source, String options) {
        Map<String, String> own = new LinkedHashMap<>();
        long flags = 0;
        for (String option : options.isBlank() ? new String[0] : options.trim().split(",")) {
            int equals = option.indexOf('=');
            String name = equals < 0 ? option : option.substring(0, equals);
            switch (name) {
                case "ro" -> flags |= Mount.MS_RDONLY;
                case "rw" -> flags &= ~Mount.MS_RDONLY;
                case "nosuid" -> flags |= Mount.MS_NOSUID;
                case "nodev" -> flags |= Mount.MS_NODEV;
                case "noexec" -> flags |= Mount.MS_NOEXEC;
                default -> own.put(name, equals < 0 ? "" : option.substring(equals + 1));
            }
        }
        return new RootMount(source, flags, own);
    }

    FileSystem mount(FileSystemProvider provider) throws ErrnoException {
        return provider.mount(new MountRequest(source, flags, options, Credentials.ROOT));
    }
}
