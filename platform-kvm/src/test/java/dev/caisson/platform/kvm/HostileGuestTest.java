package dev.caisson.platform.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Signals;
import dev.caisson.host.code.Assembler;
import dev.caisson.host.code.Condition;
import dev.caisson.host.code.Label;
import dev.caisson.host.code.Register;
import dev.caisson.mailbox.SlotLayout;
import dev.caisson.spi.platform.AccessType;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.Registers;
import java.lang.foreign.MemorySegment;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Guests that turn against the supervisor, their stub and their processor. Whatever they do, another guest on the same two processors goes
 * on with its registers as they were, and they can be ended.
 */
@Timeout(900)
class HostileGuestTest {
    private static final long SEED = 20250101;
    private static final long DATA = HostileGuest.DATA;
    private static final long STUB = Supervisor.stubAddress(0);
    private static final long SLOT = STUB + StubCode.SLOT;
    private static final long DOOR = STUB + StubCode.DOOR;

    private final Random random = new Random(SEED);
    private HostileGuest.Host host;
    private HostileGuest witness;

    /** {@return who decides whether companions run the guests: here nobody gets one} */
    Crowd crowd() {
        return new Crowd(0, Crowd.HASTY);
    }

    @BeforeEach
    void start() throws Exception {
        host = new HostileGuest.Host(2, crowd());
        host.program(0, new Assembler().syscall());
        witness = new HostileGuest(host);
        assertWitnessLives();
    }

    @AfterEach
    void stop() throws Exception {
        if (witness != null) {
            assertWitnessLives();
            witness.close();
        }
        if (host != null) {
            host.close();
        }
    }

    // ---- memory of ring 0

    @Test
    void supervisorPagesCanBeNeitherReadNorWrittenNorRun() throws Exception {
        Assembler code = new Assembler().load(Register.RAX, Register.RDI, 0).syscall();
        host.program(0x100, code);
        host.program(0x140, new Assembler().store(Register.RDI, 0, Register.RAX).syscall());
        host.program(0x180, new Assembler().jump(Register.RDI));
        long[] addresses = {Supervisor.BASE, Supervisor.BASE + 14 * 16, Supervisor.ENTRY, Supervisor.IRET, Supervisor.IDT,
            Supervisor.IDT + 14 * 16, Supervisor.GDT + 8, Supervisor.taskState(0), Supervisor.taskState(0) + 4,
            Supervisor.taskState(0) + 4088, Supervisor.taskState(1) + 4000, Supervisor.SLOTS - 8, KvmPlatform.ADDRESS_LIMIT};
        try (HostileGuest guest = new HostileGuest(host)) {
            for (long address : addresses) {
                assertRefused(guest, 0x100, address, AccessType.READ);
                assertRefused(guest, 0x140, address, AccessType.WRITE);
                assertRefused(guest, 0x180, address, AccessType.EXECUTE);
            }
        }
    }

    @Test
    void nothingElseIsThereAboveTheLimit() throws Exception {
        host.program(0x100, new Assembler().load(Register.RAX, Register.RDI, 0).syscall());
        try (HostileGuest guest = new HostileGuest(host)) {
            guest.registers.rip(HostileGuest.CODE);
            guest.run();
            for (int i = 0; i < 200; i++) {
                long address = i < 100 ? KvmPlatform.ADDRESS_LIMIT + (random.nextLong(1L << 36) & -8)
                    : Supervisor.SLOTS + (random.nextLong(1L << 20) & -8);
                long inStub = address - Supervisor.SLOTS;
                if (inStub >= 0 && inStub < 8 * 0x4000) { // stubs are their own, and tested below
                    continue;
                }
                assertRefused(guest, 0x100, address, AccessType.READ);
            }
        }
    }

    @Test
    void theKernelCannotBeToldToMapThere() throws Exception {
        try (HostileGuest guest = new HostileGuest(host)) {
            for (long address : new long[] {KvmPlatform.ADDRESS_LIMIT, Supervisor.BASE, STUB, SLOT, -4096}) {
                assertThrows(IllegalArgumentException.class, () -> guest.space.unmap(address, 4096));
                assertThrows(IllegalArgumentException.class, () -> guest.space.map(address, 4096, 0, 7, false));
                assertThrows(IllegalArgumentException.class, () -> guest.space.protect(address, 4096, 3));
            }
        }
    }

