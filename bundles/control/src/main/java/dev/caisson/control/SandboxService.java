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
