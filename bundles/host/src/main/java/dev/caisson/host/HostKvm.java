package dev.caisson.host;

import dev.caisson.abi.Layouts;
import dev.caisson.host.raw.HostCalls;
import dev.caisson.host.raw.SyscallNumber;
import java.lang.foreign.MemorySegment;

/**
 * The calls of /dev/kvm (Documentation/virt/kvm/api.rst; structures in linux/kvm.h and asm/kvm.h). Results are values or negated
 * error numbers.
 */
public final class HostKvm {
    /** The version of the interface, unchanged since 2007. */
    public static final int API_VERSION = 12;

    /** {@code KVM_CAP_USER_MEMORY}: memory slots. */
    public static final int CAP_USER_MEMORY = 3;
    /** {@code KVM_CAP_XCRS}: {@link #setXcr0}. */
    public static final int CAP_XCRS = 56;
    /** {@code KVM_CAP_MAX_VCPUS}: how many processors a machine may have. */
    public static final int CAP_MAX_VCPUS = 66;
    /** {@code KVM_CAP_SYNC_REGS}: which registers go through the shared page. */
    public static final int CAP_SYNC_REGS = 74;
    /** {@code KVM_CAP_IMMEDIATE_EXIT}: a byte in the shared page makes {@link #run} return before the guest runs. */
    public static final int CAP_IMMEDIATE_EXIT = 136;
    /** {@code KVM_CAP_XSAVE2}: the size of an XSAVE image. */
    public static final int CAP_XSAVE2 = 208;

    private static final int KVM = 0xae;
    private static final int READ = 2;
    private static final int WRITE = 1;
    private static final int GET_API_VERSION = request(0, 0x00, 0);
    private static final int CREATE_VM = request(0, 0x01, 0);
    private static final int CHECK_EXTENSION = request(0, 0x03, 0);
    private static final int GET_VCPU_MMAP_SIZE = request(0, 0x04, 0);
    private static final int GET_SUPPORTED_CPUID = request(READ | WRITE, 0x05, 8);
    private static final int CREATE_VCPU = request(0, 0x41, 0);
    private static final int SET_USER_MEMORY_REGION = request(WRITE, 0x46, 32);
    private static final int SET_TSS_ADDR = request(0, 0x47, 0);
    private static final int RUN = request(0, 0x80, 0);
    private static final int GET_SREGS = request(READ, 0x83, 312);
    private static final int SET_SREGS = request(WRITE, 0x84, 312);
    private static final int SET_MSRS = request(WRITE, 0x89, 8);
    private static final int SET_SIGNAL_MASK = request(WRITE, 0x8b, 4);
    private static final int SET_CPUID2 = request(WRITE, 0x90, 8);
    private static final int GET_XSAVE = request(READ, 0xa4, 4096);
    private static final int SET_XSAVE = request(WRITE, 0xa5, 4096);
    private static final int SET_XCRS = request(WRITE, 0xa7, 392);
    private static final int GET_XSAVE2 = request(READ, 0xcf, 4096);
    private static final int SET_DEVICE_ATTR = request(WRITE, 0xe1, 24);

    private static final int XSAVE_BYTES = 4096;
    private static final int XCRS_BYTES = 392;
    private static final int O_RDWR = 2;
    private static final int O_CLOEXEC = 0x80000;
    private static final int AT_FDCWD = -100;

    private HostKvm() {}

    /** A request number as _IOC makes it (asm-generic/ioctl.h). */
    private static int request(int direction, int number, int bytes) {
        return direction << 30 | bytes << 16 | KVM << 8 | number;
    }

