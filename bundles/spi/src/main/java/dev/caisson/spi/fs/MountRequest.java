package dev.caisson.spi.fs;

import dev.caisson.spi.cred.Credentials;
import java.util.Map;

/**
 * What to mount.
 *
 * @param source the first argument of mount(2): for host directories an absolute path on the host, when the operator asks
 * @param flags {@code MS_*}
 * @param options options of the filesystem, in the order given; an unknown one is EINVAL
 * @param credentials who mounts
 */
public record MountRequest(String source, long flags, Map<String, String> options, Credentials credentials) {}