    @Test
    void codeOfTheStubCannotBeWritten() throws Exception {
        host.program(0x140, new Assembler().store(Register.RDI, 0, Register.RAX).syscall());
        try (HostileGuest guest = new HostileGuest(host)) {
            guest.run();
            for (int offset = 0; offset < 4096; offset += 504) {
                guest.at(0x140).rdi(STUB + offset);
                Exit exit = guest.run();
                assertInstanceOf(Exit.Fault.class, exit, exit.toString());
                assertEquals(AccessType.WRITE, ((Exit.Fault) exit).access());
            }
        }
    }

    // ---- instructions

    @Test
    void privilegedInstructionsAreRefused() throws Exception {
        List<String> codes = List.of(
            "ec", "ed", "e460", "e560", "ee", "ef", "e680", "e7f4", "6c", "6d", "6e", "6f", "f36c", "f36e", // in, out, ins, outs
            "fa", "fb", "f4", // cli, sti, hlt
            "0f32", "0f30", "0f33", // rdmsr, wrmsr, rdpmc
            "0f20c0", "0f20d0", "0f20d8", "0f20e0", "440f20c0", // from cr0, cr2, cr3, cr4, cr8
            "0f22c0", "0f22d0", "0f22d8", "0f22e0", "440f22c0", // to them
            "0f21c0", "0f21f8", "0f23c0", "0f23f8", // from and to dr0, dr7
            "0f0117", "0f011f", "0f00d0", "0f00d8", // lgdt, lidt, lldt, ltr
            "0f013f", "0f09", "0f08", "0f06", "0f01f0", "0f01d1", "0f01f8", // invlpg, wbinvd, invd, clts, lmsw, xsetbv, swapgs
            "480f07", "0f07", "480f35", "0f35", "0f34", // sysret, sysexit, sysenter
            "0f01c8", "0f01c9", "660f388207", // monitor, mwait, invpcid
            "0f01d8", "0f01da", "0f01db", "0f01dc", "0f01dd", "0f01de", "0f01df", // vmrun and the others of AMD
            "0f01c2", "0f01c3", "0f01c4", "0f0737", "0faa", // vmlaunch, vmresume, vmxoff, rsm
            "0f37", "0f01cf"); // getsec, encls
        try (HostileGuest guest = new HostileGuest(host)) {
            for (String code : codes) {
                host.bytes(0x200, HexFormat.of().parseHex(code + "0f05"));
                Registers r = guest.at(0x200);
                r.rcx(0xc000_0082L);
                r.rdx(0);
                r.rax(0x10);
                r.rdi(DATA);
                r.rsi(DATA);
                Exit exit = guest.run();
                Exit.Signal signal = assertInstanceOf(Exit.Signal.class, exit, code + ": " + exit);
                assertTrue(signal.signal() == Signals.SIGSEGV || signal.signal() == Signals.SIGILL, code + ": " + signal);
                assertEquals(HostileGuest.CODE + 0x200, r.rip(), code);
            }
        }
    }

    @Test
    void hypercallsReachNobody() throws Exception {
        try (HostileGuest guest = new HostileGuest(host)) {
            for (String code : List.of("0f01c1", "0f01d9")) { // vmcall, vmmcall
                for (int number = 0; number < 16; number++) {
                    host.bytes(0x200, HexFormat.of().parseHex(code + "0f05"));
                    guest.at(0x200).rax(number);
                    guest.registers.rdi(DATA);
                    Exit exit = guest.run();
                    boolean refused = exit instanceof Exit.Signal signal
                        && (signal.signal() == Signals.SIGILL || signal.signal() == Signals.SIGSEGV);
                    assertTrue(refused || exit == Exit.Plain.SYSCALL && guest.registers.origRax() < 0, code + ": " + exit);
                }
            }
        }
    }

    @Test
    void allInterruptNumbersButTheirOwnAreRefused() throws Exception {
        try (HostileGuest guest = new HostileGuest(host)) {
            for (int vector = 0; vector < 256; vector++) {
                host.bytes(0x200, new byte[] {(byte) 0xcd, (byte) vector, 0x0f, 0x05});
                guest.at(0x200).r15(vector);
                Exit exit = guest.run();
                if (vector == 0x1a && host.platform.entryPath() == EntryPath.RING_3 && exit == Exit.Plain.SYSCALL) {
                    continue; // a host that is a sandbox itself may answer this one, to nobody's harm
                }
                Exit.Signal signal = assertInstanceOf(Exit.Signal.class, exit, "int " + vector + ": " + exit);
                int wanted = vector == 3 ? Signals.SIGTRAP : Signals.SIGSEGV;
                assertEquals(wanted, signal.signal(), "int " + vector);
            }
        }
    }

