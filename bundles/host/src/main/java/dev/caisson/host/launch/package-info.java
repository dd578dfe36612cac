/**
 * The launcher: a small program without a C library that starts a sandbox's process in namespaces of its own, and stands for it in the
 * namespaces of the host as long as it lives. {@link dev.caisson.host.launch.LauncherProgram} assembles it,
 * {@link dev.caisson.host.launch.Launcher} is what the sandbox's process talks to it by.
 */
@org.osgi.annotation.bundle.Export
@org.osgi.annotation.versioning.Version("1.0.0")
package dev.caisson.host.launch;
