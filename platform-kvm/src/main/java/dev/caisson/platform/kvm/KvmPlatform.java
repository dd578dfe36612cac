package dev.caisson.platform.kvm;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.platform.AddressSpace;
import dev.caisson.spi.platform.Capability;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Platform;
import dev.caisson.stub.FpuFormat;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Runs guest code with KVM. */
public final class KvmPlatform implements Platform {
    /** One past the highest address a guest may use; the supervisor's pages lie above ({@link Supervisor#BASE}). */
    public static final long ADDRESS_LIMIT = 0x7ff0_0000_0000L;
    /** The device's usual place. */
    public static final String DEVICE = "/dev/kvm";

    private static final Logger log = LoggerFactory.getLogger(KvmPlatform.class);

    private final FpuFormat format = new FpuFormat();
    private final Crowd crowd;
    private final KvmDevice device;
    private final EntryPath entryPath;
    private final int processorLimit;
    /**
     * One for each memory file. The last one stays without address spaces, too, since a busy host takes a second to make or close one. Guarded
     * by itself, as the machines' counts of spaces are.
     */
    private final List<Machine> machines = new ArrayList<>();

    /**
     * Makes the platform with the usual settings.
     *
     * @throws KvmUnusableException when this host has no KVM for us; the message says what to do
     */
    public KvmPlatform() throws KvmUnusableException {
        this(DEVICE, 0, new Crowd(Runtime.getRuntime().availableProcessors(), Crowd.HASTY));
    }

    /**
     * Makes the platform, and finds out how this host's KVM behaves.
     *
     * @param devicePath the device
     * @param processors how many virtual processors a sandbox may have at most; 0 for twice the host's
     * @param crowd decides which guests are worth two processors
     * @throws KvmUnusableException when this host has no KVM for us; the message says what to do
     */
    KvmPlatform(String devicePath, int processors, Crowd crowd) throws KvmUnusableException {
        this.crowd = crowd;
        device = new KvmDevice(devicePath);
        processorLimit = processors > 0 ? processors : 2 * Runtime.getRuntime().availableProcessors();
        try {
            KvmProbe.Report report = KvmProbe.run(device, format);
            entryPath = report.entryPath();
            log.info("kvm: {}", report);
        } catch (ErrnoException e) {
            device.close();
            throw new KvmUnusableException(devicePath + " fails its self-test: " + e.getMessage() + "; use another platform");
        } catch (KvmUnusableException e) {
            device.close();
            throw e;
        }
    }

    /** {@return where system calls arrive here} */
    EntryPath entryPath() {
        return entryPath;
    }

    @Override
    public String name() {
        return "kvm";
    }

    @Override
    public Set<Capability> capabilities() {
        return Set.of(Capability.EXACT_ACCESS_TYPE, Capability.INHERITS_MAPPINGS);
    }

    @Override
    public long addressLimit() {
        return ADDRESS_LIMIT;
    }

    @Override
    public AddressSpace newAddressSpace(int memoryFile) throws ErrnoException {
        synchronized (machines) {
            for (Machine machine : machines) {
                if (machine.maps(memoryFile)) {
                    return newAddressSpace(machine);
                }
            }
            closeUnused();
            Machine machine = newMachine(memoryFile);
            machines.add(machine);
            return newAddressSpace(machine);
        }
    }

    private void closeUnused() {
        machines.removeIf(machine -> {
            if (machine.isInUse()) {
                return false;
            }
            machine.close();
            return true;
        });
    }

    private Machine newMachine(int memoryFile) throws ErrnoException {
        try {
            return new Machine(device, memoryFile, entryPath, processorLimit);
        } catch (KvmUnusableException e) {
            log.warn("{}", e.getMessage());
            throw Errno.EAGAIN.error();
        }
    }

    /** Makes one more space in a machine. */
    KvmAddressSpace newAddressSpace(Machine machine) throws ErrnoException {
        synchronized (machines) {
            machine.retain();
        }
        try {
            return new KvmAddressSpace(this, machine);
        } catch (ErrnoException e) {
            released(machine);
            throw e;
        }
    }

    /** A space of a machine was closed. */
    void released(Machine machine) {
        synchronized (machines) {
            machine.release();
        }
    }

    @Override
    public GuestContext newContext() {
        return new KvmContext(format, device.xsaveBytes(), crowd);
    }

    @Override
    public void close() {
        synchronized (machines) {
            closeUnused();
            if (!machines.isEmpty()) {
                log.warn("platform closed with {} machines in use", machines.size());
            }
        }
        device.close();
    }
}
