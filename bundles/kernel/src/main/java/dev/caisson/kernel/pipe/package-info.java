/**
 * Pipes and FIFOs, pipe(7) and fifo(7). {@link dev.caisson.kernel.pipe.Pipe} is the buffer with its one lock (rank OBJECT);
 * {@link dev.caisson.kernel.pipe.PipeFile} one open end of it.
 */
@Export
@Version("1.0.0")
package dev.caisson.kernel.pipe;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
