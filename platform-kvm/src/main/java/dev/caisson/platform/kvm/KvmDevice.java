package dev.caisson.platform.kvm;

import dev.caisson.abi.Errno;
import dev.caisson.abi.Layouts;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostKvm;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.IntToLongFunction;

/** An open /dev/kvm with all that the platform needs of it. */
final class KvmDevice implements AutoCloseable {
    private static final int CPUID_ENTRIES = 256;
    private static final int CPUID_ENTRY_BYTES = 40;
    private static final int CPUID_HEADER_BYTES = 8;

    private final int fd;
    private final int sharedBytes;
    private final int processorLimit;
    private final int xsaveBytes;
    private final MemorySegment cpuid;
    /** What processors have in CR4 beyond the necessary. */
    private volatile long controlBits;

    /**
     * Opens the device.
     *
     * @param path its node
     * @throws KvmUnusableException says why not, and what to do
     */
    KvmDevice(String path) throws KvmUnusableException {
        long opened = HostKvm.open(path);
        if (opened < 0) {
            throw new KvmUnusableException("cannot open " + path + ": " + reason((int) -opened));
        }
        fd = (int) opened;
        try {
            check(path, HostKvm.version(fd), capability -> HostKvm.extension(fd, capability));
            sharedBytes = (int) HostKvm.sharedBytes(fd);
            processorLimit = (int) Math.max(1, HostKvm.extension(fd, HostKvm.CAP_MAX_VCPUS));
            xsaveBytes = (int) Math.max(4096, HostKvm.extension(fd, HostKvm.CAP_XSAVE2));
            cpuid = Arena.ofAuto().allocate(CPUID_HEADER_BYTES + (long) CPUID_ENTRIES * CPUID_ENTRY_BYTES, 8);
            cpuid.set(Layouts.U32, 0, CPUID_ENTRIES);
            long listed = HostKvm.supportedCpuid(fd, cpuid);
            if (listed < 0) {
                throw new KvmUnusableException(path + " does not list the processor's features: " + Errno.of(-listed)
                    + "; use another platform");
            }
        } catch (KvmUnusableException e) {
            HostFile.close(fd);
            throw e;
        }
    }

    /**
     * Makes a virtual machine.
     *
     * @return its descriptor
     * @throws KvmUnusableException says why not, and what to do
     */
    int newMachine() throws KvmUnusableException {
        long machine = HostKvm.createMachine(fd);
        if (machine < 0) {
            throw new KvmUnusableException("cannot make a virtual machine: " + reason((int) -machine));
        }
        return (int) machine;
    }

    /** {@return size of the page that a processor shares with its monitor} */
    int sharedBytes() {
        return sharedBytes;
    }

    /** {@return how many processors a machine may have} */
    int processorLimit() {
        return processorLimit;
    }

    /** {@return size of KVM's XSAVE image; at least 4096} */
    int xsaveBytes() {
        return xsaveBytes;
    }

    /** {@return struct kvm_cpuid2 of all features that KVM can give a guest} */
    MemorySegment cpuid() {
        return cpuid;
    }

    /** A processor was made, with these bits of CR4 beyond the necessary. */
    void controlBits(long accepted) {
        controlBits = accepted;
    }

    /** {@return whether guests have rdfsbase and its kin} */
    boolean hasBaseInstructions() {
        return (controlBits & ProcessorSetup.CR4_FSGSBASE) != 0;
    }

    @Override
    public void close() {
        HostFile.close(fd);
    }

    /**
     * Checks that a KVM has what we need.
     *
     * @param path its device
     * @param version its version, or a negated error number
     * @param extensions what it says of a capability
     * @throws KvmUnusableException says what is missing, and what to do
     */
    static void check(String path, long version, IntToLongFunction extensions) throws KvmUnusableException {
        if (version < 0) {
            throw new KvmUnusableException(path + " is not KVM; name its device, or use another platform");
        }
        if (version != HostKvm.API_VERSION) {
            throw new KvmUnusableException(path + " speaks version " + version + " of its interface, not "
                + HostKvm.API_VERSION + "; a newer Linux is needed, or use another platform");
        }
        require(extensions, HostKvm.CAP_USER_MEMORY, 1, "memory slots", "2.6.25");
        require(extensions, HostKvm.CAP_XCRS, 1, "extended control registers", "2.6.36");
        require(extensions, HostKvm.CAP_IMMEDIATE_EXIT, 1, "immediate exits", "4.13");
        require(extensions, HostKvm.CAP_SYNC_REGS, KvmLayout.SYNC_REGS | KvmLayout.SYNC_SREGS | KvmLayout.SYNC_EVENTS,
            "shared registers", "4.17");
    }

    private static void require(IntToLongFunction extensions, int capability, int bits, String what, String since)
        throws KvmUnusableException {
        if ((Math.max(0, extensions.applyAsLong(capability)) & bits) != bits) {
            throw new KvmUnusableException("KVM has no " + what + "; Linux " + since + " or later is needed, or use another platform");
        }
    }

    /** {@return why KVM refused, and what to do} */
    static String reason(int errno) {
        return switch (errno) {
            case 2, 6, 19 -> "there is no KVM here; load kvm_intel or kvm_amd, switch virtualization on in the firmware, or, in"
                + " a virtual machine, let the host allow nested virtualization; in a container, pass the device in; else use"
                + " another platform";
            case 1, 13 -> "permission denied; add this user to the group kvm, or pass the device into the container with the right to"
                + " use it; else use another platform";
            case 16 -> "busy: another hypervisor has the processor's virtualization; stop it, or use another platform";
            case 12, 23, 24 -> "out of memory or descriptors; raise their limits, or use another platform";
            default -> Errno.of(errno) + "; use another platform";
        };
    }
}
