/**
 * The conformance kit of platforms: extend {@link dev.caisson.testing.platform.PlatformContractTest} with a way to make yours,
 * and every promise of {@link dev.caisson.spi.platform} is tried on it with small assembled guest programs.
 */
@Export
@Version("1.0.0")
package dev.caisson.testing.platform;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
