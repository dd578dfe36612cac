package dev.caisson.oci.runtime;

import java.util.List;
import java.util.Map;

/**
 * What the annotations of containerd and CRI-O say of a container's place in a pod of Kubernetes: the sandbox is the pod's first container,
 * others join it.
 *
 * @param kind what it is
 * @param sandbox name of the pod's first container, for a member
 * @param annotation the annotation that names it, for messages
 */
public record PodMembership(Kind kind, String sandbox, String annotation) {
    /** What a container is to a pod. */
    public enum Kind {
        /** There is no pod. */
        SINGLE,
        /** It makes the pod. */
        SANDBOX,
        /** It joins a pod. */
        MEMBER
    }

    /** The names of an engine. */
    private record Names(String type, String sandbox) {}

    private static final List<Names> ENGINES = List.of(
            new Names("io.kubernetes.cri.container-type", "io.kubernetes.cri.sandbox-id"),
            new Names("io.kubernetes.cri-o.ContainerType", "io.kubernetes.cri-o.SandboxID"));
    private static final PodMembership NONE = new PodMembership(Kind.SINGLE, "", "");

    /**
     * Reads annotations.
     *
     * @param annotations by name
     * @return what they say; that there is no pod, when they say nothing
     * @throws IllegalArgumentException when they contradict themselves; the message begins with the annotation
     */
    public static PodMembership of(Map<String, String> annotations) {
        for (Names names : ENGINES) {
            String type = annotations.get(names.type);
            if (type == null) {
                continue;
            }
            switch (type) {
                case "sandbox" -> {
                    return new PodMembership(Kind.SANDBOX, "", names.type);
                }
                case "container" -> {
                    String sandbox = annotations.get(names.sandbox);
                    if (sandbox == null || sandbox.isEmpty()) {
                        throw new IllegalArgumentException("annotations[\"" + names.sandbox + "\"]: is required for a " + names.type
                                + " of container");
                    }
                    return new PodMembership(Kind.MEMBER, sandbox, names.sandbox);
                }
                default -> throw new IllegalArgumentException("annotations[\"" + names.type + "\"]: is sandbox or container, not " + type);
            }
        }
        return NONE;
    }

    /** {@return whether it makes a pod} */
    public boolean isSandbox() {
        return kind == Kind.SANDBOX;
    }

    /** {@return whether its kernel may have other containers, too} */
    public boolean isInPod() {
        return kind != Kind.SINGLE;
    }

    /** {@return whether it joins a pod} */
    public boolean isMember() {
        return kind == Kind.MEMBER;
    }
}
