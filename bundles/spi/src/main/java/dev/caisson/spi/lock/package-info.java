/** Locks with a place in one order; {@link dev.caisson.spi.lock.LockRank} is the order. */
@Export
@Version("1.0.0")
package dev.caisson.spi.lock;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
