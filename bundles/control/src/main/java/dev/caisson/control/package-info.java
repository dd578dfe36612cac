/**
 * Sandbox life cycle. A {@link dev.caisson.control.SandboxSpec} says what to run and in what; the
 * {@link dev.caisson.control.SandboxService} (in the framework) or a {@link dev.caisson.control.SandboxBuilder} (with plain classes)
 * makes a {@link dev.caisson.control.Sandbox} of it.
 */
@Export
@Version("1.0.0")
package dev.caisson.control;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
