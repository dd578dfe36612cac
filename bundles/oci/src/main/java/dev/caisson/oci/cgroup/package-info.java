/** Control groups of the host, version 1 and 2: made, limited, measured and removed for one container. */
@org.osgi.annotation.bundle.Export
@org.osgi.annotation.versioning.Version("1.0.0")
package dev.caisson.oci.cgroup;
