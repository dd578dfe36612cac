package dev.caisson.oci.spec;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * A container's configuration: config.json of a bundle, read and checked. Source: runtime-spec, config.md and config-linux.md.
 *
 * @param ociVersion the version of the specification that it was written for
 * @param root the root filesystem
 * @param process what runs in it; null when only {@code create} was thought of
 * @param hostname node name; null for the one there is
 * @param domainname NIS domain; null for the one there is
 * @param mounts mounts besides the root, in their order
 * @param hooks programs of the host for the moments of a container's life
 * @param annotations anything by name
 * @param linux what only Linux has; never null
 * @param warnings what is not honoured, though nothing breaks by that: one line each, for the log
 * @param text the whole document as it was read
 */
public record OciConfig(String ociVersion, OciRoot root, OciProcess process, String hostname, String domainname, List<OciMount> mounts,
        OciHooks hooks, Map<String, String> annotations, OciLinux linux, List<String> warnings, String text) {
    /** The oldest version of the specification that is understood. */
    public static final String OLDEST_VERSION = "1.0.0";
    /** The version of the specification that is implemented. */
    public static final String VERSION = "1.2.0";
    /** The file in a bundle. */
    public static final String FILE = "config.json";

    private static final int MOST_HOSTNAME_BYTES = 64;

    /** Copies what could change. */
    public OciConfig {
        mounts = List.copyOf(mounts);
        annotations = Map.copyOf(annotations);
        warnings = List.copyOf(warnings);
    }

    /**
     * Reads and checks a bundle's configuration.
     *
     * @param bundle directory with config.json; relative paths in it begin here
     * @return the configuration
     * @throws OciConfigException when there is none, or it cannot be used
     */
    public static OciConfig read(Path bundle) throws OciConfigException {
        Path absolute = bundle.toAbsolutePath().normalize();
        if (!Files.isDirectory(absolute)) {
            throw new OciConfigException("the bundle " + absolute + (Files.exists(absolute) ? " is no directory" : " does not exist"));
        }
        OciConfig config = parse(bytes(absolute.resolve(FILE), "; \"caisson spec\" writes one"), absolute);
        if (!Files.isDirectory(config.root.path())) {
            throw new OciConfigException("root.path: " + config.root.path()
                    + (Files.exists(config.root.path()) ? " is no directory" : " does not exist"));
        }
        return config;
    }

    /**
     * Checks a configuration; nothing of the host is looked at.
     *
     * @param json config.json in UTF-8
     * @param bundle absolute; where relative paths begin
     * @return the configuration
     * @throws OciConfigException when it cannot be used
     */
    public static OciConfig parse(byte[] json, Path bundle) throws OciConfigException {
        SpecNode top = SpecNode.document(json);
        String version = version(top);
        OciRoot root = OciRoot.of(top.require("root"), bundle);
        SpecNode process = top.object("process");
        OciProcess checked = process == null ? null : OciProcess.of(process);
        OciMount.Reader mounts = new OciMount.Reader(bundle);
        for (SpecNode mount : top.list("mounts")) {
            mounts.read(mount);
        }
        OciLinux linux = OciLinux.of(top.object("linux"));
        String hostname = name(top, "hostname");
        String domainname = name(top, "domainname");
        for (String member : List.of("hostname", "domainname")) {
            if ((member.equals("hostname") ? hostname : domainname) != null && linux.namespace(OciNamespace.Type.UTS) == null) {
                throw top.error(member, "needs an entry of type uts in linux.namespaces");
            }
        }
        for (String other : List.of("windows", "solaris", "vm", "zos", "freebsd")) {
            if (top.get(other) != null && top.get("linux") == null) {
                throw top.error(other, "is for another system; linux is expected");
            }
        }
        OciHooks hooks = OciHooks.of(top.object("hooks"));
        Map<String, String> annotations = top.texts("annotations");
        return new OciConfig(version, root, checked, hostname, domainname, mounts.mounts(), hooks, annotations, linux, top.warnings(),
                new String(json, StandardCharsets.UTF_8));
    }

    /** {@return absolute path of the root's directory on the host} */
    public Path rootPath() {
        return root.path();
    }

    /** {@return the version of the specification that it was written for} */
    public String version() {
        return ociVersion;
    }

    /** {@return where the container's control group is, or null} */
    public String cgroupsPath() {
        return linux.cgroupsPath();
    }

    /** SemVer 2.0.0: only the major version breaks what is older. */
    private static String version(SpecNode top) throws OciConfigException {
        String version = top.requireText("ociVersion");
        if (!version.matches("(0|[1-9]\\d{0,5})\\.(0|[1-9]\\d{0,5})\\.(0|[1-9]\\d{0,5})([-+][0-9A-Za-z.+-]*)?")) {
            throw top.error("ociVersion", "is no version: " + version);
        }
        if (!version.startsWith("1.")) {
            throw top.error("ociVersion", "version " + version + " is not supported, only 1.x is");
        }
        return version;
    }

    private static String name(SpecNode top, String member) throws OciConfigException {
        String name = top.text(member, "");
        if (name.isEmpty()) {
            return null;
        }
        if (name.getBytes(StandardCharsets.UTF_8).length > MOST_HOSTNAME_BYTES) {
            throw top.error(member, "is longer than " + MOST_HOSTNAME_BYTES + " bytes");
        }
        return name;
    }

    /** Reads a file of bounded size. */
    static byte[] bytes(Path file, String advice) throws OciConfigException {
        try {
            if (Files.exists(file) && !Files.isRegularFile(file)) {
                throw new OciConfigException(file + " is no regular file");
            }
            if (Files.size(file) > JsonTree.MOST_BYTES) {
                throw new OciConfigException(file + " is larger than " + JsonTree.MOST_BYTES + " bytes");
            }
            return Files.readAllBytes(file);
        } catch (NoSuchFileException e) {
            throw new OciConfigException("there is no " + file + advice);
        } catch (IOException e) {
            throw new OciConfigException("cannot read " + file + ": " + e.getMessage());
        }
    }
}
