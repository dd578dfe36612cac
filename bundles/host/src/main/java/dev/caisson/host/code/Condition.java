package dev.caisson.host.code;

/** Conditions of jumps, with the low four bits of their opcode (SDM volume 2, appendix B). */
public enum Condition {
    BELOW(0x2),
    ABOVE_OR_EQUAL(0x3),
    EQUAL(0x4),
    NOT_EQUAL(0x5),
    BELOW_OR_EQUAL(0x6),
    ABOVE(0x7),
    SIGN(0x8),
    NOT_SIGN(0x9),
    LESS(0xc),
    GREATER_OR_EQUAL(0xd),
    LESS_OR_EQUAL(0xe),
    GREATER(0xf);

    final int code;

    Condition(int code) {
        this.code = code;
    }
}
