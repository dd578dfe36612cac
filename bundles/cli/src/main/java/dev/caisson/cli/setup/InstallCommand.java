package dev.caisson.cli.setup;

import dev.caisson.control.SandboxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.regex.Pattern;

/** {@code caisson install} and {@code uninstall}: enters Caisson as a runtime into the configuration of programs that start containers. */
public final class InstallCommand {
    private static final List<Client> CLIENTS = List.of(new DockerClient(), new ContainerdClient(), new PodmanClient());
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9_.-]*");

    private InstallCommand() {}

    /**
     * What is wanted.
     *
     * @param isInstall whether to enter the runtime, not to take it out
     * @param clients words of the programs
     * @param file configuration file in place of the usual one, or null
     * @param name by which users choose the runtime
     * @param program in place of this installation's bin/caisson, or null
     * @param arguments the client passes before each command
     */
    public record Order(boolean isInstall, List<String> clients, Path file, String name, Path program, List<String> arguments) {}

    /** {@return the words of all clients, which are the options that choose them} */
    public static List<String> clients() {
        return CLIENTS.stream().map(Client::word).toList();
    }

    /** {@return for people, the clients' names by their words' order} */
    public static List<String> titles() {
        return CLIENTS.stream().map(Client::title).toList();
    }

    /**
     * Finds where a client's configuration is.
     *
     * @param word of the client
     * @param userHome directory of a user who is not root; null for the machine's configuration
     * @return the file
     */
    public static Path file(String word, Path userHome) {
        return client(word).file(userHome);
    }

    private static Client client(String word) {
        return CLIENTS.stream().filter(each -> each.word().equals(word)).findFirst().orElseThrow(() -> new IllegalArgumentException(word));
    }

    /**
     * Checks what is wanted, before anything is read.
     *
     * @param order what
     * @throws IllegalArgumentException when it cannot be done; the message is for people
     */
    public static void check(Order order) {
        String all = String.join(", ", clients().stream().map(word -> "--" + word).toList());
        if (order.clients().isEmpty()) {
            throw new IllegalArgumentException("no program named; there are: " + all);
        }
        if (order.file() != null && order.clients().size() > 1) {
            throw new IllegalArgumentException("--config is the file of one program; name one of " + all);
        }
        if (!NAME.matcher(order.name()).matches()) {
            throw new IllegalArgumentException("--name has letters, digits and _ . -, and starts with a letter or a digit");
        }
    }

    /**
     * Does it.
     *
     * @param order what
     * @param home of this installation
     * @param userHome of a user who is not root, or null
     * @param out gets the report
     * @return exit status
     * @throws SandboxException when a file cannot be read, understood or written; files before it in the order are done
     */
    public static int run(Order order, Path home, Path userHome, StringBuilder out) throws SandboxException {
        Path program = order.program() == null ? home.resolve("bin/caisson") : order.program();
        if (order.isInstall() && !Files.isExecutable(program)) {
            throw new SandboxException("cannot install " + program + ": it is not there or cannot be executed", null);
        }
        List<String> next = new ArrayList<>();
        for (String word : order.clients()) {
            Client client = client(word);
            ConfigurationFile file = ConfigurationFile.of(order.file() == null ? client.file(userHome) : order.file());
            String before = file.read();
            String after;
            try {
                after = order.isInstall()
                        ? client.with(before, new Client.Runtime(order.name(), program.toAbsolutePath().normalize(), order.arguments()))
                        : before == null ? null : client.without(before, order.name());
            } catch (IllegalArgumentException e) {
                throw new SandboxException(file.path() + ": " + e.getMessage(), e);
            }
            if (Objects.equals(before, after)) {
                out.append(file.path()).append(": nothing to change\n");
            } else {
                file.write(after);
                out.append(file.path()).append(": ").append(order.isInstall() ? "runtime " + order.name() + " is " + program
                        : "runtime " + order.name() + " is taken out" + (after == null ? ", and with it the file, which had nothing else" : ""));
                out.append(before == null ? "\n" : " (as it was: " + file.backup() + ")\n");
                next.addAll(client.next(order.name(), order.isInstall()));
            }
            if (order.isInstall()) {
                client.warnings(after).forEach(line -> out.append("warning: ").append(line).append('\n'));
            }
        }
        if (!next.isEmpty()) {
            out.append("Next:\n");
            next.forEach(line -> out.append("  ").append(line).append('\n'));
        }
        return 0;
    }
}
