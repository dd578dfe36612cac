package dev.caisson.platform.kvm;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.mailbox.GuestRegisters;
import dev.caisson.spi.platform.AccessType;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.Registers;

/** Tells what made KVM_RUN return, and copies the guest's registers out. One for each context. */
final class ExitReader {
    private static final int INT_N = 0xcd;
    private static final int SYSCALL_BYTES = 2;
    private static final int USER_CS_32 = 0x23;
    private static final int RING = 3;
    /** More than the pieces of the largest access that KVM emulates. */
    private static final int MOST_ACCESSES = 16;

    private final FpuState fpu;
    private final Exit.Fault fault = new Exit.Fault();

    /**
     * Makes one.
     *
     * @param fpu the guest's FPU state, which is in the processor
     */
    ExitReader(FpuState fpu) {
        this.fpu = fpu;
    }

    /**
     * Reads an exit.
     *
     * @param processor which came out
     * @param space where it is
     * @param registers where the guest's go
     * @return what happened, or null if the guest is to go on with the registers that were stored
     * @throws ErrnoException EIO when no guest can go on from there
     */
    Exit read(Processor processor, KvmAddressSpace space, Registers registers) throws ErrnoException {
        if (processor.isAtCall()) {
            return call(processor, registers, processor.page().rsp(), null);
        }
        if (processor.isStubOutside()) {
            return callInSlot(processor, registers); // told to spin although nobody is here: the guest writes its slot
        }
        switch (processor.page().exitReason()) {
            case KvmLayout.EXIT_HLT -> {
                int vector = Supervisor.vector(processor.page().rip());
                if (vector >= 0) {
                    return exception(vector, processor, space, registers);
                }
                if (processor.page().rip() == Supervisor.ENTRY + 1) {
                    return callOfThirtyTwoBits(processor, processor.page().rsp(), registers);
                }
            }
            case KvmLayout.EXIT_MMIO -> {
                return strayAccess(processor, registers);
            }
            case KvmLayout.EXIT_INTERNAL_ERROR -> {
                storeUser(processor, registers); // an instruction that KVM cannot emulate, on the doorbell
                if (processor.page().codeSelector() != Supervisor.KERNEL_CS) {
                    return Exceptions.illegalInstruction(registers.rip());
                }
            }
            default -> { }
        }
        processor.damaged();
        throw Errno.EIO.error("KVM exit " + processor.page().exitReason() + " at " + Long.toHexString(processor.page().rip()));
    }

    /**
     * Reads a processor that was interrupted in its stub.
     *
     * @param processor which came out
     * @param registers where the guest's go
     * @return the call that it was about to hand over, or null when the guest was about to go on with the answer
     */
    Exit readInStub(Processor processor, Registers registers) {
        long offset = processor.stubOffset();
        if (processor.stub().isBeforeCall(offset)) {
            return call(processor, registers, processor.page().rsp(), offset == 0 ? null : processor.slot());
        }
        if (processor.stub().isAfterCall(offset) && !processor.slot().isKernels()) {
            processor.slot().store(registers); // rax is the answer
            registers.origRax(-1);
            return null;
        }
        return callInSlot(processor, registers);
    }

    /** Copies the registers of a guest that was interrupted in its own code. */
    void storeUser(Processor processor, Registers registers) {
        RunPage page = processor.page();
        page.storeGeneral(registers);
        registers.rsp(page.rsp());
        registers.rip(page.rip());
        registers.eflags(page.flags());
        registers.cs(page.codeSelector());
        GuestRegisters.mend(registers);
    }

    /** A system call: return address in rcx, unless that is in the slot already, and flags in r11. */
    private static Exit call(Processor processor, Registers registers, long rsp, Slot rcx) {
        processor.page().storeGeneral(registers);
        if (rcx != null) {
            registers.rcx(rcx.rcx());
        }
        registers.rsp(rsp);
        registers.rip(registers.rcx());
        registers.eflags(registers.r11());
        registers.cs(Supervisor.USER_CS);
        return called(registers);
    }

    private static Exit callInSlot(Processor processor, Registers registers) {
        processor.slot().store(registers);
        return called(registers);
    }

