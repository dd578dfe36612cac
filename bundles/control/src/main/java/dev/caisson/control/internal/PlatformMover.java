package dev.caisson.control.internal;

import dev.caisson.control.ProviderKind;
import dev.caisson.control.SandboxException;
import dev.caisson.control.SwapReport;
import dev.caisson.kernel.PlatformException;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.platform.Platform;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.osgi.framework.ServiceReference;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Chooses platforms for sandboxes and moves running ones: when somebody wants it, when the platform goes away, and back when it returns.
 *
 * <p>A platform's service is held as long as a sandbox uses it. Threads of the framework call while they hold its locks, so that this
 * class calls the framework only where the comments say so.
 */
final class PlatformMover {
    /** Stands for the fastest platform that works. */
    static final String AUTO = "auto";

    private static final Logger log = LoggerFactory.getLogger(PlatformMover.class);

    private final ProviderSet<Platform> platforms;
    private final MemoryFile memoryFile;
    /** Says why a service could not be had. */
    private final Function<ServiceReference<?>, String> failures;
    /** What is held for whom. Guarded by this. */
    private final Map<KernelSandbox, ServiceReference<Platform>> held = new IdentityHashMap<>();

    PlatformMover(ProviderSet<Platform> platforms, MemoryFile memoryFile, Function<ServiceReference<?>, String> failures) {
        this.platforms = platforms;
        this.memoryFile = memoryFile;
        this.failures = failures;
    }

    /**
     * A platform that was taken into use.
     *
     * @param reference to be released, or handed to {@link #hold}
     * @param platform the service
     */
    record Choice(ServiceReference<Platform> reference, Platform platform) {}

    /**
     * Takes a platform into use.
     *
     * @param name its name, or {@value #AUTO}
     * @param origin where the name comes from, for the message: "" or text in parentheses with a space before
     * @return the platform
     * @throws SandboxException when there is none of this name or it does not work; the message says what there is, or why
     */
    Choice choose(String name, String origin) throws SandboxException {
        if (name.equals(AUTO)) {
            return chooseFastest();
        }
        ServiceReference<Platform> reference = platforms.find(name);
        if (reference == null) {
            throw new SandboxException("no platform named " + name + origin + "; there are: " + AUTO + ", "
                    + String.join(", ", platforms.names()), null);
        }
        return open(reference, name);
    }

    private Choice open(ServiceReference<Platform> reference, String name) throws SandboxException {
        Platform platform = platforms.open(reference);
        if (platform == null) {
            throw new SandboxException("platform " + name + " cannot be used here: " + failures.apply(reference), null);
        }
        return new Choice(reference, platform);
    }

    private Choice chooseFastest() throws SandboxException {
        Choice best = null;
        long bestNs = Long.MAX_VALUE;
        List<String> verdicts = new ArrayList<>();
        for (String name : platforms.names()) {
            ServiceReference<Platform> reference = platforms.find(name);
            Choice candidate = null;
            try {
                candidate = reference == null ? null : open(reference, name);
                if (candidate != null) {
                    long ns = PlatformProbe.measureNs(candidate.platform, memoryFile);
                    verdicts.add(name + ": " + ns + " ns per event");
                    if (ns < bestNs) {
                        Choice slower = best;
                        best = candidate;
                        bestNs = ns;
                        candidate = slower;
                    }
                }
            } catch (SandboxException e) {
                verdicts.add(e.getMessage());
            }
            if (candidate != null) {
                platforms.release(candidate.reference);
            }
        }
        if (best == null) {
            throw new SandboxException("no platform works here: " + (verdicts.isEmpty() ? "no bundle provides one"
                    : String.join("; ", verdicts)), null);
        }
        log.info("platform {} is {} ({})", AUTO, best.platform.name(), String.join("; ", verdicts));
        return best;
    }

    /** Notes what a sandbox uses, so that the service is released when it does not any more. */
    synchronized void hold(KernelSandbox sandbox, Choice choice) {
        ServiceReference<Platform> before = held.put(sandbox, choice.reference);
        if (before != null) {
            platforms.release(before);
        }
    }

    /** A sandbox has closed. */
    synchronized void release(KernelSandbox sandbox) {
        ServiceReference<Platform> reference = held.remove(sandbox);
        if (reference != null) {
            platforms.release(reference);
        }
    }

