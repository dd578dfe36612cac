package dev.caisson.spi.fs;

import dev.caisson.spi.cred.Credentials;
import java.util.List;
import java.util.Map;

/**
 * What to mount.
 *
 * @param source the first argument of mount(2): for host directories an absolute path on the host, when the operator asks
 * @param flags {@code MS_*}
 * @param options options of the filesystem, in the order given; an unknown one is EINVAL
 * @param credentials who mounts
 * @param replaced the mounted filesystem whose place the new one is to take under running programs; null for a mount of its own. A
 *     provider may take from it what only it has (layers in memory). The change may still fail: the old one goes on then, and the new one
 *     is closed
 * @param leftBehind filesystems that were at the place before {@code replaced}, and that are open still for files which stayed with them. A
 *     provider may take from them as well; one of them may be closed at any time
 */
public record MountRequest(String source, long flags, Map<String, String> options, Credentials credentials, FileSystem replaced,
        List<FileSystem> leftBehind) {
    /** Copies the list. */
    public MountRequest {
        leftBehind = List.copyOf(leftBehind);
    }

    /**
     * A mount of its own.
     *
     * @param source first argument of mount(2)
     * @param flags {@code MS_*}
     * @param options options of the filesystem
     * @param credentials who mounts
     */
    public MountRequest(String source, long flags, Map<String, String> options, Credentials credentials) {
        this(source, flags, options, credentials, null, List.of());
    }

    /**
     * The device number for the new filesystem's files: programs that have files open do not see another one.
     *
     * @return that of the replaced filesystem, or one that nobody has
     */
    public long deviceId() {
        return replaced == null ? AnonymousDevices.next() : replaced.deviceId();
    }
}
