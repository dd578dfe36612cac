package dev.caisson.cli.oci;

import dev.caisson.cli.Boot;
import dev.caisson.control.SandboxException;
import dev.caisson.oci.runtime.ContainerException;
import dev.caisson.oci.runtime.PodMembership;
import dev.caisson.oci.spec.OciConfig;
import dev.caisson.oci.spec.OciConfigException;
import dev.caisson.oci.spec.OciNamespace;
import java.io.IOException;
import java.nio.file.Path;

/**
 * {@code caisson create} in a sandbox of the {@link Pool}. Whatever is not plain, and whatever is wrong, is left to a sandbox of its own, which
 * bin/caisson starts then.
 */
final class PooledCommand {
    /** What bin/caisson takes for "start one". EX_TEMPFAIL of sysexits(3). */
    static final int NONE = 75;
    /** Set by bin/caisson when there may be a sandbox in the pool. */
    static final String VARIABLE = "CAISSON_POOLED";

    private PooledCommand() {}

    static int run(OciLine line) throws ContainerException, OciConfigException, SandboxException, IOException {
        Path bundle = line.value("--bundle", "").isEmpty() ? Path.of("").toAbsolutePath() : line.path("--bundle");
        MemberCommand command = take(line, bundle, Pool.own(), Boot.home(), null);
        return command == null ? NONE : command.run();
    }

    /**
     * Takes a sandbox for a container.
     *
     * @param line the command
     * @param bundle where its config.json is
     * @param pool has the sandboxes
     * @param home the installation
     * @param caller has made the process that stands for the container; or null
     * @return who makes the container, or null when none is suitable
     */
    static MemberCommand take(OciLine line, Path bundle, Pool pool, Path home, MemberCommand.Caller caller) throws IOException {
        OciConfig config;
        try {
            config = OciConfig.read(bundle);
            Resources.check(config.linux().resources(), "linux.resources");
            String group = HostCgroup.path(line, config);
            if (caller != null && (group == null || !group.startsWith("/")) && !PoolCreate.isInOwnGroups(caller.letter().pid())) {
                return null;
            }
        } catch (OciConfigException | ContainerException e) {
            return null; // who starts a sandbox says so
        }
        if (!isSuitable(line, config)) {
            return null;
        }
        Pool.Member member = pool.claim(Pool.key(home));
        return member == null ? null : new MemberCommand(line, bundle.normalize(), config, member, caller);
    }

    private static boolean isSuitable(OciLine line, OciConfig config) {
        boolean isDetached = line.command().equals("create") || line.has("--detach");
        if (!isDetached || config.process() == null || config.process().terminal() != !line.value("--console-socket", "").isEmpty()) {
            return false;
        }
        if (!line.value("--platform", "").isEmpty() || !line.value("--network", "").isEmpty()) {
            return false;
        }
        if (config.annotations().keySet().stream().anyMatch(name -> name.startsWith("dev.caisson."))
                || PodMembership.of(config.annotations()).isMember()) {
            return false;
        }
        if (!config.linux().uidMappings().isEmpty() || !config.linux().gidMappings().isEmpty()) {
            return false;
        }
        for (OciNamespace each : config.linux().namespaces()) {
            if (each.type() == OciNamespace.Type.USER || each.path() != null && each.type() != OciNamespace.Type.NETWORK) {
                return false;
            }
        }
        return true;
    }
}