    @Test
    void flagsOfRingZeroCannotBeSet() throws Exception {
        host.program(0x200, new Assembler().push(Register.RAX).bytes(0x9d, 0x9c).pop(Register.RAX).syscall()); // popfq, pushfq
        host.program(0x240, new Assembler().bytes(0x9d, 0xee).syscall()); // popfq; out dx, al
        try (HostileGuest guest = new HostileGuest(host)) {
            guest.at(0x200).rsp(DATA + 0x800);
            guest.registers.rax(0x3000 | 0x2); // IOPL 3, interrupts off
            assertEquals(Exit.Plain.SYSCALL, guest.run());
            assertEquals(0x200, guest.registers.origRax() & 0x3200);
            host.memory.set(Layouts.U64, HostileGuest.DATA_OFFSET + 0x800, 0x3002);
            guest.at(0x240).rsp(DATA + 0x800);
            assertInstanceOf(Exit.Signal.class, guest.run());
        }
    }

    @Test
    void noSelectorLeadsToRingZero() throws Exception {
        // a far jump through [rdi], and iretq with what lies at rsp
        host.bytes(0x200, HexFormat.of().parseHex("48ff2f"));
        host.bytes(0x240, HexFormat.of().parseHex("48cf"));
        try (HostileGuest guest = new HostileGuest(host)) {
            for (int selector = 0; selector < 0x80; selector++) {
                if ((selector | 3) == 0x33 || (selector | 3) == 0x23) {
                    continue;
                }
                MemorySegment data = host.memory.asSlice(HostileGuest.DATA_OFFSET, 4096);
                data.set(Layouts.U64, 0, Supervisor.ENTRY);
                data.set(Layouts.U16, 8, (short) selector);
                guest.at(0x200).rdi(DATA);
                assertInstanceOf(Exit.Signal.class, guest.run(), "jump to " + selector);
                long[] frame = {Supervisor.ENTRY, selector, 0x3202, DATA, Supervisor.KERNEL_SS};
                MemorySegment.copy(MemorySegment.ofArray(frame), 0, data, 0x100, 40);
                guest.at(0x240).rsp(DATA + 0x100);
                Exit exit = guest.run();
                assertInstanceOf(Exit.Signal.class, exit, "return to " + selector);
            }
        }
    }

    @Test
    void codeOfThirtyTwoBitsFindsNoWayEither() throws Exception {
        try (HostileGuest guest = new HostileGuest(host)) {
            // Where some monitors bring such a call, in ring 0: half of the address is lost. The guest has code there.
            guest.space.map(Supervisor.ENTRY & 0xffff_f000L, 4096, 0x3000, 5, false);
            host.bytes(0x3000, HexFormat.of().parseHex("0f20d8f4f4f4f4f4f4f4f4f4"));
            for (String code : List.of("cd80", "0f05", "0f34", "ee", "fa", "f4", "0f22d8", "ea000000001000", "0f0b", "8ed8", "8ee0")) {
                thirtyTwoBits(guest, code + "0f0b0f0b");
                Exit exit = guest.run();
                assertInstanceOf(Exit.Signal.class, exit, code + ": " + exit);
                assertEquals(HostileGuest.CODE + 0x300, guest.registers.rip(), code);
                assertEquals(0x23, guest.registers.cs(), code);
                assertEquals(DATA + 0x2000, guest.registers.rsp(), code);
                assertWitnessLives();
            }
        }
    }

    /** The guest goes to 32-bit code, by a far jump through [rdi]. */
    private void thirtyTwoBits(HostileGuest guest, String code) {
        host.bytes(0x200, HexFormat.of().parseHex("48ff2f"));
        host.bytes(0x300, HexFormat.of().parseHex(code));
        host.memory.set(Layouts.U64, HostileGuest.DATA_OFFSET, HostileGuest.CODE + 0x300);
        host.memory.set(Layouts.U16, HostileGuest.DATA_OFFSET + 8, (short) 0x23);
        guest.at(0x200).rdi(DATA);
        guest.registers.rax(0x10);
    }

    @Test
    void selectorsStayWithTheirGuest() throws Exception {
        // Without companions: some monitors load ds and es only when another thread of ours runs the processor.
        try (HostileGuest.Host small = new HostileGuest.Host(1, new Crowd(0, Crowd.HASTY)); HostileGuest first = new HostileGuest(small);
             HostileGuest second = new HostileGuest(small)) {
            small.bytes(0x200, HexFormat.of().parseHex("8ed88ec00f05")); // mov ds, eax; mov es, eax; syscall
            small.bytes(0x240, HexFormat.of().parseHex("8cdf8cc60f05")); // mov edi, ds; mov esi, es; syscall
            for (int i = 0; i < 3; i++) {
                first.at(0x200).rax(0x2b);
                assertEquals(Exit.Plain.SYSCALL, first.run());
                second.at(0x240);
                assertEquals(Exit.Plain.SYSCALL, second.run());
                assertEquals(0, second.registers.rdi());
                assertEquals(0, second.registers.rsi());
                first.at(0x240);
                assertEquals(Exit.Plain.SYSCALL, first.run());
                assertEquals(0x2b, first.registers.rdi());
                assertEquals(0x2b, first.registers.rsi());
            }
        }
    }

