package dev.caisson.control.container;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Seccomp;
import dev.caisson.control.SandboxException;
import dev.caisson.kernel.seccomp.SeccompFilters;
import dev.caisson.kernel.syscall.SyscallTable;
import dev.caisson.oci.spec.OciSeccomp;
import dev.caisson.oci.spec.OciSeccomp.Action;
import dev.caisson.oci.spec.OciSeccomp.Condition;
import dev.caisson.oci.spec.OciSeccomp.Operator;
import dev.caisson.oci.spec.OciSeccomp.Rule;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Profiles as programs, judged by an interpreter of the few instructions that they consist of. */
final class SeccompCompilerTest {
    private static final int ALLOW = Seccomp.SECCOMP_RET_ALLOW;
    private static final int KILL = Seccomp.SECCOMP_RET_KILL_THREAD;
    private static final SyscallTable TABLE = table();

    private static SyscallTable table() {
        SyscallTable.Builder rows = SyscallTable.named("test");
        for (int number = 0; number < 20; number++) {
            rows.full(number, "call" + number, (task, args) -> 0);
        }
        return rows.build();
    }

    private static int errno(int number) {
        return Seccomp.SECCOMP_RET_ERRNO | number;
    }

    private static OciSeccomp profile(Action action, Rule... rules) {
        return new OciSeccomp(action, action == Action.ERRNO ? 1 : 0, List.of(), List.of(rules));
    }

    private static Rule rule(Action action, int errno, List<String> names, Condition... conditions) {
        return new Rule(names, action, errno, List.of(conditions));
    }

    private static byte[] compiled(OciSeccomp profile) throws SandboxException, ErrnoException {
        byte[] program = new SeccompCompiler(profile, TABLE).compile();
        SeccompFilters.of(program); // takes only what Linux would take
        return program;
    }

    private static int judge(byte[] program, int number, long... arguments) {
        return judgeAs(Seccomp.AUDIT_ARCH_X86_64, program, number, arguments);
    }

