package dev.caisson.control.container;

import dev.caisson.abi.Errno;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Seccomp;
import dev.caisson.control.SandboxException;
import dev.caisson.kernel.syscall.SyscallRow;
import dev.caisson.kernel.syscall.SyscallTable;
import dev.caisson.oci.spec.OciSeccomp;
import dev.caisson.oci.spec.OciSeccomp.Action;
import dev.caisson.oci.spec.OciSeccomp.Condition;
import dev.caisson.oci.spec.OciSeccomp.Rule;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Makes a BPF program of a libseccomp-like profile, with libseccomp's and runc's meaning: a rule without conditions decides before those with
 * conditions, these in their order; calls by other gates end the thread; calls that are newer than every one that the profile knows
 * are ENOSYS, so that programs fall back as on an older kernel.
 */
final class SeccompCompiler {
    private static final int LOAD = 0x20;
    private static final int AND = 0x54;
    private static final int JUMP = 0x05;
    private static final int IF_EQUAL = 0x15;
    private static final int IF_ABOVE = 0x25;
    private static final int IF_AT_LEAST = 0x35;
    private static final int RETURN = 0x06;
    private static final int INSTRUCTION_BYTES = 8;
    private static final int MOST_INSTRUCTIONS = 4096;

    /** Offsets in struct seccomp_data. */
    private static final int NUMBER = 0;
    private static final int ARCHITECTURE = 4;
    private static final int ARGUMENTS = 16;
    /** {@code __X32_SYSCALL_BIT}. */
    private static final int X32 = 0x40000000;

    /** A place to jump to. */
    private static final class Label {
        private int at = -1;
    }

    private record Instruction(int code, int k, Label ifTrue, Label ifFalse) {}

    /** What happens to one system call. */
    private static final class Verdicts {
        private Integer always;
        private final List<Rule> rules = new ArrayList<>();
    }

    private final OciSeccomp profile;
    private final Map<String, Integer> numbers = new HashMap<>();
    private final List<Instruction> program = new ArrayList<>();

    SeccompCompiler(OciSeccomp profile, SyscallTable table) {
        this.profile = profile;
        for (SyscallRow row : table.rows()) {
            numbers.put(row.name(), row.number());
        }
    }

    /**
     * Compiles.
     *
     * @return {@code struct sock_filter}s
     * @throws SandboxException when there are more than a filter may have
     */
    byte[] compile() throws SandboxException {
        Map<Integer, Verdicts> calls = collect();
        emit(LOAD, ARCHITECTURE);
        skipUnless(IF_EQUAL, Seccomp.AUDIT_ARCH_X86_64, Seccomp.SECCOMP_RET_KILL_THREAD);
        emit(LOAD, NUMBER);
        returnIf(IF_AT_LEAST, X32, Seccomp.SECCOMP_RET_KILL_THREAD);
        int otherwise = verdict(profile.defaultAction(), profile.defaultErrno());
        int newest = -1;
        for (Map.Entry<Integer, Verdicts> call : calls.entrySet()) {
            newest = call.getKey();
            Verdicts verdicts = call.getValue();
            if (verdicts.always != null) {
                returnIf(IF_EQUAL, call.getKey(), verdicts.always);
            } else {
                judge(call.getKey(), verdicts.rules, otherwise);
            }
        }
        boolean isRefusal = profile.defaultAction() != Action.ALLOW && profile.defaultAction() != Action.LOG
                && profile.defaultAction() != Action.TRACE;
        if (newest >= 0 && isRefusal) {
            returnIf(IF_ABOVE, newest, Seccomp.SECCOMP_RET_ERRNO | Errno.ENOSYS.number());
        }
        emit(RETURN, otherwise);
        if (program.size() > MOST_INSTRUCTIONS) {
            throw new SandboxException("linux.seccomp: the profile takes " + program.size() + " instructions, more than " + MOST_INSTRUCTIONS, null);
        }
        return encode();
    }

    /** Rules by number of the call; what the default would do as well is no rule, as with runc. */
    private Map<Integer, Verdicts> collect() {
        Map<Integer, Verdicts> calls = new TreeMap<>();
        for (Rule rule : profile.rules()) {
            for (String name : rule.names()) {
                Integer number = numbers.get(name);
                if (number == null) {
                    continue; // this kernel does not have it; nobody can make it
                }
                Verdicts verdicts = calls.computeIfAbsent(number, key -> new Verdicts());
                if (rule.conditions().isEmpty()) {
                    if (verdicts.always == null) {
                        verdicts.always = verdict(rule.action(), rule.errno());
                    }
                } else {
                    verdicts.rules.add(rule);
                }
            }
        }
        return calls;
    }

