package dev.caisson.spi.fs;

import dev.caisson.abi.ErrnoException;
import java.io.IOException;
import java.io.OutputStream;
import org.osgi.annotation.versioning.ConsumerType;

/** Writes the changes of a layered filesystem as an archive. Implementations are OSGi services that carry {@link #FORMAT}. */
@ConsumerType
public interface LayerExporter {
    /** Service property: the name of the format. */
    String FORMAT = "caisson.layer.format";

    /** The format of image layers: a tar archive with {@code .wh.} files. */
    String OCI = "oci";

    /**
     * What was written.
     *
     * @param entries names with files, directories and removals
     * @param skipped names that the format has no place for: sockets, and what went away meanwhile
     */
    record Summary(long entries, long skipped) {}

    /**
     * Writes all changes. Programs may go on: each file is read once, as it is then.
     *
     * @param source whose changes
     * @param target where to; is flushed, not closed
     * @return what was written
     * @throws IOException when the target fails
     * @throws ErrnoException when the filesystem fails
     */
    Summary export(LayeredFileSystem source, OutputStream target) throws IOException, ErrnoException;
}
