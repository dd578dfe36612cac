package dev.caisson.testing.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.grack.nanojson.JsonArray;
import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonWriter;
import dev.caisson.testing.guest.Outcome;
import dev.caisson.testing.guest.Runner;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/** An image of busybox, as the archive that docker load, podman load and ctr images import take. */
final class TestImage {
    /** Its name, of no registry that exists. */
    static final String NAME = "caisson.test/busybox:1";
    private static final Path BUSYBOX = Path.of("/bin/busybox");

    private TestImage() {}

    /**
     * Makes the archive.
     *
     * @param directory an empty directory, for the archive and its parts
     * @return the archive
     */
    static Path archive(Path directory) throws IOException, InterruptedException {
        assumeTrue(Files.isExecutable(BUSYBOX), "no " + BUSYBOX);
        run("""
                cd %s && mkdir -p root/bin root/etc root/tmp root/proc root/dev root/sys root/run root/root parts &&
                cp %s root/bin/busybox && for each in $(root/bin/busybox --list | grep -v '^busybox$'); do ln -s busybox root/bin/$each; done &&
                chmod 1777 root/tmp && printf 'root:x:0:0:root:/root:/bin/sh\\nweb:x:1000:1000:web:/tmp:/bin/sh\\n' > root/etc/passwd &&
                printf 'root:x:0:\\nweb:x:1000:\\n' > root/etc/group && echo 'not a program' > root/bin/text && chmod 644 root/bin/text &&
                tar -C root --owner=0 --group=0 --sort=name --mtime=@0 -cf parts/layer.tar .
                """.formatted(directory, BUSYBOX));
        Path parts = directory.resolve("parts");
        JsonObject settings = new JsonObject();
        settings.put("Env", new JsonArray(List.of("PATH=/bin", "IMAGE=test")));
        settings.put("Cmd", new JsonArray(List.of("sleep", "1000000")));
        JsonObject root = new JsonObject();
        root.put("type", "layers");
        root.put("diff_ids", new JsonArray(List.of("sha256:" + digest(parts.resolve("layer.tar")))));
        JsonObject config = new JsonObject();
        config.put("architecture", "amd64");
        config.put("os", "linux");
        config.put("created", "1970-01-01T00:00:00Z");
        config.put("config", settings);
        config.put("rootfs", root);
        Files.writeString(parts.resolve("config.json"), JsonWriter.string(config));
        String name = digest(parts.resolve("config.json")) + ".json";
        Files.move(parts.resolve("config.json"), parts.resolve(name));
        JsonObject entry = new JsonObject();
        entry.put("Config", name);
        entry.put("RepoTags", new JsonArray(List.of(NAME)));
        entry.put("Layers", new JsonArray(List.of("layer.tar")));
        Files.writeString(parts.resolve("manifest.json"), JsonWriter.string(new JsonArray(List.of(entry))));
        Path archive = directory.resolve("image.tar");
        run("tar -C " + parts + " -cf " + archive + " manifest.json " + name + " layer.tar");
        return archive;
    }

    private static void run(String script) throws IOException, InterruptedException {
        Outcome outcome = Runner.shell(script);
        assertEquals(0, outcome.status(), outcome::toString);
    }

    private static String digest(Path file) throws IOException {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every Java has it
        }
    }
}
