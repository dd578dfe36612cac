/**
 * The kvm platform: the JVM is the monitor of a virtual machine whose user code is the guest's.
 *
 * <p><b>Machine.</b> One virtual machine per memory file ({@link dev.caisson.platform.kvm.Machine}). Guest-physical memory is the
 * memory file and a file of our own for page tables and supervisor pages, as memory slots. Each address space is a set of page
 * tables ({@link dev.caisson.platform.kvm.PageTables}) that Java writes.
 *
 * <p><b>Processors.</b> A bounded number of virtual processors serves any number of guest threads. A context takes one when it runs
 * and gives it back when it returns, but its FPU and segment state stays there until another context wants the processor.
 *
 * <p><b>Events.</b> All exceptions go through the interrupt descriptor table to a page of {@code hlt} instructions in ring 0, one for
 * each vector, which end KVM_RUN; the processor has then pushed what the kernel needs to the supervisor stack, and the general
 * registers are still the guest's. The guest goes on by {@code iretq} or {@code sysretq}. How system calls come is found out at
 * start: {@link dev.caisson.platform.kvm.EntryPath}.
 *
 * <p><b>Calls without an exit.</b> An exit is dear, most of all where there is no hardware virtualization. So when a guest makes many
 * calls and the host has a processor to spare, a second thread ({@link dev.caisson.platform.kvm.Companion}) goes into KVM_RUN, and the
 * guest's stub ({@link dev.caisson.platform.kvm.StubCode}), in ring 0 or ring 3, waits inside for the task's answer in a slot of
 * {@link dev.caisson.mailbox}'s layout. The slot is mapped in the address space that runs on that processor only, so that no guest
 * process sees another's.
 *
 * <p><b>Hostile guests.</b> A guest cannot reach what is mapped for ring 0, and ring 0 runs no page of users (SMEP), since some monitors
 * bring system calls to ring 0 at half an address, or at the stub of ring 3. On that stub's path all that comes out of a slot is the
 * guest's own registers, any place of the stub may be where a guest was interrupted, and no loop of ours waits for a stub to do as it
 * should ({@link dev.caisson.platform.kvm.ExitReader}). A processor that comes out in a state we do not know is set up anew before
 * anybody else has it; the process that did it ends.
 *
 * <p><b>Taking rights away.</b> Some hosts keep shadow page tables, which do not notice when the monitor writes a guest's page table. So
 * an entry that loses a right is written, and then the memory behind it is dropped from the monitor's own mapping with
 * madvise(2): KVM removes all its entries for these pages and flushes the processors before that returns, whatever the kind of
 * virtualization, and no guest code has to take part. Entries of upper levels never change while a table lives, and pages of
 * closed tables wait until KVM has forgotten all of its shadows.
 */
package dev.caisson.platform.kvm;
