/**
 * How a guest thread and its task hand each other the turn through shared memory.
 *
 * <p><b>Parties.</b> The <i>stub</i> is our code that runs where the guest runs, on behalf of one guest thread. The <i>kernel</i> is the
 * task's Java thread. They share a <i>slot</i> ({@link dev.caisson.mailbox.SlotLayout}), which guest code may be able to write, too.
 *
 * <p><b>Turn.</b> The slot's state word holds one of four values ({@link dev.caisson.mailbox.Turn}): whose turn it is, and whether the
 * other one, who waits, sleeps:
 *
 * <pre>
 *                      stub: exchange with KERNEL; was it GUEST_AWAITED, wake the kernel
 *   GUEST, GUEST_AWAITED ------------------------------------------&gt; KERNEL
 *                      kernel: exchange with GUEST; was it KERNEL_AWAITED, wake the stub
 *   KERNEL, KERNEL_AWAITED ----------------------------------------&gt; GUEST
 *   GUEST  -- kernel, before it sleeps: compare and exchange --&gt; GUEST_AWAITED
 *   KERNEL -- stub, before it sleeps: compare and exchange ----&gt; KERNEL_AWAITED
 * </pre>
 *
 * Nobody writes anything else. Whoever has the turn owns all of the slot but the state word, and the guest's registers and FPU: in
 * GUEST the stub, which runs the guest; in KERNEL the kernel. The waiter sleeps in futex(2) on the state word with the AWAITED
 * value it put there; the exchange that ends the turn replaces that value first and wakes then, so a wake-up cannot fall between. The
 * waiter looks at the word again after every return of futex(2).
 *
 * <p><b>Order.</b> The exchanges are full barriers on both sides (a locked instruction; {@code VarHandle.getAndSet}); the read that
 * sees the turn is an acquire. So what one owner wrote before is seen by the next.
 *
 * <p><b>Spinning.</b> Waiters spin before they sleep, for as long as it pays: {@link dev.caisson.mailbox.Spinner}. The
 * stub's bound is in the slot, in ticks of the time stamp counter, 0 for none.
 *
 * <p><b>Interrupts.</b> An interrupt is a flag of the kernel's own plus a <i>kick</i>, which makes a stub that runs guest code end its
 * turn with {@link dev.caisson.mailbox.SlotLayout#KIND_INTERRUPT}. The kernel says that it runs, then looks at the flag, then gives
 * the turn; the interrupter sets the flag, then looks whether the kernel runs, then kicks: one of them sees the other. A kick that
 * finds the stub in its own code is kept until guest code would run next, so it may come late and mean nothing; then the
 * kernel finds no flag and gives the turn again.
 *
 * <p><b>FPU.</b> Its state stays in the processor while that is possible; the kernel asks for it with
 * {@link dev.caisson.mailbox.SlotLayout#SAVE_FPU}, which is a turn of the stub that runs no guest code.
 *
 * <p><b>Trust.</b> Everything in the slot may have been written by guest code at any time. The kernel copies what it needs once,
 * checks the copy ({@link dev.caisson.mailbox.GuestRegisters}), and uses nothing of it as an address, a length or an identity of its
 * own. A guest that plays with the state word makes its own calls come out wrong or never; a kernel that waits for it watches
 * over the life of the process and over interrupts, and ends a process that does not answer to kicks.
 *
 * <p><b>Teardown.</b> A slot whose task has left keeps the turn KERNEL with its stub waiting, asleep in the end, ready for the next task;
 * the end of the process ends all its stubs. Slots are reused by the same process only, else zeroed before.
 */
@Export
@Version("1.0.0")
package dev.caisson.mailbox;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
