package dev.caisson.control.container;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Sched;
import dev.caisson.control.SandboxException;
import dev.caisson.control.internal.BootCaller;
import dev.caisson.kernel.HeldProcess;
import dev.caisson.kernel.Kernel;
import dev.caisson.kernel.Namespaces;
import dev.caisson.kernel.ProcessSet;
import dev.caisson.kernel.ProcessSettings;
import dev.caisson.kernel.ResourceLimits;
import dev.caisson.kernel.TaskScheduling;
import dev.caisson.oci.spec.OciCapabilities;
import dev.caisson.oci.spec.OciConfig;
import dev.caisson.oci.spec.OciHooks.Hook;
import dev.caisson.oci.spec.OciProcess;
import dev.caisson.oci.spec.OciRlimit;
import dev.caisson.oci.spec.OciScheduler;
import dev.caisson.oci.spec.OciUser;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.vfs.FdTable;
import dev.caisson.vfs.FsContext;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.MountNamespace;
import dev.caisson.vfs.PathWalker;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Makes processes of a container: the first one, and those that are executed in it. */
final class ProcessLaunch {
    private static final Logger log = LoggerFactory.getLogger(ProcessLaunch.class);
    private static final int UMASK = 022;
    /** Most open files: fs.nr_open. */
    private static final long MOST_FILES = 1 << 20;

    private final ContainerKernel owner;
    private final Kernel kernel;
    private final OciConfig config;
    private final Namespaces namespaces;
    private final ProcessSet set;
    private final MountNamespace mounts;
    private final byte[] filter;

    ProcessLaunch(ContainerKernel owner, OciConfig config, Namespaces namespaces, ProcessSet set, MountNamespace mounts, byte[] filter) {
        this.owner = owner;
        this.kernel = owner.kernel();
        this.config = config;
        this.namespaces = namespaces;
        this.set = set;
        this.mounts = mounts;
        this.filter = filter;
    }

    ProcessLaunch(Container container) {
        this(container.owner(), container.config(), container.namespaces(), container.set(), container.mounts(), container.filter());
    }

    /** Makes the first process, and what of the container needs it. */
    Container create(String id, long hostProcess, ContainerMounts files, ContainerStdio stdio, HookPlace.Runner hooks) throws SandboxException {
        OciProcess process = config.process();
        HeldProcess held = make(process, stdio);
        boolean isMade = false;
        try {
            if (!config.hooks().createContainer().isEmpty()) {
                int pid = held.process().pid();
                files.onHost(() -> hooks.createContainer(hostPlace(pid)));
            }
            new ContainerSysctls(kernel, config.linux().sysctl()).apply(held);
            makeDirectory(files, GuestText.of(process.cwd()));
            files.finish();
            ContainerProcess first = prepare(process, null, held, stdio);
            isMade = true;
            return new Container(owner, id, config, namespaces, set, files.limits(), hostProcess, mounts, files.root(), filter, first);
        } finally {
            if (!isMade) {
                held.abandon();
            }
        }
    }

    /** As runc: images often lack their working directory. Where it cannot be made, changing to it fails. */
    private static void makeDirectory(ContainerMounts files, String cwd) {
        try {
            files.tree().directory(cwd);
        } catch (ErrnoException e) {
            log.debug("cannot make the working directory: {}", e.getMessage());
        }
    }

    /** Starts one more process; its program is the first argument, unless another one is named. */
    ContainerProcess start(OciProcess process, String program, ContainerStdio stdio) throws SandboxException {
        boolean isStarted = false;
        HeldProcess held = null;
        try {
            held = make(process, stdio);
            ContainerProcess made = prepare(process, program, held, stdio);
            made.start();
            isStarted = true;
            return made;
        } finally {
            if (!isStarted) {
                if (held != null) {
                    held.abandon();
                }
                stdio.close();
            }
        }
    }

    /** Where the container's own hooks run: with the user, the rights and the limits of its process. */
    HookPlace hookPlace(int pid) {
        return place(pid, config.process());
    }

    /** Where hooks run that see the host's files: with all rights in the container. */
    private HookPlace hostPlace(int pid) {
        OciProcess own = config.process();
        return place(pid, own.with(own.args(), own.env(), "/").with(OciUser.ROOT).with(OciCapabilities.ALL, false));
    }

    private HookPlace place(int pid, OciProcess as) {
        return new HookPlace() {
            @Override
            public ContainerProcess start(Hook hook, ContainerStdio stdio) throws SandboxException {
                List<String> args = hook.args().isEmpty() ? List.of(hook.path()) : hook.args();
                return ProcessLaunch.this.start(as.with(args, hook.env(), as.cwd()), GuestText.of(hook.path()), stdio);
            }

            @Override
            public int pid() {
                return pid;
            }
        };
    }

