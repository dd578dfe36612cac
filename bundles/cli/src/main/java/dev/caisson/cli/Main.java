package dev.caisson.cli;

import dev.caisson.cli.oci.OciCommands;
import dev.caisson.cli.oci.OciLine;
import dev.caisson.cli.oci.PoolKeeper;
import dev.caisson.cli.oci.PoolMember;
import dev.caisson.cli.oci.Rehearsal;
import dev.caisson.control.SandboxException;
import dev.caisson.oci.runtime.ContainerException;
import dev.caisson.oci.spec.OciConfig;
import java.nio.file.Path;
import java.util.List;

/** Entry point. Nothing here or in what it calls before {@link Container} may load a logger: its settings come from the line. */
public final class Main {
    /** The whole command line that makes the AOT cache of commands that ask; no command of users. */
    private static final String TRAIN_CLIENT = "--train-client";

    private Main() {}

    /**
     * Runs the command and exits.
     *
     * @param args the command line
     */
    public static void main(String[] args) {
        int status;
        try {
            status = run(CallerProcess.rawArguments(args));
        } catch (SandboxException e) {
            System.err.println("caisson: " + e.getMessage());
            status = e.exitStatus();
        } catch (RuntimeException | LinkageError | InterruptedException e) {
            System.err.println("caisson: internal error: " + e);
            e.printStackTrace();
            status = SandboxException.OWN_FAILURE;
        }
        System.out.flush();
        System.err.flush();
        // Task threads and timers may still be there; the sandbox is closed, so nothing of theirs is worth waiting for.
        Runtime.getRuntime().halt(status);
    }

    private static int run(List<String> args) throws SandboxException, InterruptedException {
        if (args.size() == 1 && args.getFirst().equals(PlanCommand.NAME)) {
            return PlanCommand.run();
        }
        if (args.size() == 1 && args.getFirst().equals(UpgradeCommand.NAME)) {
            return UpgradeCommand.run();
        }
        if (args.size() == 1 && args.getFirst().equals(TRAIN_CLIENT)) {
            Rehearsal.ofClients(new ControlCommands());
            return 0;
        }
        if (args.size() == 1 && args.getFirst().equals(GoferCommand.TRAIN)) {
            return GoferCommand.train();
        }
        if (args.size() == 2 && args.getFirst().equals(PoolMember.NAME)) {
            return PoolMember.run(Path.of(CallerProcess.decoded(args.getLast())));
        }
        if (args.size() == 2 && args.getFirst().equals(PoolKeeper.NAME)) {
            return PoolKeeper.run(Home.find().directory(), Integer.parseInt(args.getLast()));
        }
        OciLine line;
        try {
            line = OciLine.parse(args);
        } catch (ContainerException e) {
            return OciCommands.refuse(args, e);
        }
        if (line != null) {
            return OciCommands.run(line, new ControlCommands());
        }
        // Not a switch over patterns: its bootstrap costs a cold JVM 40 ms, which no AOT cache saves.
        Command command = new CommandLineParser().parse(args);
        if (command instanceof Command.Do run) {
            return DoCommand.run(run);
        } else if (command instanceof Command.Gofer gofer) {
            return GoferCommand.run(gofer);
        } else if (command instanceof Command.Shell shell) {
            return ShellCommand.run(shell);
        } else if (command instanceof Command.Swap swap) {
            return ControlCommands.swap(swap);
        } else if (command instanceof Command.Diff diff) {
            return DiffCommand.run(diff);
        } else if (command instanceof Command.Install install) {
            return SetupCommands.install(install);
        } else if (command instanceof Command.Doctor doctor) {
            return SetupCommands.doctor(doctor);
        } else if (command instanceof Command.Complete complete) {
            System.out.print(CommandModels.script(complete.shell()));
            return 0;
        } else if (command instanceof Command.Pool pool) {
            return PoolCommand.run(pool);
        } else if (command instanceof Command.Help help) {
            System.out.print(CommandLineParser.usage(help.command()));
            return 0;
        } else if (command instanceof Command.WrongUsage wrong) {
            System.err.println("caisson: " + wrong.message());
            System.err.println("Try: caisson help" + (wrong.command() == null ? "" : " " + wrong.command()));
            return 2;
        }
        String version = Main.class.getPackage().getImplementationVersion();
        // As runc says it: container engines read these lines.
        System.out.println("caisson version " + (version == null ? "(unpackaged)" : version) + "\nspec: " + OciConfig.VERSION);
        return 0;
    }
}
