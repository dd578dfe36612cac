package dev.caisson.loader;

import static dev.caisson.abi.Layouts.U16;
import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Layouts.U64;

import dev.caisson.abi.Elf;
import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.vfs.FileDescription;
import java.lang.foreign.MemorySegment;

/**
 * What the loader needs of an ELF64 file for x86-64: {@code Elf64_Ehdr} (64 bytes) and its {@code Elf64_Phdr}s (56 bytes each).
 * <pre>
 *  Ehdr off size field          Phdr off size field
 *         0    4 magic                 0    4 p_type
 *        16    2 e_type                4    4 p_flags
 *                                     8    8 p_offset
 *        18    2 e_machine            16    8 p_vaddr
 *        24    8 e_entry              32    8 p_filesz
 *        32    8 e_phoff              40    8 p_memsz
 *        54    2 e_phentsize          48    8 p_align
 *        56    2 e_phnum
 * </pre>
 * Source: include/uapi/linux/elf.h.
 *
 * @param type ET_EXEC or ET_DYN
 * @param entry e_entry
 * @param tableOffset e_phoff
 * @param segments the program headers
 */
record ElfHeader(int type, long entry, long tableOffset, Segment[] segments) {
    static final int BYTES = 64;
    static final int SEGMENT_BYTES = 56;
    private static final long PAGE = 4096;
    private static final int MAGIC = 0x464c457f;
    private static final int MOST_TABLE_BYTES = 65536;

    /**
     * One program header.
     *
     * @param type p_type
     * @param flags p_flags
     * @param offset p_offset
     * @param address p_vaddr
     * @param fileBytes p_filesz
     * @param memoryBytes p_memsz
     * @param align p_align
     */
    record Segment(int type, int flags, long offset, long address, long fileBytes, long memoryBytes, long align) {}

    /** Whether the first bytes of a file are an ELF file's. */
    static boolean isElf(MemorySegment head, long lengthBytes) {
        return lengthBytes >= 4 && head.get(U32, 0) == MAGIC;
    }

    /**
     * Reads and checks the headers, as load_elf_binary of Linux does.
     *
     * @param file the file
     * @param head its first bytes, at least {@link #BYTES}, zeros behind its end
     * @param refusal what a file that does not fit is: ENOEXEC for programs, ELIBBAD for interpreters
     */
    static ElfHeader read(FileDescription file, MemorySegment head, Errno refusal) throws ErrnoException {
        int type = Short.toUnsignedInt(head.get(U16, 16));
        int count = Short.toUnsignedInt(head.get(U16, 56));
        if (head.get(U32, 0) != MAGIC || type != Elf.ET_EXEC && type != Elf.ET_DYN
                || Short.toUnsignedInt(head.get(U16, 18)) != Elf.EM_X86_64 || head.get(U16, 54) != SEGMENT_BYTES || count < 1 || count * SEGMENT_BYTES > MOST_TABLE_BYTES) {
            throw refusal.error("not an ELF64 program for x86-64");
        }
        long tableOffset = head.get(U64, 32);
        if (tableOffset < 0 || tableOffset > Long.MAX_VALUE - MOST_TABLE_BYTES) {
            throw refusal.error();
        }
        MemorySegment table = FileBytes.require(file, tableOffset, (long) count * SEGMENT_BYTES, refusal);
        Segment[] segments = new Segment[count];
        for (int i = 0; i < count; i++) {
            long at = (long) i * SEGMENT_BYTES;
            segments[i] = new Segment(table.get(U32, at), table.get(U32, at + 4), table.get(U64, at + 8), table.get(U64, at + 16),
                    table.get(U64, at + 32), table.get(U64, at + 40), table.get(U64, at + 48));
        }
        return new ElfHeader(type, head.get(U64, 24), tableOffset, segments);
    }

    /** The first header of a type, or null. */
    Segment find(int segmentType) {
        for (Segment segment : segments) {
            if (segment.type == segmentType) {
                return segment;
            }
        }
        return null;
    }

    /** The greatest power of two that any PT_LOAD segment wants to be aligned to, unsigned; at least a page. */
    long alignment() {
        long align = PAGE;
        for (Segment segment : segments) {
            if (segment.type == Elf.PT_LOAD && Long.bitCount(segment.align) == 1 && Long.compareUnsigned(segment.align, align) > 0) {
                align = segment.align;
            }
        }
        return align;
    }

    /** Whether the stack must be executable: no PT_GNU_STACK means so for nobody on x86-64 but 32-bit programs. */
    boolean hasExecutableStack() {
        boolean executable = false;
        for (Segment segment : segments) {
            if (segment.type == Elf.PT_GNU_STACK) {
                executable = (segment.flags & Elf.PF_X) != 0;
            }
        }
        return executable;
    }
}
