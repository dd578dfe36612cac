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
        OciConfig config;
        try {
            config = OciConfig.read(bundle);
            Resources.check(config.linux().resources(), "linux.resources");
            HostCgroup.path(line, config);
        } catch (OciConfigException | ContainerException e) {
            return NONE; // who starts a sandbox says so
        }
        if (!isSuitable(line, config)) {
            return NONE;
        }
        Pool.Member member = Pool.own().claim(Pool.key(Boot.home()));
        if (member == null) {
            return NONE;
        }
        return new MemberCommand(line, bundle.normalize(), config, member).run();
    }

    private static boolean isSuitable(OciLine line, OciConfig config) {
        boolean isDetached = line.command().equals("create") || line.has("--detach");
        if (!isDetached || config.process() == null || config.process().terminal() != !line.value("--console-socket", "").isEmpty()) {
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
