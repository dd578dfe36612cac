package dev.caisson.platform.systrap;

import dev.caisson.host.HostProcessor;
import dev.caisson.spi.platform.CodePatcher;
import java.util.Arrays;

/**
 * Rewrites system-call sites of one guest process that are used often. A site that cannot be rewritten is not tried again soon. Any thread;
 * lost counts do no harm.
 */
final class SiteRewriter {
    private static final int OFTEN = 12;
    private static final int COUNTERS = 1024;
    /** Larger ones are no calls. */
    private static final int NUMBERS = 1024;
    private static final int SYSCALL_BYTES = 2;

    private final SystrapAddressSpace space;
    private final CodePatcher patcher;
    /** By a hash of the address; a site and how often it was seen. */
    private final long[] addresses = new long[COUNTERS];
    private final int[] counts = new int[COUNTERS];

    SiteRewriter(SystrapAddressSpace space, CodePatcher patcher) {
        this.space = space;
        this.patcher = patcher;
    }

    /** {@return whether the processor has the instructions of trampolines: BMI2 (CPUID 7, EBX bit 8)} */
    static boolean isPossible() {
        return (HostProcessor.cpuid(7, 0)[1] >>> 8 & 1) != 0;
    }

    /**
     * A call was trapped.
     *
     * @param next address behind the {@code syscall}
     * @param number of the call
     */
    void trapped(long next, long number) {
        int index = (int) (next ^ next >>> 10) & COUNTERS - 1;
        if (addresses[index] != next) {
            addresses[index] = next;
            counts[index] = 0;
        }
        if (++counts[index] == OFTEN && patcher.mayChange() && number >= 0 && number < NUMBERS) {
            rewrite(next - SYSCALL_BYTES, (int) number);
        }
    }

    private void rewrite(long syscall, int number) {
        for (SiteKind kind : SiteKind.values()) {
            long site = syscall - kind.bytes();
            byte[] original = kind.expected(number);
            if (original == null) {
                continue;
            }
            byte[] head = Arrays.copyOf(original, Trampolines.JUMP_BYTES);
            // First a change that changes nothing: there is no trampoline for a site that is none.
            if (patcher.replace(site, head, head)) {
                Trampolines trampolines = space.makeTrampolines(site);
                byte[] jump = trampolines == null || !trampolines.reaches(site) ? null : trampolines.add(site, kind, original);
                if (jump != null && kind.coversCall()) {
                    patcher.replaceAlone(site, head, jump);
                } else if (jump != null) {
                    patcher.replace(site, head, jump);
                }
                if (jump != null && !patcher.mayChange()) {
                    patcher.replace(site, jump, head); // a debugger came meanwhile, who undid what was there then
                }
                return;
            }
        }
    }

    /** {@return where a thread really goes on that is to go on at an address: {@link Trampolines#resume}} */
    long resume(long address) {
        Trampolines trampolines = space.trampolines();
        return trampolines == null ? address : trampolines.resume(address, patcher);
    }

    /** Undoes the site whose trampoline holds an address. */
    boolean undo(long address) {
        Trampolines trampolines = space.trampolines();
        return undo(trampolines, trampolines.index(address));
    }

    /** Undoes what was done in this process; whatever has changed since is left alone. */
    void undo() {
        Trampolines trampolines = space.trampolines();
        for (int i = 1; trampolines != null && i < trampolines.count(); i++) {
            undo(trampolines, i);
        }
        Arrays.fill(counts, 0);
    }

    private boolean undo(Trampolines trampolines, int index) {
        return patcher.replace(trampolines.siteAt(index), trampolines.jumpAt(index), trampolines.originalAt(index));
    }
}
