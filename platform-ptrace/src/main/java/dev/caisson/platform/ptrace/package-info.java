/**
 * Runs guest code with ptrace(2): the platform that works wherever ptrace does, and the reference for the others.
 *
 * <p>Each guest address space is a stub process (see {@link dev.caisson.stub}). Each guest thread is a <i>stub thread</i>, traced by the Java thread of its task ({@link PtraceContext}) and resumed
 * with {@code PTRACE_SYSEMU}, so that no system call of the guest ever reaches the host. The control
 * thread changes the address space. A task that is stopped in the space can make them through its own stub thread, too
 * ({@link StubThread#inject}).
 */
package dev.caisson.platform.ptrace;
