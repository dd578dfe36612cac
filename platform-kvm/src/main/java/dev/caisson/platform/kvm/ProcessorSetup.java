package dev.caisson.platform.kvm;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.host.HostKvm;
import dev.caisson.host.HostProcessor;
import java.lang.foreign.MemorySegment;

/** The state in which a virtual processor begins: 64-bit mode with paging, our descriptor tables, and the entry of system calls. */
final class ProcessorSetup {
    private static final int MSR_STAR = 0xc000_0081;
    private static final int MSR_LSTAR = 0xc000_0082;
    private static final int MSR_CSTAR = 0xc000_0083;
    private static final int MSR_SYSCALL_MASK = 0xc000_0084;
    /** Flags that {@code syscall} clears: TF IF DF IOPL NT AC, as on Linux. */
    private static final long SYSCALL_MASK = 0x47700;
    /** PE MP ET NE WP AM PG. */
    private static final long CR0 = 0x8005_0033L;
    /** PAE OSFXSR OSXMMEXCPT OSXSAVE. */
    private static final long CR4 = 0x4_0620;
    /** {@code rdfsbase} and its kin. */
    static final long CR4_FSGSBASE = 0x1_0000;
    /** Ring 0 runs no user pages. */
    private static final long CR4_SMEP = 0x10_0000;
    private static final long[] EXTENSIONS = {CR4_FSGSBASE | CR4_SMEP, CR4_FSGSBASE, CR4_SMEP, 0};
    /** SCE LME LMA NX. */
    private static final long EFER = 0xd01;
    private static final long XTILE = 3L << 17;
    private static final int BUSY_TASK = 11;
    private static final int TASK_LIMIT = 0x67;

    private ProcessorSetup() {}

    /**
     * Prepares what is set once in a processor's life.
     *
     * @param machine its machine
     * @param fd the processor
     * @throws ErrnoException when the host lacks what guests need
     */
    static void initialise(Machine machine, int fd) throws ErrnoException {
        Errno.check(HostKvm.setCpuid(fd, machine.device().cpuid()));
        HostKvm.setTscOffset(fd, 0); // where this cannot be said, the guest has the host's counter anyway, or the clock is asked for
        Errno.check(HostKvm.setSignalMask(fd, ~Processor.KICK_MASK));
    }

    /**
     * Sets all system registers; at the beginning, and after a guest has brought the processor into a state that we do not know.
     *
     * @param machine its machine
     * @param fd the processor
     * @param number its number
     * @param page where system registers are shared
     * @throws ErrnoException when the host lacks what guests need
     */
    static void reset(Machine machine, int fd, int number, RunPage page) throws ErrnoException {
        Errno.check(HostKvm.setXcr0(fd, HostProcessor.xsaveStates() & ~XTILE));
        MemorySegment sregs = page.system();
        Errno.check(HostKvm.systemRegisters(fd, sregs));
        page.enterUser(Supervisor.USER_CS);
        for (int segment : new int[] {KvmLayout.DS, KvmLayout.ES, KvmLayout.FS, KvmLayout.GS}) {
            Segments.set(sregs, segment, 0);
        }
        sregs.asSlice(KvmLayout.LDT, KvmLayout.SEGMENT_BYTES).fill((byte) 0);
        sregs.set(Layouts.U8, KvmLayout.LDT + KvmLayout.SEGMENT_UNUSABLE, (byte) 1);
        MemorySegment tr = sregs.asSlice(KvmLayout.TR, KvmLayout.SEGMENT_BYTES);
        tr.fill((byte) 0);
        tr.set(Layouts.U64, 0, Supervisor.taskState(number));
        tr.set(Layouts.U32, KvmLayout.SEGMENT_LIMIT, TASK_LIMIT);
        tr.set(Layouts.U16, KvmLayout.SEGMENT_SELECTOR, (short) Supervisor.TSS_SELECTOR);
        tr.set(Layouts.U8, KvmLayout.SEGMENT_TYPE, (byte) BUSY_TASK);
        tr.set(Layouts.U8, KvmLayout.SEGMENT_PRESENT, (byte) 1);
        sregs.set(Layouts.U64, KvmLayout.GDT, Supervisor.GDT);
        sregs.set(Layouts.U16, KvmLayout.GDT + 8, (short) Supervisor.GDT_LIMIT);
        sregs.set(Layouts.U64, KvmLayout.IDT, Supervisor.IDT);
        sregs.set(Layouts.U16, KvmLayout.IDT + 8, (short) Supervisor.IDT_LIMIT);
        sregs.set(Layouts.U64, KvmLayout.CR0, CR0);
        sregs.set(Layouts.U64, KvmLayout.EFER, EFER);
        sregs.set(Layouts.U64, KvmLayout.CR3, machine.supervisor().root());
        machine.device().controlBits(setSystemRegisters(fd, sregs));
        HostKvm.setModelRegister(fd, MSR_STAR, (long) (Supervisor.USER_SS - 8) << 48 | (long) Supervisor.KERNEL_CS << 32);
        HostKvm.setModelRegister(fd, MSR_LSTAR, Supervisor.stubAddress(number));
        HostKvm.setModelRegister(fd, MSR_CSTAR, Supervisor.ENTRY);
        HostKvm.setModelRegister(fd, MSR_SYSCALL_MASK, SYSCALL_MASK);
        page.clearEvents();
    }

    /** {@return the bits of CR4 that the host has} What KVM lists says less than what it takes. */
    private static long setSystemRegisters(int fd, MemorySegment sregs) throws ErrnoException {
        for (long wanted : EXTENSIONS) {
            sregs.set(Layouts.U64, KvmLayout.CR4, CR4 | wanted);
            if (HostKvm.setSystemRegisters(fd, sregs) >= 0) {
                return wanted;
            }
        }
        throw Errno.EIO.error("system registers");
    }
}
