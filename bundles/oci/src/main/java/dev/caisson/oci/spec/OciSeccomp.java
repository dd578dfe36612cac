package dev.caisson.oci.spec;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * A filter of system calls as libseccomp has it, {@code linux.seccomp}.
 *
 * @param defaultAction what happens to calls that no rule is for
 * @param defaultErrno error number of the default action, or its data
 * @param architectures {@code SCMP_ARCH_*}; the machine's own always counts
 * @param rules in order
 */
public record OciSeccomp(Action defaultAction, int defaultErrno, List<String> architectures, List<Rule> rules) {
    private static final int EPERM = 1;
    private static final int MOST_ERRNO = 4095;
    private static final int ARGUMENTS = 6;

    /** The architectures that the specification knows. */
    static final List<String> ARCHITECTURES = List.of("SCMP_ARCH_X86", "SCMP_ARCH_X86_64", "SCMP_ARCH_X32", "SCMP_ARCH_ARM",
            "SCMP_ARCH_AARCH64", "SCMP_ARCH_MIPS", "SCMP_ARCH_MIPS64", "SCMP_ARCH_MIPS64N32", "SCMP_ARCH_MIPSEL", "SCMP_ARCH_MIPSEL64",
            "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PPC", "SCMP_ARCH_PPC64", "SCMP_ARCH_PPC64LE", "SCMP_ARCH_S390", "SCMP_ARCH_S390X",
            "SCMP_ARCH_PARISC", "SCMP_ARCH_PARISC64", "SCMP_ARCH_RISCV64", "SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_M68K", "SCMP_ARCH_SH",
            "SCMP_ARCH_SHEB");
    static final List<String> FLAGS = List.of("SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
            "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV");

    /** What happens to a call; {@code SCMP_ACT_*}. */
    public enum Action {
        /** Ends the thread. */
        KILL_THREAD,
        /** Ends the process. */
        KILL_PROCESS,
        /** Sends SIGSYS. */
        TRAP,
        /** Fails. */
        ERRNO,
        /** Asks a tracer. */
        TRACE,
        /** Is carried out. */
        ALLOW,
        /** Is carried out and logged. */
        LOG;

        String text() {
            return "SCMP_ACT_" + name();
        }
    }

    /** How an argument is compared, unsigned; {@code SCMP_CMP_*}. */
    public enum Operator {
        /** Differs. */
        NE,
        /** Is below. */
        LT,
        /** Is below or equal. */
        LE,
        /** Is equal. */
        EQ,
        /** Is above or equal. */
        GE,
        /** Is above. */
        GT,
        /** Is equal under a mask. */
        MASKED_EQ;

        String text() {
            return "SCMP_CMP_" + name();
        }
    }

    /**
     * A condition on an argument.
     *
     * @param index 0 to 5
     * @param value what is compared with; for MASKED_EQ the mask
     * @param valueTwo for MASKED_EQ what is compared with
     * @param operator how
     */
    public record Condition(int index, long value, long valueTwo, Operator operator) {}

    /**
     * What happens to some calls.
     *
     * @param names system calls; unknown ones count for nothing, as they cannot be made
     * @param action what happens
     * @param errno error number, or data of the action
     * @param conditions all of which have to hold; several on one argument are alternatives, as with runc
     */
    public record Rule(List<String> names, Action action, int errno, List<Condition> conditions) {
        /** Copies what could change. */
        public Rule {
            names = List.copyOf(names);
            conditions = List.copyOf(conditions);
        }
    }

    /** Copies what could change. */
    public OciSeccomp {
        architectures = List.copyOf(architectures);
        rules = List.copyOf(rules);
    }

    static OciSeccomp of(SpecNode node) throws OciConfigException {
        if (node == null) {
            return null;
        }
        if (!node.text("listenerPath", "").isEmpty()) {
            throw node.error("listenerPath", "is not supported: nobody is notified of system calls");
        }
        Action action = action(node, "defaultAction");
        for (SpecNode each : node.list("architectures")) {
            if (!ARCHITECTURES.contains(each.text())) {
                throw each.error("unknown architecture " + each.text());
            }
        }
        for (SpecNode each : node.list("flags")) {
            if (!FLAGS.contains(each.text())) {
                throw each.error("unknown flag " + each.text());
            }
        }
        List<Rule> rules = new ArrayList<>();
        for (SpecNode each : node.list("syscalls")) {
            rules.add(rule(each));
        }
        return new OciSeccomp(action, errno(node, "defaultErrnoRet", action), node.textList("architectures"), rules);
    }

    private static Rule rule(SpecNode node) throws OciConfigException {
        List<String> names = node.textList("names");
        if (names.isEmpty()) {
            throw node.error("names", "needs at least one entry");
        }
        Action action = action(node, "action");
        List<Condition> conditions = new ArrayList<>();
        for (SpecNode each : node.list("args")) {
            long index = each.require("index").number(0, ARGUMENTS - 1);
            conditions.add(new Condition((int) index, each.unsigned("value"), each.get("valueTwo") == null ? 0 : each.unsigned("valueTwo"),
                    operator(each)));
        }
        return new Rule(names, action, errno(node, "errnoRet", action), conditions);
    }

    private static Action action(SpecNode node, String member) throws OciConfigException {
        String name = node.requireText(member);
        if (name.equals("SCMP_ACT_KILL")) {
            return Action.KILL_THREAD;
        }
        if (name.equals("SCMP_ACT_NOTIFY")) {
            throw node.error(member, "SCMP_ACT_NOTIFY is not supported: nobody is notified of system calls");
        }
        for (Action action : Action.values()) {
            if (action.text().equals(name)) {
                return action;
            }
        }
        throw node.error(member, "unknown action " + name);
    }

    private static Operator operator(SpecNode node) throws OciConfigException {
        String name = node.requireText("op");
        for (Operator operator : Operator.values()) {
            if (operator.text().equals(name)) {
                return operator;
            }
        }
        throw node.error("op", "unknown operator " + name);
    }

    private static int errno(SpecNode node, String member, Action action) throws OciConfigException {
        Integer errno = node.integer(member, 0, MOST_ERRNO);
        if (errno == null) {
            return action == Action.ERRNO || action == Action.TRACE ? EPERM : 0;
        }
        if (action != Action.ERRNO && action != Action.TRACE) {
            throw node.error(member, "is for SCMP_ACT_ERRNO and SCMP_ACT_TRACE, not for SCMP_ACT_" + action.name().toUpperCase(Locale.ROOT));
        }
        return errno;
    }
}
