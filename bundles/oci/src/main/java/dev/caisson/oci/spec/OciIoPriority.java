package dev.caisson.oci.spec;

/**
 * I/O scheduling, ioprio_set(2).
 *
 * @param ioprio class and level as ioprio_set(2) takes them
 */
public record OciIoPriority(int ioprio) {
    private static final int CLASS_SHIFT = 13;

    static OciIoPriority of(SpecNode node) throws OciConfigException {
        if (node == null) {
            return null;
        }
        String name = node.requireText("class");
        int number = switch (name) {
            case "IOPRIO_CLASS_RT" -> 1;
            case "IOPRIO_CLASS_BE" -> 2;
            case "IOPRIO_CLASS_IDLE" -> 3;
            default -> throw node.error("class", "unknown class " + name);
        };
        Integer level = node.integer("priority", 0, 7);
        return new OciIoPriority(number << CLASS_SHIFT | (level == null ? 0 : level));
    }
}
