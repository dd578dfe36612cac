package dev.caisson.host.code;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Programs of assembled code alone, which execve(2) starts: an ELF64 header and one PT_LOAD of the whole image, readable and executable (elf(5)). */
public final class StaticElf {
    /** Bytes of the headers, behind which the program begins. */
    public static final int HEADER_BYTES = 64 + 56;
    /** Where the image is mapped. */
    public static final int LOAD_ADDRESS = 0x40_0000;

    private static final short ET_EXEC = 2, EM_X86_64 = 62;
    private static final int PT_LOAD = 1, PF_R_PF_X = 5;
    private static final int PAGE = 4096;

    private StaticElf() {}

    /**
     * Fills in the headers.
     *
     * @param image {@link #HEADER_BYTES} that are zero, and the code, at whose first byte the program begins
     */
    public static void complete(byte[] image) {
        ByteBuffer elf = ByteBuffer.wrap(image).order(ByteOrder.LITTLE_ENDIAN);
        elf.put(0, new byte[] {0x7f, 'E', 'L', 'F', 2, 1, 1, 0}); // 64 bits, little-endian, version 1, System V
        elf.putShort(16, ET_EXEC).putShort(18, EM_X86_64).putInt(20, 1);
        elf.putLong(24, LOAD_ADDRESS + HEADER_BYTES); // entry
        elf.putLong(32, 64); // program headers: where, and below the sizes of both kinds of header and the count
        elf.putShort(52, (short) 64).putShort(54, (short) 56).putShort(56, (short) 1);
        elf.putInt(64, PT_LOAD).putInt(68, PF_R_PF_X);
        elf.putLong(72, 0).putLong(80, LOAD_ADDRESS).putLong(88, LOAD_ADDRESS);
        elf.putLong(96, image.length).putLong(104, image.length).putLong(112, PAGE);
    }
}
