package dev.caisson.stub;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.host.raw.SyscallNumber;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Empties the memory of a new zygote: the ELF image at its first address, stack, vdso and vvar. */
final class StubCleaner {
    private static final Logger log = LoggerFactory.getLogger(StubCleaner.class);

    private StubCleaner() {}

    /**
     * Unmaps everything but our pages.
     *
     * @param process a zygote
     * @throws ErrnoException when the memory cannot be emptied
     */
    static void clean(StubProcess process) throws ErrnoException {
        long result = process.orderAll(new long[][] {
            {SyscallNumber.MUNMAP, 0, StubCode.BASE},
            {SyscallNumber.MUNMAP, StubCode.END, StubCode.HOST_LIMIT - StubCode.END},
        });
        if (result == -Errno.ESRCH.number()) {
            throw Errno.ESRCH.error("stub died at start");
        }
        if (result < 0) {
            cleanOneByOne(process);
        }
    }

    /** Since Linux 6.16 the host may seal vdso and vvar (mseal(2)). They lie above the guests' limit and do no harm there. */
    private static void cleanOneByOne(StubProcess process) throws ErrnoException {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/" + process.processId() + "/maps"))) {
                int dash = line.indexOf('-');
                long start = Long.parseUnsignedLong(line, 0, dash, 16);
                long end = Long.parseUnsignedLong(line, dash + 1, line.indexOf(' '), 16);
                boolean ours = start >= StubCode.BASE && end <= StubCode.END;
                if (ours || start < 0 || start >= StubCode.HOST_LIMIT) {
                    continue; // our pages, or vsyscall
                }
                long result = process.order(StubCode.PLAIN, SyscallNumber.MUNMAP, start, end - start, 0, 0, 0, 0);
                if (result != 0 && start < StubCode.ADDRESS_LIMIT) {
                    throw Errno.ENOMEM.error("the host has sealed memory that guests need");
                }
            }
        } catch (IOException e) {
            log.warn("cannot read the mappings of a stub: {}", e.toString());
            throw Errno.ENOMEM.error("stub cannot be emptied");
        }
    }
}
