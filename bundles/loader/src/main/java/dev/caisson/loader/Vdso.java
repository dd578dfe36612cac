package dev.caisson.loader;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Mman;
import dev.caisson.memory.KernelPages;
import dev.caisson.memory.MemoryFile;
import dev.caisson.memory.MemoryManager;
import java.lang.foreign.MemorySegment;

/** The vDSO of a sandbox: one page of code and, before it, one of parameters, the same frames in all programs. */
public final class Vdso implements VdsoImage {
    private static final int PAGE = 4096;

    private final KernelPages code;
    private final KernelPages values;
    private final VdsoParameters parameters;

    /**
     * Builds it.
     *
     * @param frames where its pages live
     * @throws ErrnoException ENOMEM
     */
    public Vdso(MemoryFile frames) throws ErrnoException {
        code = new KernelPages(frames, 1);
        values = new KernelPages(frames, 1);
        MemorySegment.copy(MemorySegment.ofArray(new VdsoElf(-PAGE).bytes()), 0, code.segment(), 0, VdsoElf.BYTES);
        parameters = new VdsoParameters(values.segment());
    }

    /** {@return what it computes the time from; until the first publication it asks the kernel} */
    public VdsoParameters parameters() {
        return parameters;
    }

    @Override
    public void askKernelForProcessor() {
        parameters.processors(0);
    }

    @Override
    public long mapInto(MemoryManager memory) throws ErrnoException {
        long base = memory.findRoom(2L * PAGE);
        memory.mapSpecial(base, values, PAGE, Mman.PROT_READ, "[vvar]");
        memory.mapSpecial(base + PAGE, code, PAGE, Mman.PROT_READ | Mman.PROT_EXEC, "[vdso]");
        return base + PAGE;
    }
}
