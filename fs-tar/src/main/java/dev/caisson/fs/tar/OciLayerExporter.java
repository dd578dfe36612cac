package dev.caisson.fs.tar;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.LayerExporter;
import dev.caisson.spi.fs.LayeredFileSystem;
import java.io.IOException;
import java.io.OutputStream;
import org.osgi.service.component.annotations.Component;

/** Writes changes as a layer of an OCI image, uncompressed. */
@Component(property = LayerExporter.FORMAT + "=" + LayerExporter.OCI)
public final class OciLayerExporter implements LayerExporter {
    /** For Declarative Services. */
    public OciLayerExporter() {}

    @Override
    public Summary export(LayeredFileSystem source, OutputStream target) throws IOException, ErrnoException {
        return new LayerWriter(source, target).write();
    }
}
