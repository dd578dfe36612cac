package dev.caisson.syscalls;

import dev.caisson.kernel.syscall.SyscallTable;
import dev.caisson.kernel.syscall.SyscallTableProvider;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;

/** The whole of Linux on amd64, as far as Caisson implements it. */
@Component(property = SyscallTableProvider.NAME + "=linux")
public final class LinuxTable implements SyscallTableProvider {
    private final SyscallTable table;

    /** Assembles the table. */
    @Activate
    public LinuxTable() {
        SyscallTable.Builder builder = SyscallTable.named("linux");
        FileSyscalls.declare(builder);
        MemorySyscalls.declare(builder);
        ProcessSyscalls.declare(builder);
        SignalSyscalls.declare(builder);
        TimeSyscalls.declare(builder);
        FutexSyscalls.declare(builder);
        PollSyscalls.declare(builder);
        NetworkSyscalls.declare(builder);
        IpcSyscalls.declare(builder);
        AbsentSyscalls.declare(builder);
        this.table = builder.build();
    }

    @Override
    public SyscallTable table() {
        return table;
    }
}
