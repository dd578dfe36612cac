package dev.caisson.oci.spec;

/**
 * Processor scheduling, sched_setattr(2).
 *
 * @param policy {@code SCHED_*} by number
 * @param nice -20 to 19
 * @param priority 1 to 99 for real-time policies, else 0
 * @param resetOnFork whether children begin with the default
 * @param runtimeNs of SCHED_DEADLINE
 * @param deadlineNs of SCHED_DEADLINE
 * @param periodNs of SCHED_DEADLINE
 */
public record OciScheduler(int policy, int nice, int priority, boolean resetOnFork, long runtimeNs, long deadlineNs, long periodNs) {
    private static final int FIFO = 1;
    private static final int ROUND_ROBIN = 2;
    private static final int DEADLINE = 6;

    static OciScheduler of(SpecNode node) throws OciConfigException {
        if (node == null) {
            return null;
        }
        String name = node.requireText("policy");
        int policy = switch (name) {
            case "SCHED_OTHER" -> 0;
            case "SCHED_FIFO" -> FIFO;
            case "SCHED_RR" -> ROUND_ROBIN;
            case "SCHED_BATCH" -> 3;
            case "SCHED_IDLE" -> 5;
            case "SCHED_DEADLINE" -> DEADLINE;
            default -> throw node.error("policy", "unknown policy " + name);
        };
        boolean isRealTime = policy == FIFO || policy == ROUND_ROBIN;
        Integer nice = node.integer("nice", -20, 19);
        Integer priority = node.integer("priority", isRealTime ? 1 : 0, isRealTime ? 99 : 0);
        if (isRealTime && priority == null) {
            throw node.error("priority", "is required for " + name);
        }
        boolean reset = false;
        for (SpecNode flag : node.list("flags")) {
            switch (flag.text()) {
                case "SCHED_FLAG_RESET_ON_FORK" -> reset = true;
                default -> throw flag.error("is not supported: " + flag.text());
            }
        }
        long runtime = time(node, "runtime");
        long deadline = time(node, "deadline");
        long period = time(node, "period");
        if (policy == DEADLINE && (runtime == 0 || runtime > deadline || period != 0 && deadline > period)) {
            throw node.error("runtime", "of SCHED_DEADLINE is above 0, at most the deadline, and that at most the period");
        }
        if (policy != DEADLINE && (runtime | deadline | period) != 0) {
            throw node.error("runtime", "is for SCHED_DEADLINE only");
        }
        return new OciScheduler(policy, nice == null ? 0 : nice, priority == null ? 0 : priority, reset, runtime, deadline, period);
    }

    private static long time(SpecNode node, String member) throws OciConfigException {
        Long time = node.number(member, 0, Long.MAX_VALUE);
        return time == null ? 0 : time;
    }
}
