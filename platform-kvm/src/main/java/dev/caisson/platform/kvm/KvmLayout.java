package dev.caisson.platform.kvm;

/** Offsets in the structures of linux/kvm.h and asm/kvm.h, and values of their fields. */
final class KvmLayout {
    /** {@code struct kvm_run}. */
    static final int RUN_IMMEDIATE_EXIT = 1;
    static final int RUN_EXIT_REASON = 8;
    static final int RUN_MMIO_ADDRESS = 32;
    static final int RUN_MMIO_IS_WRITE = 52;
    static final int RUN_VALID_REGS = 288;
    static final int RUN_DIRTY_REGS = 296;
    static final int RUN_REGS = 304;
    static final int RUN_SREGS = RUN_REGS + 144;

    /** {@code struct kvm_vcpu_events}: an exception that is on its way, and one that will be. */
    static final int RUN_EVENTS = RUN_REGS + 456;
    static final int EVENTS_BYTES = 64;
    static final int RUN_EXCEPTION_INJECTED = RUN_EVENTS;
    static final int RUN_EXCEPTION_PENDING = RUN_EXCEPTION_INJECTED + 3;

    /** {@code KVM_SYNC_X86_*}. */
    static final int SYNC_REGS = 1;
    static final int SYNC_SREGS = 2;
    static final int SYNC_EVENTS = 4;

    /** {@code KVM_EXIT_*}. */
    static final int EXIT_HLT = 5;
    static final int EXIT_MMIO = 6;
    static final int EXIT_INTERNAL_ERROR = 17;

    /** {@code struct kvm_regs}, from {@link #RUN_REGS}. */
    static final int RAX = RUN_REGS;
    static final int RBX = RUN_REGS + 8;
    static final int RCX = RUN_REGS + 16;
    static final int RDX = RUN_REGS + 24;
    static final int RSI = RUN_REGS + 32;
    static final int RDI = RUN_REGS + 40;
    static final int RSP = RUN_REGS + 48;
    static final int RBP = RUN_REGS + 56;
    static final int R8 = RUN_REGS + 64;
    static final int R9 = RUN_REGS + 72;
    static final int R10 = RUN_REGS + 80;
    static final int R11 = RUN_REGS + 88;
    static final int R12 = RUN_REGS + 96;
    static final int R13 = RUN_REGS + 104;
    static final int R14 = RUN_REGS + 112;
    static final int R15 = RUN_REGS + 120;
    static final int RIP = RUN_REGS + 128;
    static final int RFLAGS = RUN_REGS + 136;

    /** {@code struct kvm_sregs}; segments have 24 bytes. */
    static final int SREGS_BYTES = 312;
    static final int CS = 0;
    static final int DS = 24;
    static final int ES = 48;
    static final int FS = 72;
    static final int GS = 96;
    static final int SS = 120;
    static final int TR = 144;
    static final int LDT = 168;
    static final int GDT = 192;
    static final int IDT = 208;
    static final int CR0 = 224;
    static final int CR2 = 232;
    static final int CR3 = 240;
    static final int CR4 = 248;
    static final int EFER = 264;

    /** {@code struct kvm_segment}. */
    static final int SEGMENT_LIMIT = 8;
    static final int SEGMENT_SELECTOR = 12;
    static final int SEGMENT_TYPE = 14;
    static final int SEGMENT_PRESENT = 15;
    static final int SEGMENT_DPL = 16;
    static final int SEGMENT_DB = 17;
    static final int SEGMENT_S = 18;
    static final int SEGMENT_L = 19;
    static final int SEGMENT_G = 20;
    static final int SEGMENT_UNUSABLE = 22;
    static final int SEGMENT_BYTES = 24;

    private KvmLayout() {}
}
