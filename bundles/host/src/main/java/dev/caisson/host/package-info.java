/**
 * The only door to the host kernel. Static classes by family; every call returns a value or a negated error number, allocates
 * nothing, and may be made on any thread unless its javadoc says otherwise. Addresses are native addresses of memory that the
 * caller keeps alive for the duration of the call. Path names are Java strings in ISO-8859-1, one char per byte.
 */
@Export
@Version("1.0.0")
package dev.caisson.host;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