    @Test
    void faultsPushNothingWhereTheGuestsStackPointerIs() throws Exception {
        // Whatever rsp is, exceptions and calls use the supervisor's stack.
        host.bytes(0x200, HexFormat.of().parseHex("0f0b"));
        try (HostileGuest guest = new HostileGuest(host)) {
            for (long rsp : new long[] {Supervisor.IDT + 64, Supervisor.GDT + 64, Supervisor.taskState(0) + 64, -8, 0, 1L << 62}) {
                guest.at(0x200).rsp(rsp);
                assertEquals(Signals.SIGILL, assertInstanceOf(Exit.Signal.class, guest.run()).signal());
                assertEquals(rsp, guest.registers.rsp());
                guest.at(0).rsp(rsp);
                assertEquals(Exit.Plain.SYSCALL, guest.run());
                assertEquals(rsp, guest.registers.rsp());
                assertWitnessLives();
            }
        }
    }

    // ---- the stub

    @Test
    void jumpsToAnyPlaceOfTheStubHarmNobodyElse() throws Exception {
        int end = new StubCode(host.platform.entryPath()).bytes().length + 16;
        for (int offset = 0; offset < end; offset++) {
            try (HostileGuest guest = new HostileGuest(host)) {
                guest.run();
                Registers r = guest.registers;
                for (int word = 0; word < 15; word++) {
                    r.segment().set(Layouts.U64, 8L * word, someValue());
                }
                r.rsp(someValue());
                r.rip(STUB + offset);
                for (int step = 0; step < 3; step++) {
                    guest.runBriefly();
                }
            }
            if (offset % 16 == 0) {
                assertWitnessLives();
            }
        }
    }

    @Test
    void scribblingOverItsSlotHarmsNobodyElse() throws Exception {
        Assembler code = new Assembler();
        Label loop = code.here();
        host.program(0x200, code.store(Register.RDI, 0, Register.RAX).syscall().jump(loop));
        for (int i = 0; i < 100; i++) {
            try (HostileGuest guest = new HostileGuest(host)) {
                guest.at(0x200);
                for (int step = 0; step < 3; step++) {
                    guest.registers.rdi(SLOT + someSlotOffset());
                    guest.registers.rax(someValue());
                    guest.runBriefly();
                }
            }
        }
    }

    @Test
    void aStubThatSpinsForEverCanBeInterrupted() throws Exception {
        host.program(0x200, new Assembler().store(Register.RDI, 0, Register.RAX).syscall());
        for (int i = 0; i < 20; i++) {
            try (HostileGuest guest = new HostileGuest(host)) {
                guest.run();
                guest.at(0x200).rdi(SLOT + SlotLayout.SPIN);
                guest.registers.rax(Long.MAX_VALUE >> 1);
                guest.runBriefly();
            }
        }
    }

    @Test
    void anotherThreadThatScribblesOverTheSlotsHarmsNobodyElse() throws Exception {
        // [rdi + 8 * n] = rax++, n below rcx, for ever
        Assembler code = new Assembler();
        Label again = code.here();
        code.mov(Register.RDX, Register.RDI);
        Label loop = code.here();
        code.store(Register.RDX, 0, Register.RAX).add(Register.RAX, 0x1234567).add(Register.RDX, 8)
            .cmp(Register.RDX, Register.RCX).jump(Condition.BELOW, loop).jump(again);
        host.program(0x200, code);
        code = new Assembler();
        loop = code.here();
        host.program(0x300, code.syscall().jump(loop));
        for (int i = 0; i < 10; i++) {
            try (HostileGuest guest = new HostileGuest(host)) {
                guest.run();
                AtomicReference<Throwable> failure = new AtomicReference<>();
                KvmContext second = (KvmContext) host.platform.newContext();
                long slot = Supervisor.stubAddress(i & 1) + StubCode.SLOT;
                Thread other = new Thread(() -> {
                    Registers r = new Registers();
                    r.rip(HostileGuest.CODE + 0x200);
                    r.rdi(slot);
                    r.rcx(slot + 512);
                    r.rax(1);
                    try (second) {
                        while (second.run(guest.space, r) instanceof Exit.Fault) {
                            Thread.onSpinWait(); // that processor never ran in this space
                        }
                    } catch (Throwable t) {
                        failure.set(t);
                    }
                });
                other.start();
                for (int step = 0; step < 50; step++) {
                    guest.at(0x300);
                    guest.runBriefly();
                }
                while (other.isAlive()) {
                    second.interrupt();
                    other.join(10);
                }
                assertNull(failure.get());
            }
        }
    }

