/**
 * Files that are made up when they are read: what proc, sysfs and other filesystems without storage are built from.
 */
@Export
@Version("1.0.0")
package dev.caisson.vfs.pseudo;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
