/** Enters Caisson as a runtime into the configuration of Docker, containerd and podman, and takes it out again. */
package dev.caisson.cli.setup;