    private static int verdict(Action action, int data) {
        return switch (action) {
            case KILL_THREAD -> Seccomp.SECCOMP_RET_KILL_THREAD;
            case KILL_PROCESS -> Seccomp.SECCOMP_RET_KILL_PROCESS;
            case TRAP -> Seccomp.SECCOMP_RET_TRAP;
            case ERRNO -> Seccomp.SECCOMP_RET_ERRNO | data;
            case TRACE -> Seccomp.SECCOMP_RET_TRACE | data;
            case ALLOW -> Seccomp.SECCOMP_RET_ALLOW;
            case LOG -> Seccomp.SECCOMP_RET_LOG;
        };
    }

    /** One call whose arguments decide. The way past it may be longer than a conditional jump. */
    private void judge(int number, List<Rule> rules, int otherwise) {
        Label body = new Label();
        Label past = new Label();
        emit(IF_EQUAL, number, body, null);
        program.add(new Instruction(JUMP, 0, past, null));
        place(body);
        for (Rule rule : rules) {
            int verdict = verdict(rule.action(), rule.errno());
            long arguments = rule.conditions().stream().mapToInt(Condition::index).distinct().count();
            if (arguments == rule.conditions().size()) {
                allHold(rule.conditions(), verdict);
            } else {
                // runc: several conditions on one argument are alternatives, each a rule of its own
                rule.conditions().forEach(condition -> allHold(List.of(condition), verdict));
            }
        }
        emit(RETURN, otherwise);
        place(past);
    }

    private void allHold(List<Condition> conditions, int verdict) {
        Label fails = new Label();
        for (Condition condition : conditions) {
            Label holds = new Label();
            compare(condition, holds, fails);
            place(holds);
        }
        emit(RETURN, verdict);
        place(fails);
    }

    /** Compares 64 bits as two words, the high one first. */
    private void compare(Condition condition, Label holds, Label fails) {
        int low = ARGUMENTS + 8 * condition.index();
        int highValue = (int) (condition.value() >>> 32);
        int lowValue = (int) condition.value();
        Label equalSoFar = new Label();
        emit(LOAD, low + 4);
        switch (condition.operator()) {
            case EQ, NE -> {
                boolean isEqual = condition.operator() == OciSeccomp.Operator.EQ;
                emit(IF_EQUAL, highValue, equalSoFar, isEqual ? fails : holds);
                place(equalSoFar);
                emit(LOAD, low);
                emit(IF_EQUAL, lowValue, isEqual ? holds : fails, isEqual ? fails : holds);
            }
            case MASKED_EQ -> {
                emit(AND, highValue);
                emit(IF_EQUAL, (int) (condition.valueTwo() >>> 32), equalSoFar, fails);
                place(equalSoFar);
                emit(LOAD, low);
                emit(AND, lowValue);
                emit(IF_EQUAL, (int) condition.valueTwo(), holds, fails);
            }
            default -> {
                boolean isUpward = condition.operator() == OciSeccomp.Operator.GT || condition.operator() == OciSeccomp.Operator.GE;
                boolean countsEqual = condition.operator() == OciSeccomp.Operator.GE || condition.operator() == OciSeccomp.Operator.LT;
                Label above = isUpward ? holds : fails;
                Label below = isUpward ? fails : holds;
                Label notAbove = new Label();
                emit(IF_ABOVE, highValue, above, notAbove);
                place(notAbove);
                emit(IF_EQUAL, highValue, equalSoFar, below);
                place(equalSoFar);
                emit(LOAD, low);
                emit(countsEqual ? IF_AT_LEAST : IF_ABOVE, lowValue, above, below);
            }
        }
    }

    private void emit(int code, int k) {
        emit(code, k, null, null);
    }

    /** A null is the next instruction. */
    private void emit(int code, int k, Label ifTrue, Label ifFalse) {
        program.add(new Instruction(code, k, ifTrue, ifFalse));
    }

    private void place(Label label) {
        label.at = program.size();
    }

    private void returnIf(int test, int value, int verdict) {
        Label past = new Label();
        emit(test, value, null, past);
        emit(RETURN, verdict);
        place(past);
    }

    private void skipUnless(int test, int value, int verdict) {
        Label past = new Label();
        emit(test, value, past, null);
        emit(RETURN, verdict);
        place(past);
    }

    private byte[] encode() {
        byte[] bytes = new byte[program.size() * INSTRUCTION_BYTES];
        MemorySegment to = MemorySegment.ofArray(bytes);
        for (int i = 0; i < program.size(); i++) {
            Instruction one = program.get(i);
            long at = (long) i * INSTRUCTION_BYTES;
            boolean isJump = one.code == JUMP;
            to.set(Layouts.U16, at, (short) one.code);
            to.set(Layouts.U8, at + 2, (byte) (isJump ? 0 : distance(one.ifTrue, i)));
            to.set(Layouts.U8, at + 3, (byte) (isJump ? 0 : distance(one.ifFalse, i)));
            to.set(Layouts.U32, at + 4, isJump ? distance(one.ifTrue, i) : one.k);
        }
        return bytes;
    }

    private static int distance(Label label, int from) {
        return label == null ? 0 : label.at - from - 1;
    }
}
