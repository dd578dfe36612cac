package dev.caisson.platform.ptrace;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.platform.AddressSpace;
import dev.caisson.spi.platform.Capability;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Platform;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Runs guest code with ptrace(2). */
public final class PtracePlatform implements Platform {
    /**
     * One past the highest address a guest may use. The 64 GiB above it hold the stub's pages, and vdso and vvar of the host should
     * it refuse to unmap them: they lie at most 16 GiB below the end, where the host's address randomisation puts stacks.
     */
    public static final long ADDRESS_LIMIT = 0x7ff0_0000_0000L;

    private static final Logger log = LoggerFactory.getLogger(PtracePlatform.class);

    private final FpuFormat format = new FpuFormat();
    private final Mailbox mailbox;
    private final StubFactory factory;
    private final Processors processors;

    /**
     * Makes the platform.
     *
     * @throws ErrnoException when the host has no memory file for it
     */
    public PtracePlatform() throws ErrnoException {
        mailbox = new Mailbox();
        factory = new StubFactory(mailbox);
        processors = new Processors();
    }

    @Override
    public String name() {
        return "ptrace";
    }

    @Override
    public Set<Capability> capabilities() {
        return Set.of(Capability.INHERITS_MAPPINGS);
    }

    @Override
    public long addressLimit() {
        return ADDRESS_LIMIT;
    }

    @Override
    public AddressSpace newAddressSpace(int memoryFile) throws ErrnoException {
        StubFactory.Zygote zygote = factory.zygote(memoryFile);
        try {
            return new PtraceAddressSpace(factory, zygote, factory.copy(zygote));
        } catch (ErrnoException e) {
            factory.release(zygote);
            throw e;
        }
    }

    @Override
    public GuestContext newContext() {
        return new PtraceContext(format, processors);
    }

    @Override
    public void close() {
        processors.close();
        if (factory.close()) {
            mailbox.close();
        } else {
            log.warn("stub processes remain: a context was not closed");
        }
    }
}
