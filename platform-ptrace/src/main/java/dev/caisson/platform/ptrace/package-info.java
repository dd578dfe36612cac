/**
 * Runs guest code with ptrace(2): the platform that works wherever ptrace does, and the reference for the others.
 *
 * <p>Each guest address space is a <i>stub process</i> whose memory holds nothing but the guest's mappings and two pages of
 * ours above {@link PtracePlatform#ADDRESS_LIMIT}: code ({@link StubCode}) and a {@link Mailbox} page, neither writable from
 * inside. Each guest thread is a <i>stub thread</i>, traced by the Java thread of its task ({@link PtraceContext}) and resumed
 * with {@code PTRACE_SYSEMU}, so that no system call of the guest ever reaches the host. The first thread of every stub process
 * is its <i>control thread</i>: it never runs guest code, and makes the calls that the kernel orders through the mailbox
 * ({@link StubProcess}). A task that is stopped in the space can make them through its own stub thread, too
 * ({@link StubThread#inject}). Stub processes are copies of a zygote ({@link StubFactory}), children of one Java thread that
 * lives as long as the platform, and die with it (PDEATHSIG, PTRACE_O_EXITKILL).
 *
 * <p>Locks: {@link StubProcess} has one, a leaf but for {@link Mailbox}'s; {@link Processors} has one, a leaf.
 */
package dev.caisson.platform.ptrace;
