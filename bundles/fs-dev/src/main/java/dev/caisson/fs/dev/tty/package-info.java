/**
 * Terminals: pseudo-terminal pairs with their line discipline, and what every terminal has in common (sessions, job control).
 *
 * <p>Each terminal has one lock of rank OBJECT. Signals go out after it was released, since the receivers' locks rank above it.
 */
@Export
@Version("1.0.0")
package dev.caisson.fs.dev.tty;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
