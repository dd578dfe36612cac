package dev.caisson.oci.spec;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;

/**
 * The root filesystem.
 *
 * @param path absolute path of its directory on the host
 * @param readonly whether the container may not change it
 */
public record OciRoot(Path path, boolean readonly) {
    static OciRoot of(SpecNode node, Path bundle) throws OciConfigException {
        String path = node.requireText("path");
        try {
            return new OciRoot(bundle.resolve(path).normalize(), node.flag("readonly"));
        } catch (InvalidPathException e) {
            throw node.error("path", "is no path: " + path);
        }
    }
}