    void release(Choice choice) {
        platforms.release(choice.reference);
    }

    /**
     * Moves a sandbox.
     *
     * @param sandbox who
     * @param name where to, or {@value #AUTO}
     * @return what was done
     * @throws SandboxException when the platform is not there or does not work; the sandbox goes on with the old one
     */
    SwapReport move(KernelSandbox sandbox, String name) throws SandboxException {
        Choice choice = choose(name, "");
        boolean isHeld = false;
        try {
            if (choice.platform != sandbox.kernel().platform()) {
                PlatformProbe.check(choice.platform, memoryFile);
            }
            SwapReport report = apply(sandbox, choice);
            isHeld = true;
            return report;
        } catch (PlatformException e) {
            throw new SandboxException(e.getMessage(), e);
        } finally {
            if (!isHeld) {
                platforms.release(choice.reference);
            }
        }
    }

    private SwapReport apply(KernelSandbox sandbox, Choice choice) throws PlatformException {
        String to = choice.platform.name();
        synchronized (sandbox.platformLock()) {
            String from = sandbox.providers().get(ProviderKind.PLATFORM);
            long pauseNs = sandbox.kernel().selectPlatform(choice.platform);
            sandbox.uses(ProviderKind.PLATFORM, ProviderSet.name(choice.reference));
            hold(sandbox, choice);
            return new SwapReport(ProviderKind.PLATFORM, from, to, pauseNs);
        }
    }

    /** A platform has come: sandboxes that were moved away from it, or could not have it, move to it. */
    void came(List<KernelSandbox> sandboxes, String name) {
        for (KernelSandbox sandbox : sandboxes) {
            if (name.equals(sandbox.wanted(ProviderKind.PLATFORM)) && !name.equals(sandbox.providers().get(ProviderKind.PLATFORM))) {
                try {
                    SwapReport report = move(sandbox, name);
                    log.info("platform {} is back: sandbox {} moved to it, pause {} µs", name, sandbox.name(), report.pauseNs() / 1000);
                } catch (SandboxException e) {
                    log.warn("sandbox {} stays on its platform: {}", sandbox.name(), e.getMessage());
                }
            }
        }
    }

    /**
     * A platform is about to go; its service still works until this method returns. Sandboxes on it move elsewhere, or end when there is
     * nowhere to go.
     *
     * @param sandboxes all
     * @param gone the reference, which the set does not have any more
     * @param fallback the name to try first
     */
    void goes(List<KernelSandbox> sandboxes, ServiceReference<Platform> gone, String fallback) {
        String name = ProviderSet.name(gone);
        for (KernelSandbox sandbox : sandboxes) {
            if (!name.equals(sandbox.providers().get(ProviderKind.PLATFORM)) || !uses(sandbox, gone)) {
                continue;
            }
            if (!escape(sandbox, name, fallback)) {
                log.error("platform {} goes and no other works: sandbox {} ends", name, sandbox.name());
                sandbox.kernel().shutdown();
            }
        }
    }

    private boolean uses(KernelSandbox sandbox, ServiceReference<Platform> gone) {
        Platform platform = platforms.open(gone);
        platforms.release(gone);
        return platform == null || platform == sandbox.kernel().platform();
    }

    private boolean escape(KernelSandbox sandbox, String gone, String fallback) {
        Set<String> candidates = new LinkedHashSet<>();
        // Another service of the same name is what the sandbox is configured for.
        candidates.add(gone);
        candidates.add(fallback);
        candidates.addAll(platforms.names());
        candidates.retainAll(platforms.names());
        Platform old = sandbox.kernel().platform();
        for (String candidate : candidates) {
            try {
                SwapReport report = move(sandbox, candidate);
                sandbox.kernel().forgetPlatform(old);
                log.info("platform {} goes: sandbox {} moved to {}, pause {} µs", gone, sandbox.name(), candidate,
                        report.pauseNs() / 1000);
                return true;
            } catch (SandboxException e) {
                log.warn("platform {} goes, and sandbox {} cannot move to {}: {}", gone, sandbox.name(), candidate, e.getMessage());
            }
        }
        return false;
    }
}
