package dev.caisson.platform.kvm;

/** Where the {@code syscall} instruction takes a guest. */
enum EntryPath {
    /** To ring 0, as the processor's manual says: hardware virtualization. A page of ring 0 there has the stub. */
    RING_0,
    /**
     * To LSTAR, but still in ring 3: monitors that run all of a guest in the host's ring 3 and shadow its page tables. A page there that
     * users may execute has the stub.
     */
    RING_3
}