    @Test
    void everyWayToTouchTheDoorbellIsAFault() throws Exception {
        List<String> codes = List.of("8807", "8907", "488907", "8a07", "488b07", "8707", "f0480fb10f", "f0480fc107", // mov, xchg, lock
            "0f1107", "0f1007", "c5fc1107", "c5fc1007", "660fe707", "0fae07", "0fae0f", "dd3f", "dd17", "ff07", "800701", // SSE, AVX, x87
            "f3a4", "f3aa", "a4", "f348ab", "48ab", "ff27", "ff17", "ffe7", "48ff37", "488f07", "0fc70f", "480fc70f", "8f07",
            "0f01 07".replace(" ", ""), "0f00 07".replace(" ", ""), "0fae3f", "0f0d0f", "0f1807", "488b27", "c807 0000".replace(" ", ""));
        try (HostileGuest guest = new HostileGuest(host)) {
            guest.run();
            for (String code : codes) {
                for (long address : new long[] {DOOR, DOOR + 8, DOOR + 4093, DOOR - 3}) {
                    host.bytes(0x200, HexFormat.of().parseHex(code + "0f05"));
                    Registers r = guest.at(0x200);
                    r.rdi(address);
                    r.rsi(DATA);
                    r.rcx(100_000_000);
                    r.rax(0);
                    r.rdx(0);
                    r.rsp(address + 16);
                    guest.runBriefly();
                    assertWitnessLives();
                }
            }
        }
    }

    @Test
    void aSlotShowsNothingOfItsFormerProcess() throws Exception {
        if (host.platform.entryPath() == EntryPath.RING_0) {
            return; // no guest sees one
        }
        host.program(0x200, new Assembler().load(Register.RAX, Register.RDI, 0).syscall());
        for (int i = 0; i < 20; i++) {
            try (HostileGuest guest = new HostileGuest(host)) {
                guest.registers.rbx(0x5ec2e7);
                guest.run();
                guest.at(0x200).rbx(1);
                guest.registers.rdi(SLOT + SlotLayout.register(5));
                assertEquals(Exit.Plain.SYSCALL, guest.run());
                assertFalse(guest.registers.origRax() == 0x5ec2e7 && guest.registers.rbx() != 1);
                assertEquals(1, guest.registers.rbx());
                guest.at(0x200).rdi(SLOT + 4088);
                assertEquals(Exit.Plain.SYSCALL, guest.run());
                assertEquals(0, guest.registers.origRax());
            }
        }
    }

    // ---- helpers

    private void assertRefused(HostileGuest guest, int program, long address, AccessType access) throws ErrnoException {
        guest.at(program).rdi(address);
        Exit exit = guest.run();
        String what = access + " of " + Long.toHexString(address) + ": " + exit;
        Exit.Fault fault = assertInstanceOf(Exit.Fault.class, exit, what);
        assertEquals(address, fault.address(), what);
        assertEquals(access, fault.access(), what);
        assertFalse(fault.isMapped(), what);
    }

    private void assertWitnessLives() throws ErrnoException {
        Registers r = witness.at(0);
        r.rax(39);
        r.rbx(0x1234);
        r.r15(0x5678);
        r.rsp(DATA + 64);
        r.fsBase(0x70_0000);
        Exit exit = witness.run();
        assertEquals(Exit.Plain.SYSCALL, exit);
        assertEquals(39, r.origRax());
        assertEquals(0x1234, r.rbx());
        assertEquals(0x5678, r.r15());
        assertEquals(DATA + 64, r.rsp());
        assertEquals(0x70_0000, r.fsBase());
        assertEquals(0x33, r.cs());
    }

    private long someSlotOffset() {
        return random.nextInt(3) == 0 ? 4L * random.nextInt(80) : 8L * random.nextInt(511);
    }

    private long someValue() {
        return switch (random.nextInt(7)) {
            case 0 -> random.nextInt(8);
            case 1 -> random.nextLong();
            case 2 -> SLOT + random.nextInt(4096);
            case 3 -> STUB + random.nextInt(4096);
            case 4 -> HostileGuest.CODE + random.nextInt(4096);
            case 5 -> DOOR + random.nextInt(4096);
            default -> -1;
        };
    }
}
