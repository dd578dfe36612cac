package dev.caisson.memory;

/**
 * Fixed places of an address space, as prctl(PR_SET_MM) and /proc/PID/stat know them. Set by the loader before the program runs; fields
 * that a program can change are volatile.
 */
public final class AddressLayout {
    /** One past the highest guest address. */
    public long addressLimit;
    /** Mappings without a wish are placed below this. */
    public long mmapBase;
    /** Start of the program's code. */
    public volatile long codeStart;
    /** End of the program's code. */
    public volatile long codeEnd;
    /** Start of the program's data. */
    public volatile long dataStart;
    /** End of the program's data. */
    public volatile long dataEnd;
    /** Start of the heap. */
    public volatile long brkStart;
    /** Current end of the heap; changed under the mappings lock. */
    public volatile long brkEnd;
    /** The first stack pointer. */
    public volatile long stackStart;
    /** Start of the argument strings. */
    public volatile long argumentsStart;
    /** End of the argument strings. */
    public volatile long argumentsEnd;
    /** Start of the environment strings. */
    public volatile long environmentStart;
    /** End of the environment strings. */
    public volatile long environmentEnd;
    /** Where the vDSO is mapped, 0 for nowhere. */
    public volatile long vdsoBase;
    /** The auxiliary vector as it was put on the stack, for /proc/PID/auxv: pairs of type and value. */
    public volatile long[] auxiliaryVector = new long[0];
    /** The executable, for /proc/PID/exe; whatever the loader was given. */
    public volatile Object executable;
    /** prctl(PR_SET_DUMPABLE). */
    public volatile int dumpable = 1;

    AddressLayout() {}

    void copyFrom(AddressLayout other) {
        addressLimit = other.addressLimit;
        mmapBase = other.mmapBase;
        codeStart = other.codeStart;
        codeEnd = other.codeEnd;
        dataStart = other.dataStart;
        dataEnd = other.dataEnd;
        brkStart = other.brkStart;
        brkEnd = other.brkEnd;
        stackStart = other.stackStart;
        argumentsStart = other.argumentsStart;
        argumentsEnd = other.argumentsEnd;
        environmentStart = other.environmentStart;
        environmentEnd = other.environmentEnd;
        vdsoBase = other.vdsoBase;
        auxiliaryVector = other.auxiliaryVector;
        executable = other.executable;
        dumpable = other.dumpable;
    }
}
