/**
 * The OCI runtime specification (1.0 to 1.2) as values: {@link dev.caisson.oci.spec.OciConfig} is a config.json that was read and checked.
 * Names are the specification's. What is wrong is told as one line that names the field by its path; properties that the
 * specification does not have are ignored, as it wants. Strings are Unicode, as in JSON; who hands them to guests encodes them.
 */
@Export
@Version("1.0.0")
package dev.caisson.oci.spec;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
