package dev.caisson.oci.spec;

import static dev.caisson.oci.spec.OciDefaults.object;

import com.grack.nanojson.JsonArray;
import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonWriter;
import java.util.Arrays;
import java.util.List;

/** Says what a configuration may hold: runtime-spec, features.md. */
public final class OciFeatures {
    private OciFeatures() {}

    /**
     * The features.
     *
     * @param version of the product
     * @return JSON, indented, with a line end
     */
    public static String json(String version) {
        JsonObject top = new JsonObject();
        top.put("ociVersionMin", OciConfig.OLDEST_VERSION);
        top.put("ociVersionMax", OciConfig.VERSION);
        top.put("hooks", new JsonArray(OciHooks.KINDS));
        top.put("mountOptions", new JsonArray(MountOptions.names()));
        top.put("linux", linux());
        top.put("annotations", object("dev.caisson.version", version));
        top.put("potentiallyUnsafeConfigAnnotations", new JsonArray(List.of("dev.caisson.")));
        return JsonWriter.indent("\t").string().value(top).done() + "\n";
    }

    private static JsonObject linux() {
        List<String> actions = Arrays.stream(OciSeccomp.Action.values()).map(OciSeccomp.Action::text).sorted().toList();
        List<String> operators = Arrays.stream(OciSeccomp.Operator.values()).map(OciSeccomp.Operator::text).sorted().toList();
        List<String> namespaces = Arrays.stream(OciNamespace.Type.values()).map(OciNamespace.Type::text).sorted().toList();
        JsonObject seccomp = object("enabled", true, "actions", new JsonArray(actions), "operators", new JsonArray(operators),
                "archs", new JsonArray(List.of("SCMP_ARCH_X86_64")), "knownFlags", new JsonArray(OciSeccomp.FLAGS),
                "supportedFlags", new JsonArray(OciSeccomp.FLAGS));
        return object("namespaces", new JsonArray(namespaces), "capabilities", new JsonArray(OciCapabilities.NAMES),
                "cgroup", object("v1", true, "v2", true, "systemd", false, "systemdUser", false, "rdma", false),
                "seccomp", seccomp, "apparmor", object("enabled", false), "selinux", object("enabled", false),
                "intelRdt", object("enabled", false), "mountExtensions", object("idmap", object("enabled", false)));
    }
}