    private static int judgeAs(int architecture, byte[] program, int number, long... arguments) {
        ByteBuffer data = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN).putInt(number).putInt(architecture).putLong(0);
        for (long argument : arguments) {
            data.putLong(argument);
        }
        ByteBuffer code = ByteBuffer.wrap(program).order(ByteOrder.LITTLE_ENDIAN);
        int word = 0;
        for (int at = 0;; at++) {
            int k = code.getInt(at * 8 + 4);
            int ifTrue = Byte.toUnsignedInt(code.get(at * 8 + 2));
            int ifFalse = Byte.toUnsignedInt(code.get(at * 8 + 3));
            switch (code.getShort(at * 8)) {
                case 0x20 -> word = data.getInt(k);
                case 0x54 -> word &= k;
                case 0x05 -> at += k;
                case 0x15 -> at += word == k ? ifTrue : ifFalse;
                case 0x25 -> at += Integer.compareUnsigned(word, k) > 0 ? ifTrue : ifFalse;
                case 0x35 -> at += Integer.compareUnsigned(word, k) >= 0 ? ifTrue : ifFalse;
                case 0x06 -> {
                    return k;
                }
                default -> throw new AssertionError("instruction " + code.getShort(at * 8));
            }
        }
    }

    @Test
    void rulesAreByNameAndTheRestIsTheDefault() throws Exception {
        byte[] program = compiled(profile(Action.ERRNO, rule(Action.ALLOW, 0, List.of("call0", "call7", "no_such_call")),
                rule(Action.TRAP, 0, List.of("call9")), rule(Action.ERRNO, 38, List.of("call3")), rule(Action.KILL_PROCESS, 0, List.of("call4"))));
        assertEquals(ALLOW, judge(program, 0));
        assertEquals(ALLOW, judge(program, 7));
        assertEquals(Seccomp.SECCOMP_RET_TRAP, judge(program, 9));
        assertEquals(errno(38), judge(program, 3));
        assertEquals(Seccomp.SECCOMP_RET_KILL_PROCESS, judge(program, 4));
        assertEquals(errno(1), judge(program, 1));
    }

    @Test
    void callsThatTheProfileCouldNotKnowAreMissing() throws Exception {
        byte[] program = compiled(profile(Action.ERRNO, rule(Action.ALLOW, 0, List.of("call7"))));
        assertEquals(errno(1), judge(program, 6));
        assertEquals(errno(38), judge(program, 8));
        assertEquals(errno(38), judge(program, 400));
        assertEquals(ALLOW, judge(compiled(profile(Action.ALLOW, rule(Action.ERRNO, 1, List.of("call7")))), 400));
        assertEquals(errno(1), judge(compiled(profile(Action.ERRNO)), 400));
    }

    @Test
    void otherGatesEndTheThread() throws Exception {
        byte[] program = compiled(profile(Action.ALLOW));
        assertEquals(KILL, judgeAs(0x40000003, program, 1)); // AUDIT_ARCH_I386
        assertEquals(KILL, judge(program, 0x40000001)); // x32
        assertEquals(ALLOW, judge(program, 1));
    }

    @Test
    void aRuleWithoutConditionsDecidesAlone() throws Exception {
        Condition never = new Condition(0, 5, 0, Operator.EQ);
        byte[] program = compiled(profile(Action.ERRNO, rule(Action.ALLOW, 0, List.of("call1"), never), rule(Action.LOG, 0, List.of("call1"))));
        assertEquals(Seccomp.SECCOMP_RET_LOG, judge(program, 1, 5));
        assertEquals(Seccomp.SECCOMP_RET_LOG, judge(program, 1, 6));
    }

    @Test
    void conditionsOnOneArgumentAreAlternatives() throws Exception {
        byte[] program = compiled(profile(Action.ERRNO, rule(Action.ALLOW, 0, List.of("call1"), new Condition(0, 5, 0, Operator.EQ),
                new Condition(0, 7, 0, Operator.EQ))));
        assertEquals(ALLOW, judge(program, 1, 5));
        assertEquals(ALLOW, judge(program, 1, 7));
        assertEquals(errno(1), judge(program, 1, 6));
    }

    /** The profile that Docker has for clone(2): no new namespaces. */
    @Test
    void masksLookAtSomeBits() throws Exception {
        byte[] program = compiled(profile(Action.ERRNO, rule(Action.ALLOW, 0, List.of("call5"),
                new Condition(0, 2114060288, 0, Operator.MASKED_EQ))));
        assertEquals(ALLOW, judge(program, 5, 0x1200011));
        assertEquals(errno(1), judge(program, 5, 0x10000000));
        assertEquals(ALLOW, judge(program, 5, 0x100000000L));
    }

    private static boolean holds(Condition condition, long argument) {
        int order = Long.compareUnsigned(argument, condition.value());
        return switch (condition.operator()) {
            case NE -> order != 0;
            case LT -> order < 0;
            case LE -> order <= 0;
            case EQ -> order == 0;
            case GE -> order >= 0;
            case GT -> order > 0;
            case MASKED_EQ -> (argument & condition.value()) == condition.valueTwo();
        };
    }

    @Test
    void everyOperatorComparesSixtyFourBits() throws Exception {
        Random random = new Random(7);
        long[] corners = {0, 1, 0xffffffffL, 0x100000000L, 0x1_00000001L, Long.MIN_VALUE, -1, 0x7fffffffL, 0x80000000L, 0x5_80000000L};
        for (int round = 0; round < 300; round++) {
            List<Rule> rules = new ArrayList<>();
            for (int i = 0; i < 1 + random.nextInt(12); i++) {
                List<Condition> conditions = new ArrayList<>();
                int first = random.nextInt(6);
                for (int j = 0; j < 1 + random.nextInt(6); j++) {
                    conditions.add(new Condition((first + j) % 6, corners[random.nextInt(corners.length)], corners[random.nextInt(corners.length)],
                            Operator.values()[random.nextInt(Operator.values().length)]));
                }
                rules.add(new Rule(List.of("call2", "call3"), Action.ERRNO, 10 + i, conditions));
            }
            byte[] program = compiled(profile(Action.ALLOW, rules.toArray(Rule[]::new)));
            for (int probe = 0; probe < 50; probe++) {
                long[] arguments = new long[6];
                for (int i = 0; i < arguments.length; i++) {
                    arguments[i] = corners[random.nextInt(corners.length)] + random.nextInt(3) - 1;
                }
                int expected = ALLOW;
                for (Rule each : rules.reversed()) {
                    expected = each.conditions().stream().allMatch(condition -> holds(condition, arguments[condition.index()]))
                            ? errno(each.errno()) : expected;
                }
                assertEquals(expected, judge(program, 2 + probe % 2, arguments));
                assertEquals(ALLOW, judge(program, 4, arguments));
            }
        }
    }

    @Test
    void aProfileHasTheSizeOfAFilterAtMost() {
        Rule[] rules = new Rule[1200];
        for (int i = 0; i < rules.length; i++) {
            rules[i] = rule(Action.LOG, 0, List.of("call2"), new Condition(0, i, 0, Operator.EQ));
        }
        assertThrows(SandboxException.class, () -> compiled(profile(Action.ALLOW, rules)));
    }
}
