package dev.caisson.cli;

import dev.caisson.cli.boot.BootParts;
import dev.caisson.cli.boot.BootPlan;
import dev.caisson.cli.doctor.DoctorCommand;
import dev.caisson.cli.setup.InstallCommand;
import dev.caisson.control.SandboxException;
import dev.caisson.control.remote.RuntimeDirectory;
import java.io.IOException;
import java.nio.file.Path;

/** Commands about this installation: {@code install}, {@code uninstall} and {@code doctor}. */
final class SetupCommands {
    private SetupCommands() {}

    static int install(Command.Install command) throws SandboxException {
        StringBuilder report = new StringBuilder();
        try {
            String userHome = System.getenv("HOME");
            boolean isRoot = CallerProcess.statusNumbers("Uid").get(1) == 0;
            return InstallCommand.run(command.order(), Home.find().directory(), isRoot || userHome == null ? null : Path.of(userHome), report);
        } finally {
            System.out.print(report); // of what was done before something failed, too
        }
    }

    static int doctor(Command.Doctor command) throws SandboxException {
        Home home = Home.find();
        new Logging(null, false).apply();
        try {
            return DoctorCommand.run(home.directory(), RuntimeDirectory.of(command.root()).path(), () -> {
                try {
                    BootPlan plan = Boot.plan(home);
                    return plan == null ? null : BootParts.tryPlatforms(plan, Boot.configuration(home));
                } catch (IOException e) {
                    throw new SandboxException("cannot read etc/: " + e.getMessage(), e);
                }
            }, command.isJson());
        } catch (IOException e) {
            throw new SandboxException(e.getMessage(), e);
        }
    }
}
