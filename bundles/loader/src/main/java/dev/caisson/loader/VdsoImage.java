package dev.caisson.loader;

import dev.caisson.abi.ErrnoException;
import dev.caisson.memory.MemoryManager;

/** Code and data of the kernel that every program gets mapped: the vDSO and the page it reads. */
public interface VdsoImage {
    /**
     * Maps it into a new address space.
     *
     * @param memory the address space
     * @return where the ELF header is, for AT_SYSINFO_EHDR
     * @throws ErrnoException ENOMEM
     */
    long mapInto(MemoryManager memory) throws ErrnoException;

    /** From now on getcpu(3) makes the system call, for good: threads were told to be on processors where the host does not hold them. */
    default void askKernelForProcessor() {}
}
