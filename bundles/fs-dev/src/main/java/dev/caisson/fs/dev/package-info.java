/**
 * What a sandbox has under /dev: the character devices every program expects, terminals, and the filesystems that show them.
 *
 * <p>{@link dev.caisson.fs.dev.SandboxDevices} is the state of one sandbox; its devices are registered with the VFS by whoever puts the sandbox together.
 */
@Export
@Version("1.0.0")
package dev.caisson.fs.dev;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
