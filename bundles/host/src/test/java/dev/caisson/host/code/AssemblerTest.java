package dev.caisson.host.code;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.HexFormat;
import org.junit.jupiter.api.Test;

/** The bytes are those of the GNU assembler. */
class AssemblerTest {
    @Test
    void immediatesTakeTheShortestForm() {
        assertEquals("b801000000", hex(new Assembler().mov(Register.RAX, 1)));
        assertEquals("41b8ffffffff", hex(new Assembler().mov(Register.R8, 0xffff_ffffL)));
        assertEquals("48c7c0ffffffff", hex(new Assembler().mov(Register.RAX, -1)));
        assertEquals("49bf8877665544332211",
            hex(new Assembler().mov(Register.R15, 0x1122334455667788L)));
    }

    @Test
    void registersAboveTheEighthAreEncoded() {
        assertEquals("4989c7", hex(new Assembler().mov(Register.R15, Register.RAX)));
        assertEquals("4c89f8", hex(new Assembler().mov(Register.RAX, Register.R15)));
        assertEquals("4d85f6", hex(new Assembler().test(Register.R14, Register.R14)));
        assertEquals("4c39e3", hex(new Assembler().cmp(Register.RBX, Register.R12)));
    }

    @Test
    void memoryOperandsKnowTheStackPointer() {
        assertEquals("4c8b942408000000", hex(new Assembler().load(Register.R10, Register.RSP, 8)));
        assertEquals("498b842410000000", hex(new Assembler().load(Register.RAX, Register.R12, 16)));
        assertEquals("48899d18000000", hex(new Assembler().store(Register.RBP, 24, Register.RBX)));
    }

    @Test
    void jumpsReachLabelsBeforeAndAfter() {
        Assembler code = new Assembler();
        Label start = code.here();
        Label end = new Label();
        code.jump(Condition.EQUAL, end).jump(start).bind(end).ret();
        assertEquals("0f8405000000" + "e9f5ffffff" + "c3", hex(code));
    }

    @Test
    void labelsAreBoundOnce() {
        Assembler code = new Assembler();
        Label label = code.here();
        assertThrows(IllegalStateException.class, () -> code.bind(label));
        Assembler open = new Assembler().jump(new Label());
        assertThrows(IllegalStateException.class, open::toBytes);
    }

    private static String hex(Assembler code) {
        return HexFormat.of().formatHex(code.toBytes());
    }
}
