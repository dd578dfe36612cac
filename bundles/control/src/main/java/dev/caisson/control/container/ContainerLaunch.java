package dev.caisson.control.container;

import dev.caisson.abi.ErrnoException;
import dev.caisson.control.SandboxException;
import dev.caisson.kernel.Kernel;
import dev.caisson.kernel.Namespaces;
import dev.caisson.kernel.ProcessSet;
import dev.caisson.kernel.time.TimeOffsets;
import dev.caisson.oci.spec.OciConfig;
import dev.caisson.vfs.MountNamespace;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes a container of its configuration, in runc's order: namespaces, root, mounts, devices, process, sysctls, masked and read-only
 * paths, and the search for the program.
 */
public final class ContainerLaunch {
    private static final Logger log = LoggerFactory.getLogger(ContainerLaunch.class);

    private final ContainerKernel owner;
    private final Kernel kernel;
    private final String id;
    private final OciConfig config;
    private final long hostProcess;

    private ContainerLaunch(ContainerKernel owner, String id, OciConfig config, long hostProcess) {
        this.owner = owner;
        this.kernel = owner.kernel();
        this.id = id;
        this.config = config;
        this.hostProcess = hostProcess;
    }

    /**
     * Makes a container up to the point where its program would begin, without hooks.
     *
     * @param owner the kernel
     * @param id its name
     * @param config what it is; with a process
     * @param stdio its process' descriptors; closed with the process, also when this fails
     * @return the container, to be started
     * @throws SandboxException when something of the configuration cannot be done; nothing is left of the container then
     */
    public static Container create(ContainerKernel owner, String id, OciConfig config, ContainerStdio stdio) throws SandboxException {
        return create(owner, id, config, stdio, 0, HookPlace.Runner.NONE);
    }

    /**
     * Makes a container up to the point where its program would begin.
     *
     * @param owner the kernel
     * @param id its name
     * @param config what it is; with a process
     * @param stdio its process' descriptors; closed with the process, also when this fails
     * @param hostProcess the process of the host that stands for the container, by which others name its namespaces; 0 for none
     * @param hooks runs what the configuration wants to have run in the container's namespaces
     * @return the container, to be started
     * @throws SandboxException when something of the configuration cannot be done; nothing is left of the container then
     */
    public static Container create(ContainerKernel owner, String id, OciConfig config, ContainerStdio stdio, long hostProcess,
            HookPlace.Runner hooks) throws SandboxException {
        synchronized (owner) {
            Container made = new ContainerLaunch(owner, id, config, hostProcess).create(stdio, hooks);
            owner.add(made);
            return made;
        }
    }

    private Container create(ContainerStdio stdio, HookPlace.Runner hooks) throws SandboxException {
        MountNamespace mounts = null;
        ProcessSet set = null;
        boolean isMade = false;
        try {
            if (config.process() == null) {
                throw new SandboxException("process: is required", null);
            }
            config.warnings().forEach(warning -> log.warn("{}: {}", id, warning));
            Namespaces namespaces = new ContainerNamespaces(owner, id, config).make();
            set = new ProcessSet(kernel);
            Long limit = config.linux().resources().pidsLimit();
            set.taskLimit(limit == null || limit <= 0 ? Long.MAX_VALUE : limit);
            Long memory = config.linux().resources().memory().limit();
            if (memory != null && memory > 0 && !set.isCounted()) {
                throw Container.uncounted();
            }
            set.limitMemory(memory == null ? 0 : Math.max(0, memory));
            set.diesTogether("1".equals(config.linux().resources().unified().get("memory.oom.group")));
            set.time(time());
            byte[] filter = config.linux().seccomp() == null ? null
                    : new SeccompCompiler(config.linux().seccomp(), kernel.syscallTable()).compile();
            ContainerMounts files = new ContainerMounts(kernel, config, namespaces, set, owner.places());
            mounts = files.mountRoot();
            files.mountAll();
            new ContainerDevices(kernel, files.tree(), config).make();
            Container made = new ProcessLaunch(owner, config, namespaces, set, mounts, filter).create(id, hostProcess, files, stdio, hooks);
            isMade = true;
            return made;
        } catch (ErrnoException e) {
            throw new SandboxException("cannot set up the container: " + e.getMessage(), e);
        } finally {
            if (!isMade) {
                stdio.close();
                if (mounts != null) {
                    mounts.close();
                }
                if (set != null) {
                    set.close();
                }
            }
        }
    }

    private TimeOffsets time() throws SandboxException {
        Map<String, Long> offsets = config.linux().timeOffsets();
        if (offsets.values().stream().allMatch(each -> each == 0)) {
            return TimeOffsets.NONE;
        }
        try {
            return kernel.newTimeOffsets(offsets.getOrDefault("monotonic", 0L), offsets.getOrDefault("boottime", 0L));
        } catch (ErrnoException e) {
            throw new SandboxException("linux.timeOffsets: " + e.errno().text(), e);
        }
    }

    /** An annotation of ours, {@code dev.caisson.NAME}. */
    static String annotation(Map<String, String> annotations, String name, String otherwise) {
        return annotations.getOrDefault("dev.caisson." + name, otherwise);
    }
}
