package dev.caisson.cli;

import dev.caisson.cli.boot.BootPlanWriter;
import dev.caisson.cli.oci.Asker;
import dev.caisson.cli.oci.ExecProgram;
import dev.caisson.control.SandboxException;
import dev.caisson.host.launch.LauncherProgram;
import java.io.IOException;
import java.nio.file.Path;
import org.osgi.service.component.runtime.ServiceComponentRuntime;

/** What {@code bin/caisson-prepare} runs: finds out how programs can be started before the container, see {@link BootPlanWriter}. */
final class PlanCommand {
    /** The whole command line; no command of users. */
    static final String NAME = "--write-boot-plan";

    private PlanCommand() {}

    static int run() throws SandboxException {
        Home home = Home.find();
        Path storage = StorageDirectory.make();
        try {
            Container container = Container.start(home, storage, false, null);
            HomeProgram.write(home.directory().resolve("lib/launcher"), LauncherProgram.image());
            HomeProgram.write(home.directory().resolve("lib/ask"), Asker.image());
            HomeProgram.write(home.directory().resolve("lib/exec"), ExecProgram.image());
            BootPlanWriter.write(home.directory(), container.context(), container.service(ServiceComponentRuntime.class));
            return 0;
        } catch (IOException e) {
            throw new SandboxException("cannot write the boot plan: " + e.getMessage(), e);
        } finally {
            StorageDirectory.delete(storage);
        }
    }
}
