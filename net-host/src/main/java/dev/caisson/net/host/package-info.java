/**
 * The network {@code host}: every socket of a guest is a socket of the host, in the network namespace of the sandbox. What reaches the host's kernel is a
 * list: families and types ({@link dev.caisson.net.host.HostNetwork}), options and control messages ({@link dev.caisson.net.host.PassedOptions}).
 */
package dev.caisson.net.host;