    /** {@return a system call, with its number where the kernel wants it} */
    static Exit called(Registers registers) {
        registers.origRax(registers.rax());
        registers.rax(-Errno.ENOSYS.number());
        GuestRegisters.mend(registers);
        return Exit.Plain.SYSCALL;
    }

    /** As int 0x80 of 64-bit code: there are no such calls. */
    private static Exit callOfThirtyTwoBits(Processor processor, long stackPointer, Registers registers) {
        processor.page().storeGeneral(registers);
        registers.rsp(stackPointer);
        registers.rip(registers.rcx() - SYSCALL_BYTES);
        registers.eflags(registers.r11());
        registers.cs(USER_CS_32);
        GuestRegisters.mend(registers);
        return Exceptions.generalProtection();
    }

    private Exit exception(int vector, Processor processor, KvmAddressSpace space, Registers registers) throws ErrnoException {
        boolean hasError = Exceptions.hasErrorCode(vector);
        int at = hasError ? 1 : 0;
        if ((processor.pushed(at + 1) & RING) != RING) {
            return exceptionOfRing0(vector, processor, at, registers);
        }
        processor.page().storeGeneral(registers);
        registers.rip(processor.pushed(at));
        registers.cs(processor.pushed(at + 1));
        registers.eflags(processor.pushed(at + 2));
        registers.rsp(processor.pushed(at + 3));
        GuestRegisters.mend(registers);
        long error = hasError ? processor.pushed(0) : 0;
        if (vector == Exceptions.PAGE_FAULT) {
            return pageFault(processor.page().faultAddress(), error, space);
        }
        if (vector == Exceptions.INVALID_OPCODE && space.byteAt(registers.rip()) == INT_N) {
            return Exceptions.generalProtection(); // some monitors say so of int 0x80
        }
        if (vector == Exceptions.MATH_FAULT || vector == Exceptions.SIMD_FAULT) {
            return Exceptions.floatingPoint(vector, fpu.saveFrom(processor), registers.rip());
        }
        return Exceptions.signal(vector, registers.rip());
    }

    /** Our code there causes none, but SMEP may have kept ring 0 from running a page of users. */
    private static Exit exceptionOfRing0(int vector, Processor processor, int at, Registers registers) throws ErrnoException {
        long rip = processor.pushed(at);
        long rsp = processor.pushed(at + 3);
        if (vector == Exceptions.PAGE_FAULT && rip == Supervisor.stubAddress(processor.number())) {
            return call(processor, registers, rsp, null); // where calls come to ring 3, those that KVM emulates come to ring 0
        }
        if (vector == Exceptions.PAGE_FAULT && rip == (Supervisor.ENTRY & 0xffff_ffffL)) {
            return callOfThirtyTwoBits(processor, rsp, registers); // half of the address was lost
        }
        processor.damaged();
        throw Errno.EIO.error("exception " + vector + " at " + Long.toHexString(rip));
    }

    private Exit pageFault(long address, long error, KvmAddressSpace space) {
        boolean execute = (error & Exceptions.FETCH) != 0;
        boolean write = (error & Exceptions.WRITE) != 0;
        boolean own = address < 0 || address >= KvmPlatform.ADDRESS_LIMIT;
        if (!own && space.tables().allows(address, write, execute)) {
            return null; // mapped since, or the processor remembered what was
        }
        AccessType access = execute ? AccessType.EXECUTE : write ? AccessType.WRITE : AccessType.READ;
        return fault.set(address, access, !own && (error & Exceptions.PRESENT) != 0);
    }

    /** The guest touched the doorbell by itself: there is no memory for it. */
    private Exit strayAccess(Processor processor, Registers registers) {
        RunPage page = processor.page();
        boolean store = page.accessWasStore();
        long address = Supervisor.stubAddress(processor.number()) + StubCode.DOOR + (page.accessAddress() & 0xfff);
        for (int i = 0; i < MOST_ACCESSES && page.exitReason() == KvmLayout.EXIT_MMIO; i++) {
            processor.finishInstruction();
        }
        storeUser(processor, registers);
        return fault.set(address, store ? AccessType.WRITE : AccessType.READ, false);
    }
}
