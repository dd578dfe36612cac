package dev.caisson.platform.ptrace;

import dev.caisson.abi.ErrnoException;
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

/** Runs guest code with ptrace(2). */
public final class PtracePlatform implements Platform {
    private static final Logger log = LoggerFactory.getLogger(PtracePlatform.class);

    private final FpuFormat format = new FpuFormat();
    private final PtraceProfile profile = new PtraceProfile();
    private final ControlPages pages;
    private final StubFactory factory;
    private final Processors processors;

    /**
     * Makes the platform.
     *
     * @throws ErrnoException when the host has no memory file for it
     */
    public PtracePlatform() throws ErrnoException {
        pages = new ControlPages();
        factory = new StubFactory(pages, profile);
        processors = new Processors(name());
    }

    /** {@return what is in the code of its stubs} */
    PtraceProfile profile() {
        return profile;
    }

    @Override
    public String name() {
        return "ptrace";
    }

    @Override
    public Set<Capability> capabilities() {
        return Set.of(Capability.INHERITS_MAPPINGS, Capability.REUSES_SPACES);
    }

    @Override
    public long addressLimit() {
        return StubCode.ADDRESS_LIMIT;
    }

    @Override
    public AddressSpace newAddressSpace(int memoryFile) throws ErrnoException {
        return factory.newSpace(memoryFile, (zygote, process) -> new PtraceAddressSpace(factory, zygote, process));
    }

    @Override
    public GuestContext newContext() {
        return new PtraceContext(profile, format, processors);
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
        } else {
            log.warn("stub processes remain: a context was not closed");
        }
    }
}
