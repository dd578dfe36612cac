/**
 * Containers in a kernel, as the OCI runtime specification configures them: {@link dev.caisson.control.container.ContainerKernel} takes an
 * {@link dev.caisson.oci.spec.OciConfig} and makes namespaces, mounts, devices, credentials and filters of it, and the process that waits for
 * its start. What a container says and this kernel cannot do is refused by the name of the field.
 */
@Export
@Version("1.0.0")
package dev.caisson.control.container;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
