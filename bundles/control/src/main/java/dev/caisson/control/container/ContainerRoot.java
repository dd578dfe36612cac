package dev.caisson.control.container;

import dev.caisson.control.internal.RootMount;

/**
 * What serves the root filesystem of a container.
 *
 * @param provider its name
 * @param mount what it has mounted
 */
record ContainerRoot(String provider, RootMount mount) {}
