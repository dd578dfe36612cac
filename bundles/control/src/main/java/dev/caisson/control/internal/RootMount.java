package dev.caisson.control.internal;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Mount;
import dev.caisson.control.ProviderKind;
import dev.caisson.control.ProviderSelection;
import dev.caisson.control.RootLayers;
import dev.caisson.control.SandboxException;
import dev.caisson.control.SandboxSpec;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.FileSystemProvider;
import dev.caisson.spi.fs.MountRequest;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
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
     * @param options comma separated, as of mount(8): ro, rw, or the provider's own; a comma in a value has a backslash before it
     * @return the mount
     */
    public static RootMount parse(String source, String options) {
        return of(source, byName(options));
    }

    /** Options by name, of a list as mount(8) takes it. */
    static Map<String, String> byName(String options) {
        Map<String, String> words = new LinkedHashMap<>();
        for (String option : words(options)) {
            int equals = option.indexOf('=');
            words.put(equals < 0 ? option : option.substring(0, equals), equals < 0 ? "" : option.substring(equals + 1));
        }
        return words;
    }

    /**
     * Sorts options.
     *
     * @param source what is mounted
     * @param options flags (ro, rw, nosuid, nodev, noexec) and the provider's own options, by name
     * @return the mount
     */
    public static RootMount of(String source, Map<String, String> options) {
        Map<String, String> own = new LinkedHashMap<>();
        long flags = 0;
        for (Map.Entry<String, String> option : options.entrySet()) {
            switch (option.getKey()) {
                case "ro" -> flags |= Mount.MS_RDONLY;
                case "rw" -> flags &= ~Mount.MS_RDONLY;
                case "nosuid" -> flags |= Mount.MS_NOSUID;
                case "nodev" -> flags |= Mount.MS_NODEV;
                case "noexec" -> flags |= Mount.MS_NOEXEC;
                default -> own.put(option.getKey(), option.getValue());
            }
        }
        return new RootMount(source, flags, own);
    }

    /** Splits at commas; what a backslash stands before stays as it is, but for a comma, which loses it. */
    private static List<String> words(String options) {
        List<String> words = new ArrayList<>();
        String text = options.trim();
        StringBuilder word = new StringBuilder();
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == ',') {
                words.add(word.toString());
                word.setLength(0);
            } else if (c == '\\' && i + 1 < text.length()) {
                char next = text.charAt(++i);
                word.append(next == ',' ? "" : "\\").append(next);
            } else {
                word.append(c);
            }
        }
        words.add(word.toString());
        words.removeIf(String::isBlank);
        return words;
    }

    /**
     * What a new sandbox is to have as its root.
     *
     * @param spec what the caller wants
     * @param selection what the configuration says
     * @return the mount
     * @throws SandboxException when the configuration names what is not there
     */
    public static RootMount of(SandboxSpec spec, ProviderSelection selection) throws SandboxException {
        String name = spec.providers().getOrDefault(ProviderKind.ROOTFS, selection.name(ProviderKind.ROOTFS));
        RootMount configured = parse(spec.rootSource() != null ? spec.rootSource() : selection.rootSource(name), selection.rootOptions(name));
        Map<String, String> own = new LinkedHashMap<>(configured.options);
        if (spec.rootSource() != null) {
            own.remove(RootLayers.LOWERS); // those are in place of another source
        }
        own.putAll(spec.rootOptions());
        return new RootMount(configured.source, configured.flags, own);
    }

    FileSystem mount(FileSystemProvider provider) throws ErrnoException {
        return mount(provider, null, List.of());
    }

    /** Mounts what is to take the place of another filesystem, which itself may have left some behind, under running programs. */
    FileSystem mount(FileSystemProvider provider, FileSystem replaced, List<FileSystem> leftBehind) throws ErrnoException {
        return provider.mount(new MountRequest(source, flags, options, Credentials.ROOT, replaced, leftBehind));
    }
}
