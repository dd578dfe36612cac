/**
 * Network stacks in user space. So far there is {@link dev.caisson.net.stack.LoopbackStack}: TCP and UDP over the loopback interface, in
 * memory, without packets.
 *
 * <p>Locks: each socket has one of rank OBJECT for its receive queue; two are never held at once. The table of ports is guarded by its
 * monitor, under which no socket's lock is taken.
 */
package dev.caisson.net.stack;
