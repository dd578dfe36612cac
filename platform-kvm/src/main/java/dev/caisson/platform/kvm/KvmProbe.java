package dev.caisson.platform.kvm;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Mman;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostMemory;
import dev.caisson.host.HostTsc;
import dev.caisson.host.code.Assembler;
import dev.caisson.host.code.Label;
import dev.caisson.host.code.Register;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.Registers;
import dev.caisson.stub.FpuFormat;
import java.lang.foreign.MemorySegment;

/**
 * Finds out at start how this host's KVM behaves, with a small guest: where {@code syscall} arrives, what an exit costs, whether the
 * time stamp counter is the host's.
 */
final class KvmProbe {
    private static final int PAGE = 4096;
    private static final long CODE = 0x10000;
    /** Offset of the program. */
    private static final int START = 16;
    /** Offset of another system call. */
    private static final int CALL = 256;
    private static final int USER_CS_32 = 0x23;
    private static final int EXITS = 32;
    private static final int MFD_CLOEXEC = 1;
    /** Of the whole probe, which takes some ms, and a second in an emulator. */
    private static final int LIMIT_SECONDS = 60;
    /** Of the counter's offset; a second on most processors. */
    private static final long TSC_SLACK = 3_000_000_000L;

    /**
     * What was found.
     *
     * @param entryPath where {@code syscall} arrives
     * @param exitNs what a system call by an exit costs, return included
     * @param sharesTsc whether the guest has the host's time stamp counter
     */
    record Report(EntryPath entryPath, long exitNs, boolean sharesTsc) {
        @Override
        public String toString() {
            return "syscall enters " + (entryPath == EntryPath.RING_0 ? "ring 0" : "ring 3 (no hardware virtualization)")
                + ", an exit costs " + exitNs / 1000 + " us" + (sharesTsc ? "" : ", time stamp counter differs");
        }
    }

    private KvmProbe() {}

    /**
     * Runs the probe.
     *
     * @param device KVM
     * @param format what FPU images look like
     * @return what was found
     * @throws ErrnoException when a host call fails that must not
     * @throws KvmUnusableException when guest code does not run as it should
     */
    static Report run(KvmDevice device, FpuFormat format) throws ErrnoException, KvmUnusableException {
        return run(device, format, program(), LIMIT_SECONDS);
    }

    /** As {@link #run(KvmDevice, FpuFormat)}, with another guest and within another time. */
    static Report run(KvmDevice device, FpuFormat format, byte[] program, int seconds) throws ErrnoException, KvmUnusableException {
        int file = (int) Errno.check(HostMemory.createFile("caisson-kvm-probe", MFD_CLOEXEC));
        try {
            Errno.check(HostMemory.resize(file, PAGE));
            write(program, file);
            Report report = tryPath(device, format, file, EntryPath.RING_0, seconds);
            if (report == null) {
                report = tryPath(device, format, file, EntryPath.RING_3, seconds);
            }
            if (report == null) {
                throw new KvmUnusableException("KVM brings system calls neither to ring 0 nor to ring 3; use another platform");
            }
            return report;
        } finally {
            HostFile.close(file);
        }
    }

    /** At the beginning what only ring 0 may do; then the time stamp counter to rbx, and system calls for ever; then another. */
    private static byte[] program() {
        Assembler code = new Assembler().bytes(0xf4).align(START).rdtsc().shl(Register.RDX, 32).or(Register.RAX, Register.RDX)
            .mov(Register.RBX, Register.RAX);
        Label loop = code.here();
        return code.syscall().jump(loop).align(CALL).syscall().toBytes();
    }

    private static void write(byte[] program, int file) throws ErrnoException {
        MemorySegment page = HostMemory.mapFile(file, 0, PAGE, true);
        if (page == null) {
            throw Errno.ENOMEM.error("probe");
        }
        page.asSlice(0, program.length).copyFrom(MemorySegment.ofArray(program));
        HostMemory.unmap(page.address(), PAGE);
    }

    /** {@return what was found, or null if system calls do not come that way} */
    private static Report tryPath(KvmDevice device, FpuFormat format, int file, EntryPath path, int seconds)
        throws ErrnoException, KvmUnusableException {
        Machine machine = new Machine(device, file, path, 1);
        KvmContext context = new KvmContext(format, device.xsaveBytes(), new Crowd(0, Crowd.HASTY));
        try (ProbeLimit limit = new ProbeLimit(context, seconds)) {
            machine.frames().require(0, PAGE);
            KvmAddressSpace space = new KvmAddressSpace(null, machine);
            space.tables().map(CODE, PAGE, 0, Mman.PROT_READ | Mman.PROT_EXEC);
            Registers registers = new Registers();
            registers.rip(CODE + START);
            long before = HostTsc.read();
            if (next(context, space, registers, limit) != Exit.Plain.SYSCALL) {
                return null;
            }
            long after = HostTsc.read();
            boolean sharesTsc = registers.rbx() - before > -TSC_SLACK && after - registers.rbx() > -TSC_SLACK;
            requireRing0(context, space, limit);
            long start = System.nanoTime();
            for (int i = 0; i < EXITS; i++) {
                if (next(context, space, registers, limit) != Exit.Plain.SYSCALL) {
                    throw Errno.EIO.error("a second system call");
                }
            }
            return new Report(path, (System.nanoTime() - start) / EXITS, sharesTsc);
        } finally {
            context.close();
            machine.close();
        }
    }

    /**
     * A 32-bit call must not run code of the guest in ring 0. Some monitors lose half of the address where such calls arrive.
     */
    private static void requireRing0(KvmContext context, KvmAddressSpace space, ProbeLimit limit)
        throws ErrnoException, KvmUnusableException {
        space.tables().map(Supervisor.ENTRY & 0xffff_f000L, PAGE, 0, Mman.PROT_READ | Mman.PROT_EXEC);
        Registers registers = new Registers();
        registers.rip(CODE + CALL);
        registers.cs(USER_CS_32);
        Exit exit;
        try {
            exit = next(context, space, registers, limit);
        } catch (ErrnoException e) {
            exit = null;
        }
        if (!(exit instanceof Exit.Signal)) {
            throw new KvmUnusableException("KVM runs code of guests in ring 0, which SMEP must prevent; use another platform");
        }
    }

    private static Exit next(KvmContext context, KvmAddressSpace space, Registers registers, ProbeLimit limit)
        throws ErrnoException, KvmUnusableException {
        Exit exit = context.run(space, registers);
        while (exit == Exit.Plain.INTERRUPTED) {
            limit.check();
            exit = context.run(space, registers);
        }
        return exit;
    }
}
