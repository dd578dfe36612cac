package dev.caisson.vfs;

import dev.caisson.spi.fs.OpenFile;

/** The open file of a descriptor that was opened with O_PATH: it can do nothing. */
final class PathFile extends OpenFile {
    static final PathFile INSTANCE = new PathFile();

    private PathFile() {}

    @Override
    public boolean isSeekable() {
        return false;
    }
}
