package dev.caisson.control.container;

import dev.caisson.control.SandboxException;
import dev.caisson.oci.spec.OciHooks.Hook;

/** Where hooks run that are to run in a container's namespaces. */
public interface HookPlace {
    /**
     * Starts a hook as a process of the container.
     *
     * @param hook what to run
     * @param stdio its descriptors; closed with the process, also when this fails
     * @return the running process
     * @throws SandboxException when the program cannot be started
     */
    ContainerProcess start(Hook hook, ContainerStdio stdio) throws SandboxException;

    /** {@return the number of the container's process 1 in its pid namespace} */
    int pid();

    /** Runs hooks while a container is made. */
    interface Runner {
        /** Runs none. */
        Runner NONE = place -> { };

        /**
         * Runs the hooks {@code createContainer}.
         *
         * @param place the container's namespaces, with the host's files
         * @throws SandboxException when one of them fails: then the container is not made
         */
        void createContainer(HookPlace place) throws SandboxException;
    }
}
