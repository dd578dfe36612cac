/**
 * How other processes of the same user reach a running sandbox: a UNIX socket per sandbox in a {@link
 * dev.caisson.control.remote.RuntimeDirectory runtime directory}, over which a {@link dev.caisson.control.remote.ControlClient client} sends
 * a JSON object per line and gets one back.
 *
 * <p>Plain Java without native code, a framework or a logger, so that commands which only talk to a sandbox start fast.
 */
@Export
@Version("1.0.0")
package dev.caisson.control.remote;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
