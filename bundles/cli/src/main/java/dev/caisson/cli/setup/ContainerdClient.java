package dev.caisson.cli.setup;

import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * containerd: a runtime of its CRI plugin in config.toml, behind containerd's own shim for runc. Kubernetes chooses it by a RuntimeClass
 * whose handler is the runtime's name.
 */
final class ContainerdClient implements Client {
    private static final Pattern VERSION = Pattern.compile("(?m)^[ \\t]*version[ \\t]*=[ \\t]*(\\d+)");
    private static final Pattern DISABLED = Pattern.compile("(?m)^[ \\t]*disabled_plugins[ \\t]*=[ \\t]*\\[[^\\]]*\"(io\\.containerd\\.grpc\\.v1\\.)?cri\"");
    private static final String VERSION_2 = "io.containerd.grpc.v1.cri", VERSION_3 = "io.containerd.cri.v1.runtime";

    @Override
    public String word() {
        return "containerd";
    }

    @Override
    public String title() {
        return "containerd";
    }

    @Override
    public Path file(Path home) {
        return home == null ? Path.of("/etc/containerd/config.toml") : home.resolve(".config/containerd/config.toml");
    }

    @Override
    public String with(String text, Runtime runtime) {
        if (!runtime.arguments().isEmpty()) {
            throw new IllegalArgumentException("containerd's shim passes no arguments to a runtime; write a script that does and name it with --path");
        }
        String rest = text == null || text.isBlank() ? "version = 2\n" : Toml.withoutBlock(text, runtime.name());
        String plugin = plugin(rest);
        Toml.refuse(rest, List.of("plugins", plugin, "containerd", "runtimes", runtime.name()), null);
        String table = "plugins.\"" + plugin + "\".containerd.runtimes." + Toml.key(runtime.name());
        // Caisson's own annotations reach the runtime only when they are named here.
        return Toml.withBlock(rest, runtime.name(), "[" + table + "]\n"
                + "  runtime_type = \"io.containerd.runc.v2\"\n"
                + "  pod_annotations = [\"dev.caisson.*\"]\n"
                + "  container_annotations = [\"dev.caisson.*\"]\n"
                + "  [" + table + ".options]\n"
                + "    BinaryName = " + JsonText.quote(runtime.program().toString()) + "\n");
    }

    private static String plugin(String text) {
        Matcher version = VERSION.matcher(text);
        String number = version.find() ? version.group(1) : "1";
        return switch (number) {
            case "2" -> VERSION_2;
            case "3" -> VERSION_3;
            default -> throw new IllegalArgumentException("the file is of version " + number + "; this knows 2 and 3: containerd config migrate "
                    + "writes it anew");
        };
    }

    @Override
    public String without(String text, String name) {
        String rest = text == null ? "" : Toml.withoutBlock(text, name);
        return text != null && rest.strip().equals("version = 2") && !rest.equals(text) ? null : rest;
    }

    @Override
    public List<String> next(String name, boolean isInstalled) {
        return isInstalled
                ? List.of("systemctl restart containerd", "kubectl apply -f - <<END", "apiVersion: node.k8s.io/v1", "kind: RuntimeClass",
                        "metadata: {name: " + name + "}", "handler: " + name, "END")
                : List.of("systemctl restart containerd");
    }

    @Override
    public List<String> warnings(String text) {
        return DISABLED.matcher(text).find()
                ? List.of("disabled_plugins in this file names cri: Kubernetes needs that plugin, ctr does not") : List.of();
    }
}