    private HeldProcess make(OciProcess process, ContainerStdio stdio) throws SandboxException {
        OciUser user = process.user();
        Location root = mounts.rootLocation();
        FsContext fs = new FsContext(mounts, root, root, user.umask() == null ? UMASK : user.umask());
        FdTable fds = null;
        boolean isMade = false;
        try {
            fds = stdio.table(kernel, owner.devices(), fs);
            HeldProcess held = HeldProcess.make(kernel, settings(process), fs, fds);
            isMade = true;
            return held;
        } catch (ErrnoException e) {
            throw new SandboxException("cannot make the process: " + e.getMessage(), e);
        } finally {
            if (!isMade) {
                fs.release();
                if (fds != null) {
                    fds.release();
                }
            }
        }
    }

    /** Changes to the working directory and finds the program. */
    private ContainerProcess prepare(OciProcess process, String program, HeldProcess held, ContainerStdio stdio) throws SandboxException {
        FsContext fs = held.process().leader().fs();
        BootCaller own = new BootCaller(fs, held.process().leader().credentials());
        String cwd = GuestText.of(process.cwd());
        try {
            // runc looks as root first, then as the user: one of them may enter it.
            Location directory;
            try {
                directory = kernel.vfs().resolve(own, null, cwd, PathWalker.FOLLOW | PathWalker.DIRECTORY);
            } catch (ErrnoException e) {
                directory = kernel.vfs().resolve(new BootCaller(fs, Credentials.ROOT), null, cwd, PathWalker.FOLLOW | PathWalker.DIRECTORY);
            }
            fs.workingDirectory(directory);
        } catch (ErrnoException e) {
            throw new SandboxException("process.cwd: chdir to cwd (\"" + process.cwd() + "\") set in config.json failed: "
                    + e.errno().text().toLowerCase(Locale.ROOT), e);
        }
        List<String> environment = new ArrayList<>(GuestText.of(process.env()));
        boolean isHook = program != null; // whose environment is the whole one
        if (!isHook && environment.stream().noneMatch(entry -> entry.startsWith("HOME=") && entry.length() > 5)) {
            environment.removeIf(entry -> entry.equals("HOME="));
            environment.add("HOME=" + UserDirectory.home(kernel.vfs(), new BootCaller(fs, Credentials.ROOT), process.user().uid()));
        }
        List<String> arguments = GuestText.of(process.args());
        String path = ContainerPrograms.find(kernel.vfs(), own, isHook ? program : arguments.getFirst(), environment);
        return new ContainerProcess(held, stdio, path, arguments, environment);
    }

    private ProcessSettings settings(OciProcess process) throws SandboxException {
        boolean isInit = namespaces.pidForChildren().init() == null;
        ResourceLimits limits = new ResourceLimits();
        for (OciRlimit limit : process.rlimits()) {
            if (limit.resource() == dev.caisson.abi.Resource.RLIMIT_NOFILE && Long.compareUnsigned(limit.hard(), MOST_FILES) > 0) {
                throw new SandboxException("process.rlimits: RLIMIT_NOFILE is beyond fs.nr_open, " + MOST_FILES, null);
            }
            limits.set(limit.resource(), limit.soft(), limit.hard());
        }
        return new ProcessSettings(credentials(process), namespaces, set, isInit, process.noNewPrivileges(), limits,
                process.oomScoreAdj() == null ? 0 : process.oomScoreAdj(), config.linux().personality(), filter,
                scheduling -> schedule(process, scheduling));
    }

    private static Credentials credentials(OciProcess process) {
        OciUser user = process.user();
        int[] groups = user.additionalGids().stream().mapToInt(Integer::intValue).toArray();
        OciCapabilities sets = process.capabilities();
        long ambient = sets.ambient() & sets.permitted() & sets.inheritable();
        return new Credentials(user.uid(), user.uid(), user.uid(), user.uid(), user.gid(), user.gid(), user.gid(), user.gid(), groups,
                sets.permitted(), sets.effective() & sets.permitted(), sets.inheritable(), sets.bounding(), ambient, 0);
    }

    private static void schedule(OciProcess process, TaskScheduling scheduling) {
        if (process.ioPriority() != null) {
            scheduling.ioPriority(process.ioPriority().ioprio());
        }
        OciScheduler wanted = process.scheduler();
        if (wanted != null) {
            scheduling.policy(wanted.policy(), wanted.priority(), wanted.resetOnFork());
            scheduling.nice(wanted.nice());
            if (wanted.policy() == Sched.SCHED_DEADLINE) {
                scheduling.deadline(new long[] {wanted.runtimeNs(), wanted.deadlineNs(),
                    wanted.periodNs() == 0 ? wanted.deadlineNs() : wanted.periodNs()});
            }
        }
    }
}
