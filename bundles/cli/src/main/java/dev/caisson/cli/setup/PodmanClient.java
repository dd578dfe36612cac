package dev.caisson.cli.setup;

import java.nio.file.Path;
import java.util.List;

/**
 * podman: {@code [engine.runtimes]} of containers.conf(5), in a file of its own that podman reads beside the others. A runtime's arguments
 * are podman's own option {@code --runtime-flag}.
 */
final class PodmanClient implements Client {
    @Override
    public String word() {
        return "podman";
    }

    @Override
    public String title() {
        return "podman";
    }

    @Override
    public Path file(Path home) {
        return (home == null ? Path.of("/etc") : home.resolve(".config")).resolve("containers/containers.conf.d/caisson.conf");
    }

    @Override
    public String with(String text, Runtime runtime) {
        if (!runtime.arguments().isEmpty()) {
            throw new IllegalArgumentException("podman gives a runtime's arguments on its own line: podman --runtime-flag NAME=VALUE run ...");
        }
        String rest = text == null ? "" : Toml.withoutBlock(text, runtime.name());
        Toml.refuse(rest, List.of("engine", "runtimes"), runtime.name());
        return Toml.withBlock(rest, runtime.name(), "[engine.runtimes]\n" + runtime.name() + " = [" + JsonText.quote(runtime.program().toString())
                + "]\n");
    }

    @Override
    public String without(String text, String name) {
        String rest = text == null ? "" : Toml.withoutBlock(text, name);
        return text != null && rest.isBlank() ? null : rest;
    }

    @Override
    public List<String> next(String name, boolean isInstalled) {
        return isInstalled ? List.of("podman --runtime=" + name + " run --rm hello-world") : List.of();
    }
}
