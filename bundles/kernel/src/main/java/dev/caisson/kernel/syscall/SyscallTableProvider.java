package dev.caisson.kernel.syscall;

import org.osgi.annotation.versioning.ConsumerType;

/** Gives a system-call table. Implementations are OSGi services that carry {@link #NAME}. */
@ConsumerType
public interface SyscallTableProvider {
    /** Service property: the name by which configuration chooses a table. */
    String NAME = "caisson.name";

    /** {@return the table; the same one at each call} */
    SyscallTable table();
}
