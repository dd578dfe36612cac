/**
 * Runs guest code in stub processes, without ptrace: the platform for hosts that have no usable /dev/kvm.
 *
 * <p>Each guest address space is a stub process (see {@link dev.caisson.stub}), each guest thread a thread of it. A seccomp filter turns
 * every system call of such a thread into SIGSYS; its handler ({@link SystrapCode}), which also takes the signals of the
 * processor's exceptions and of kicks, hands the turn to the task's Java thread ({@link SystrapContext}) through a slot in shared
 * memory (see {@link dev.caisson.mailbox}) and waits there for the answer. The slot is the handler's stack, too.
 *
 * <p>A guest can do to its stub what it likes: the thread may make two kinds of futex(2) and nothing else, whatever instruction guest
 * code jumps to; memory is changed and threads are made by the control thread, whose orders lie in memory that guests cannot
 * write; and what comes out of a slot is copied once and checked.
 */
package dev.caisson.platform.systrap;
