package dev.caisson.platform.systrap;

import dev.caisson.abi.ErrnoException;
import dev.caisson.host.HostScheduler;
import dev.caisson.mailbox.SpinPolicy;
import dev.caisson.spi.platform.AddressSpace;
import dev.caisson.spi.platform.Capability;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Platform;
import dev.caisson.stub.ControlPages;
import dev.caisson.stub.FpuFormat;
import dev.caisson.stub.Processors;
import dev.caisson.stub.StubCode;
import dev.caisson.stub.StubFactory;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Runs guest code in stub processes whose system calls the host traps by seccomp, and answers through shared memory. */
public final class SystrapPlatform implements Platform {
    private static final Logger log = LoggerFactory.getLogger(SystrapPlatform.class);

    /** How long a task sleeps before it looks whether its process lives. */
    static final long PATIENCE_NS = 100_000_000;

    private final long patienceNs;
    private final FpuFormat format = new FpuFormat();
    private final SlotGeometry geometry = new SlotGeometry(format.bytes());
    private final SpinPolicy spinning = new SpinPolicy(HostScheduler.processors().length);
    private final Processors processors = new Processors(name());
    private final ControlPages pages;
    private final SlotFile slots;
    private final TrampolineFile trampolines;
    private final boolean rewrites;
    private final StubFactory factory;

    /**
     * Makes the platform.
     *
     * @throws ErrnoException when the host has no memory for it
     */
    public SystrapPlatform() throws ErrnoException {
        this(PATIENCE_NS, true);
    }

    /**
     * Makes the platform.
     *
     * @param patienceNs how long a task sleeps before it looks whether its process lives, and answers to kicks
     * @param rewrites whether system-call sites that are used often are rewritten
     * @throws ErrnoException when the host has no memory for it
     */
    SystrapPlatform(long patienceNs, boolean rewrites) throws ErrnoException {
        SegmentBases.require();
        this.patienceNs = patienceNs;
        pages = new ControlPages();
        slots = new SlotFile(geometry.chunkBytes());
        trampolines = new TrampolineFile();
        this.rewrites = rewrites && SiteRewriter.isPossible();
        factory = new StubFactory(pages, new SystrapProfile(geometry, slots, trampolines));
    }

    @Override
    public String name() {
        return "systrap";
    }

    @Override
    public Set<Capability> capabilities() {
        return Set.of(Capability.INHERITS_MAPPINGS, Capability.EXACT_ACCESS_TYPE, Capability.REUSES_SPACES);
    }

    @Override
    public long addressLimit() {
        return StubCode.ADDRESS_LIMIT;
    }

    @Override
    public AddressSpace newAddressSpace(int memoryFile) throws ErrnoException {
        return factory.newSpace(memoryFile, (zygote, process) -> new SystrapAddressSpace(factory, zygote, process, rewrites ? trampolines : null));
    }

    @Override
    public GuestContext newContext() {
        return new SystrapContext(format, geometry, spinning, processors, patienceNs);
    }

    @Override
    public void kill(int memoryFile) {
        factory.kill(memoryFile);
    }

    @Override
    public void close() {
        processors.close();
        if (factory.close()) {
            pages.close();
            slots.close();
            trampolines.close();
        } else {
            log.warn("stub processes remain: a context was not closed");
        }
    }
}
