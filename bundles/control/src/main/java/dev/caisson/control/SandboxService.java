package dev.caisson.control;

import java.util.List;
import java.util.Map;
import org.osgi.annotation.versioning.ProviderType;

/** Makes sandboxes from the providers that the framework has, by configuration. A service of the control bundle. */
@ProviderType
public interface SandboxService {
    /**
     * Starts a program in a new sandbox.
     *
     * @param spec what to run
     * @return the running sandbox; the caller waits for it and closes it
     * @throws SandboxException when a provider is missing, or the program cannot be started
     */
    Sandbox start(SandboxSpec spec) throws SandboxException;

    /**
     * Takes over a sandbox that was started before the framework: from now on it follows the configuration, where its specification
     * left the choice open, and what happens to bundles.
     *
     * @param sandbox as {@link SandboxBuilder} started it, of parts that are registered as services by now
     */
    void adopt(Sandbox sandbox);

    /**
     * Gives a running sandbox another provider. The programs in it go on; when the new one fails, with the old one.
     *
     * @param sandbox one of {@link #sandboxes}
     * @param kind which part; a root filesystem is that of the same tree, with no options
     * @param name the provider; for a platform also "auto", the fastest that works
     * @return what was done
     * @throws SandboxException when there is no such provider or it does not work; the message is for the person who asked
     */
    SwapReport swap(Sandbox sandbox, ProviderKind kind, String name) throws SandboxException;

    /**
     * Gives a running sandbox another root filesystem that serves the same tree. Open files, working directories and running programs go
     * along where the new filesystem has the same files.
     *
     * @param sandbox one of {@link #sandboxes}
     * @param name the provider
     * @param source what it mounts; null for the tree that is mounted now: the directory where changes go, or else the present source
     * @param options the provider's options, and ro, rw, nosuid, nodev, noexec; by name
     * @return what was done, and which files stay with the old filesystem
     * @throws SandboxException when there is no such provider, it serves another tree, or changes would be lost; the programs go on
     */
    SwapReport swapRootfs(Sandbox sandbox, String name, String source, Map<String, String> options) throws SandboxException;

    /**
     * As {@link #swapRootfs}, for a filesystem that is mounted below the root: a volume.
     *
     * @param sandbox one of {@link #sandboxes}
     * @param path where it is mounted
     * @param name the provider
     * @param source what it mounts; null for what is mounted now
     * @param options the provider's options, and ro; by name
     * @return what was done
     * @throws SandboxException as above, and when nothing is mounted there
     */
    SwapReport swapVolume(Sandbox sandbox, String path, String name, String source, Map<String, String> options) throws SandboxException;

    /** {@return sandboxes that were started and are not yet closed, oldest first} */
    List<Sandbox> sandboxes();

    /**
     * Providers that could be chosen now.
     *
     * @param kind which part
     * @return names in order
     */
    List<String> available(ProviderKind kind);

    /** {@return what the configuration chooses at present} */
    Map<ProviderKind, String> selected();
}