    /**
     * Opens the device.
     *
     * @param path {@code /dev/kvm}
     * @return a descriptor or a negated error number
     */
    public static long open(String path) {
        return HostPath.open(AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    }

    /**
     * {@code KVM_GET_API_VERSION}.
     *
     * @param device descriptor of the device
     * @return the version
     */
    public static long version(int device) {
        return HostFile.ioctl(device, GET_API_VERSION, 0);
    }

    /**
     * {@code KVM_CHECK_EXTENSION}.
     *
     * @param fd descriptor of the device or of a machine
     * @param capability {@code CAP_*}
     * @return 0 if it is missing, else as the capability says
     */
    public static long extension(int fd, int capability) {
        return HostFile.ioctl(fd, CHECK_EXTENSION, capability);
    }

    /**
     * {@code KVM_CREATE_VM}.
     *
     * @param device descriptor of the device
     * @return a machine's descriptor
     */
    public static long createMachine(int device) {
        return HostFile.ioctl(device, CREATE_VM, 0);
    }

    /**
     * {@code KVM_GET_VCPU_MMAP_SIZE}.
     *
     * @param device descriptor of the device
     * @return size in bytes of what to map of a processor's descriptor
     */
    public static long sharedBytes(int device) {
        return HostFile.ioctl(device, GET_VCPU_MMAP_SIZE, 0);
    }

    /**
     * {@code KVM_GET_SUPPORTED_CPUID}.
     *
     * @param device descriptor of the device
     * @param list struct kvm_cpuid2 with the number of entries that have room
     * @return 0, E2BIG
     */
    public static long supportedCpuid(int device, MemorySegment list) {
        return HostFile.ioctl(device, GET_SUPPORTED_CPUID, list.address());
    }

    /**
     * {@code KVM_CREATE_VCPU}.
     *
     * @param machine the machine
     * @param number its number
     * @return the processor's descriptor
     */
    public static long createProcessor(int machine, int number) {
        return HostFile.ioctl(machine, CREATE_VCPU, number);
    }

    /**
     * {@code KVM_SET_USER_MEMORY_REGION}.
     *
     * @param machine the machine
     * @param slot number of the slot
     * @param physical guest-physical address
     * @param bytes size; 0 takes the slot away
     * @param address where this process has the memory; it must stay mapped while the slot is there
     * @return 0, EINVAL, EEXIST, ENOMEM
     */
    public static long setMemory(int machine, int slot, long physical, long bytes, long address) {
        Scratch scratch = Scratch.mine();
        MemorySegment region = scratch.structure();
        region.set(Layouts.U32, 0, slot);
        region.set(Layouts.U32, 4, 0); // flags
        region.set(Layouts.U64, 8, physical);
        region.set(Layouts.U64, 16, bytes);
        region.set(Layouts.U64, 24, address);
        return HostFile.ioctl(machine, SET_USER_MEMORY_REGION, scratch.structureAddress());
    }

    /**
     * {@code KVM_SET_TSS_ADDR}: three pages of guest-physical addresses that Intel's hardware virtualization wants for itself.
     *
     * @param machine the machine
     * @param physical below 4 GiB and in no slot
     * @return 0 or an error where it is not needed
     */
    public static long setReservedPages(int machine, long physical) {
        return HostFile.ioctl(machine, SET_TSS_ADDR, physical);
    }

    /**
     * {@code KVM_RUN}. Blocks for as long as the guest runs.
     *
     * @param processor the processor
     * @return 0 with a reason in the shared page, EINTR for a signal, EFAULT for memory that is not there
     */
    public static long run(int processor) {
        return HostCalls.call(SyscallNumber.IOCTL, processor, RUN, 0);
    }

    /**
     * {@code KVM_GET_SREGS}.
     *
     * @param processor the processor
     * @param sregs 312 bytes for struct kvm_sregs
     * @return 0
     */
    public static long systemRegisters(int processor, MemorySegment sregs) {
        return HostFile.ioctl(processor, GET_SREGS, sregs.address());
    }

    /**
     * {@code KVM_SET_SREGS}.
     *
     * @param processor the processor
     * @param sregs struct kvm_sregs
     * @return 0, EINVAL
     */
    public static long setSystemRegisters(int processor, MemorySegment sregs) {
        return HostFile.ioctl(processor, SET_SREGS, sregs.address());
    }

    /**
     * {@code KVM_SET_MSRS} for one register.
     *
     * @param processor the processor
     * @param index number of the register
     * @param value its value
     * @return 1, or 0 if it cannot be set
     */
    public static long setModelRegister(int processor, int index, long value) {
        Scratch scratch = Scratch.mine();
        MemorySegment list = scratch.structure();
        list.set(Layouts.U64, 0, 1); // one entry
        list.set(Layouts.U64, 8, index & 0xffff_ffffL);
        list.set(Layouts.U64, 16, value);
        return HostFile.ioctl(processor, SET_MSRS, scratch.structureAddress());
    }

    /**
     * {@code KVM_SET_SIGNAL_MASK}: the signals that are blocked during {@link #run}.
     *
     * @param processor the processor
     * @param mask bit n-1 stands for signal n
     * @return 0
     */
    public static long setSignalMask(int processor, long mask) {
        Scratch scratch = Scratch.mine();
        scratch.structure().set(Layouts.U32, 0, 8); // length of the set
        scratch.structure().set(Layouts.U64, 4, mask);
        return HostFile.ioctl(processor, SET_SIGNAL_MASK, scratch.structureAddress());
    }

    /**
     * {@code KVM_SET_CPUID2}.
     *
     * @param processor the processor
     * @param list struct kvm_cpuid2
     * @return 0, EINVAL
     */
    public static long setCpuid(int processor, MemorySegment list) {
        return HostFile.ioctl(processor, SET_CPUID2, list.address());
    }

    /**
     * {@code KVM_GET_XSAVE}, or {@code KVM_GET_XSAVE2} where the image is larger than 4096 bytes.
     *
     * @param processor the processor
     * @param image as many bytes as {@link #CAP_XSAVE2} says, at least 4096
     * @return 0
     */
    public static long xsave(int processor, MemorySegment image) {
        return HostFile.ioctl(processor, image.byteSize() > XSAVE_BYTES ? GET_XSAVE2 : GET_XSAVE, image.address());
    }

    /**
     * {@code KVM_SET_XSAVE}.
     *
     * @param processor the processor
     * @param image as {@link #xsave} makes it
     * @return 0, EINVAL
     */
    public static long setXsave(int processor, MemorySegment image) {
        return HostFile.ioctl(processor, SET_XSAVE, image.address());
    }

    /**
     * {@code KVM_SET_XCRS}: the states that XSAVE knows in the guest.
     *
     * @param processor the processor
     * @param states XCR0
     * @return 0, EINVAL
     */
    public static long setXcr0(int processor, long states) {
        Scratch scratch = Scratch.mine();
        MemorySegment list = scratch.structure();
        list.asSlice(0, XCRS_BYTES).fill((byte) 0);
        list.set(Layouts.U32, 0, 1); // one register, number 0
        list.set(Layouts.U64, 16, states);
        return HostFile.ioctl(processor, SET_XCRS, scratch.structureAddress());
    }

    /**
     * The guest's time stamp counter becomes the host's plus an offset ({@code KVM_VCPU_TSC_OFFSET}, Linux 5.16).
     *
     * @param processor the processor
     * @param offset the offset
     * @return 0, or ENXIO or ENOTTY where this cannot be said
     */
    public static long setTscOffset(int processor, long offset) {
        Scratch scratch = Scratch.mine();
        MemorySegment attribute = scratch.structure();
        attribute.set(Layouts.U32, 0, 0); // flags
        attribute.set(Layouts.U32, 4, 0); // KVM_VCPU_TSC_CTRL
        attribute.set(Layouts.U64, 8, 0); // KVM_VCPU_TSC_OFFSET
        attribute.set(Layouts.U64, 16, scratch.structureAddress() + 32);
        attribute.set(Layouts.U64, 32, offset);
        return HostFile.ioctl(processor, SET_DEVICE_ATTR, scratch.structureAddress());
    }
}
