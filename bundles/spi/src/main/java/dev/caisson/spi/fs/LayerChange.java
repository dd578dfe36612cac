package dev.caisson.spi.fs;

/**
 * One entry of a layer that takes changes.
 *
 * @param name the name in its directory
 * @param kind what the layer says of it
 */
public record LayerChange(String name, Kind kind) {
    /** What a layer says of a name. */
    public enum Kind {
        /** The layers below have it, and it was removed. */
        REMOVED,
        /** A file that is no directory, new or changed in content or attributes. */
        FILE,
        /** A directory, whose content adds to that of the directories of the same name below. */
        DIRECTORY,
        /** A directory of which nothing below the name shows: new, made again, or moved here. All it contains counts as changed. */
        OPAQUE
    }
}
