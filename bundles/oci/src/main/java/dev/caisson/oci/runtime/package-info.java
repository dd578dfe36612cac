/**
 * Containers as files: what commands know of a container without asking it. A container is a directory {@code ROOT/ID} with
 * {@code state.json}, which is replaced as a whole, and {@code lock}, which its sandbox holds as long as it lives. Nothing here talks to a
 * sandbox or needs native code.
 */
@org.osgi.annotation.bundle.Export
@org.osgi.annotation.versioning.Version("1.0.0")
package dev.caisson.oci.runtime;
