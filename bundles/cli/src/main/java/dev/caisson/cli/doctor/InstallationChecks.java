package dev.caisson.cli.doctor;

import dev.caisson.cli.setup.InstallCommand;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** How this installation lies on the machine: its files, who can change them, what was prepared, and who was told of it. */
final class InstallationChecks {
    private static final int OTHERS_WRITE = 022, STICKY = 01000;
    /** Set by bin/caisson. */
    static final String STALE = "caisson.caches.stale";
    private static final String PREPARE = "Run bin/caisson-prepare with the JDK that runs Caisson.";

    private final Machine machine;
    private final Path home;
    private final List<Finding> findings = new ArrayList<>();

    private InstallationChecks(Machine machine, Path home) {
        this.machine = machine;
        this.home = home;
    }

    static List<Finding> run(Machine machine, Path home, Path runtimeDirectory) {
        InstallationChecks checks = new InstallationChecks(machine, home);
        checks.caches();
        checks.owners();
        checks.runtimeDirectory(runtimeDirectory);
        checks.clients();
        return checks.findings;
    }

    /** bin/caisson looks before each start whether the jars are those that the caches were made of. */
    private void caches() {
        if (Boolean.getBoolean(STALE)) {
            findings.add(Finding.warning("caches", "jars in lib or bundles have changed since the start-up caches were made",
                    "The caches are not used, and starts take three times as long.", PREPARE));
            return;
        }
        List<Machine.Entry> libraries = machine.list(home.resolve("lib"));
        List<Machine.Entry> jars = new ArrayList<>(machine.list(home.resolve("bundles")));
        jars.addAll(libraries);
        jars.removeIf(entry -> !entry.name().endsWith(".jar"));
        for (String name : List.of("caisson.aot", "client.aot", "gofer.aot", "sandbox.aot")) {
            Machine.Entry cache = libraries.stream().filter(entry -> entry.name().equals(name)).findFirst().orElse(null);
            String check = "cache-" + name.substring(0, name.indexOf('.'));
            if (cache == null || cache.bytes() == 0) {
                findings.add(Finding.warning(check, "lib/" + name + " is missing", "Starts take three times as long.", PREPARE));
                continue;
            }
            Machine.Entry newer = jars.stream().filter(jar -> jar.modifiedMs() > cache.modifiedMs()).findFirst().orElse(null);
            findings.add(newer == null ? Finding.ok(check, "lib/" + name + ", " + (cache.bytes() >> 20) + " MiB, newer than all jars")
                    : Finding.warning(check, "lib/" + name + " is older than " + newer.name(), "It is not used, and starts take three times as long.",
                            PREPARE));
        }
    }

    private void owners() {
        List<Path> paths = new ArrayList<>(List.of(home));
        for (String directory : List.of("bin", "lib", "bundles", "etc", "deploy")) {
            paths.add(home.resolve(directory));
            machine.list(home.resolve(directory)).forEach(entry -> paths.add(home.resolve(directory).resolve(entry.name())));
        }
        for (Path above = home.getParent(); above != null; above = above.getParent()) {
            paths.add(above);
        }
        for (Path path : paths) {
            Machine.Rights rights = machine.rights(path);
            if (rights == null) {
                continue;
            }
            boolean isOthers = rights.owner() != 0 && rights.owner() != machine.user();
            boolean isOpen = (rights.mode() & OTHERS_WRITE) != 0 && (rights.mode() & STICKY) == 0;
            if (isOthers || isOpen) {
                findings.add(Finding.warning("owner", path + (isOthers ? " belongs to user " + rights.owner() : " can be changed by others (mode "
                        + Integer.toOctalString(rights.mode()) + ")"), "Who can change these files decides what runs as this user.",
                        isOthers ? "chown root " + path : "chmod go-w " + path));
                return;
            }
        }
        findings.add(Finding.ok("owner", home + " can be changed by root and this user only"));
    }

    private void runtimeDirectory(Path path) {
        Machine.Rights rights = machine.rights(path);
        if (rights == null) {
            findings.add(Finding.ok("runtime", path + " will be made"));
        } else if (rights.owner() != machine.user() || (rights.mode() & OTHERS_WRITE) != 0) {
            findings.add(Finding.error("runtime", path + " belongs to user " + rights.owner() + ", mode " + Integer.toOctalString(rights.mode()),
                    "Containers keep their state and sockets there, so it has to be this user's own; they do not start.",
                    "Remove it or take another one with --root."));
        } else {
            findings.add(Finding.ok("runtime", path.toString()));
        }
    }

    private void clients() {
        String program = home.resolve("bin/caisson").toString();
        List<String> known = new ArrayList<>();
        for (String word : InstallCommand.clients()) {
            Path file = InstallCommand.file(word, null);
            String text = machine.text(file.toString());
            if (text != null && text.contains(program)) {
                known.add(word);
            }
        }
        findings.add(Finding.ok("clients", known.isEmpty() ? "entered nowhere yet; caisson install --docker does it" : "entered for " + String.join(", ", known)));
    }
}
