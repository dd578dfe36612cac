package dev.caisson.loader;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Lays the vDSO out as an ELF shared object of one page, its addresses being file offsets: headers, hash table, dynamic symbols with
 * version LINUX_2.6, unwind table, code, and section headers for debuggers. Formats: the System V gABI chapters 4 and 5, the Linux
 * Standard Base for symbol versions and .eh_frame_hdr.
 */
final class VdsoElf {
    /** Size of the image. */
    static final int BYTES = 4096;

    private static final String NAME = "linux-vdso.so.1";
    private static final String VERSION = "LINUX_2.6";
    private static final int VERSION_HASH = 0x3ae75f6;
    private static final int HEADER_BYTES = 64;
    private static final int SEGMENTS = 4;
    private static final int SEGMENT_BYTES = 56;
    private static final int SYMBOL_BYTES = 24;
    private static final int SECTION_BYTES = 64;
    private static final int TEXT = 0x700;

    private final ByteBuffer image = ByteBuffer.allocate(BYTES).order(ByteOrder.LITTLE_ENDIAN);
    private final List<int[]> sections = new ArrayList<>();
    private final StringBuilder sectionNames = new StringBuilder("\0");
    private final VdsoCode code;
    private final byte[] text;

    /**
     * Builds the image.
     *
     * @param parametersOffset where the parameters lie relative to the image
     */
    VdsoElf(int parametersOffset) {
        code = new VdsoCode(parametersOffset - TEXT);
        text = code.bytes();
        build();
    }

    byte[] bytes() {
        return image.array();
    }

    private static int align(int value, int to) {
        return value + to - 1 & -to;
    }

    private void build() {
        Map<String, Integer> symbols = new LinkedHashMap<>();
        code.starts().forEach((name, start) -> {
            symbols.put("__vdso_" + name, start);
            symbols.put(name, start);
        });
        StringBuilder strings = new StringBuilder("\0");
        Map<String, Integer> stringAt = new LinkedHashMap<>();
        List<String> wanted = new ArrayList<>(symbols.keySet());
        wanted.add(NAME);
        wanted.add(VERSION);
        for (String name : wanted) {
            stringAt.put(name, strings.length());
            strings.append(name).append('\0');
        }

        int count = symbols.size() + 1;
        int hash = HEADER_BYTES + SEGMENTS * SEGMENT_BYTES;
        int dynsym = align(hash + 4 * (2 + 1 + count), 8);
        int dynstr = dynsym + count * SYMBOL_BYTES;
        int versym = align(dynstr + strings.length(), 2);
        int verdef = align(versym + 2 * count, 8);
        int dynamic = align(verdef + 2 * (20 + 8), 8);
        int frameHeader = align(dynamic + 10 * 16, 8);
        int frame = frameHeader + 20;
        int frameEnd = frame + 24 + 24 + 4;
        if (frameEnd > TEXT) {
            throw new IllegalStateException("the vDSO's headers are too long: " + frameEnd);
        }

        hashTable(hash, count);
        symbolTable(dynsym, symbols, stringAt);
        bytes(dynstr, strings.toString());
        versions(versym, verdef, count, stringAt);
        dynamic(dynamic, hash, dynstr, dynsym, strings.length(), verdef, versym, stringAt);
        unwindTable(frameHeader, frame);
        image.put(TEXT, text);

        section(".hash", 5, 2, hash, dynsym - hash, 2, 0, 8, 4);
        section(".dynsym", 11, 2, dynsym, dynstr - dynsym, 3, 1, 8, SYMBOL_BYTES);
        section(".dynstr", 3, 2, dynstr, strings.length(), 0, 0, 1, 0);
        section(".gnu.version", 0x6fffffff, 2, versym, 2 * count, 2, 0, 2, 2);
        section(".gnu.version_d", 0x6ffffffd, 2, verdef, 56, 3, 2, 8, 0);
        section(".dynamic", 6, 2, dynamic, frameHeader - dynamic, 3, 0, 8, 16);
        section(".eh_frame_hdr", 1, 2, frameHeader, 20, 0, 0, 4, 0);
        section(".eh_frame", 1, 2, frame, frameEnd - frame, 0, 0, 4, 0);
        section(".text", 1, 6, TEXT, text.length, 0, 0, 16, 0);
        int sectionTable = sectionTable(TEXT + text.length);
        headers(sectionTable, dynamic, frameHeader - dynamic, frameHeader, 20);
    }

    private void bytes(int at, String latin) {
        image.put(at, latin.getBytes(StandardCharsets.ISO_8859_1));
    }

    /** DT_HASH with one bucket: a chain through all symbols. */
    private void hashTable(int at, int count) {
        image.putInt(at, 1);
        image.putInt(at + 4, count);
        image.putInt(at + 8, 1);
        for (int i = 1; i < count; i++) {
            image.putInt(at + 12 + 4 * i, i + 1 < count ? i + 1 : 0);
        }
    }

    private void symbolTable(int at, Map<String, Integer> symbols, Map<String, Integer> stringAt) {
        List<Integer> starts = code.starts().values().stream().sorted().toList();
        int entry = at + SYMBOL_BYTES;
        for (Map.Entry<String, Integer> symbol : symbols.entrySet()) {
            int start = symbol.getValue();
            int end = starts.stream().filter(s -> s > start).findFirst().orElse(text.length);
            boolean weak = !symbol.getKey().startsWith("__vdso_");
            image.putInt(entry, stringAt.get(symbol.getKey()));
            image.put(entry + 4, (byte) ((weak ? 2 : 1) << 4 | 2)); // STB_WEAK or STB_GLOBAL, STT_FUNC
            image.putShort(entry + 6, (short) 9); // section .text
            image.putLong(entry + 8, TEXT + start);
            image.putLong(entry + 16, end - start);
            entry += SYMBOL_BYTES;
        }
    }

    private void versions(int versym, int verdef, int count, Map<String, Integer> stringAt) {
        for (int i = 1; i < count; i++) {
            image.putShort(versym + 2 * i, (short) 2);
        }
        definition(verdef, 1, 1, elfHash(NAME), stringAt.get(NAME), 28);
        definition(verdef + 28, 0, 2, VERSION_HASH, stringAt.get(VERSION), 0);
    }

    /** Elf64_Verdef and its Elf64_Verdaux. */
    private void definition(int at, int flags, int index, int hash, int name, int next) {
        image.putShort(at, (short) 1);
        image.putShort(at + 2, (short) flags);
        image.putShort(at + 4, (short) index);
        image.putShort(at + 6, (short) 1);
        image.putInt(at + 8, hash);
        image.putInt(at + 12, 20);
        image.putInt(at + 16, next);
        image.putInt(at + 20, name);
    }

    /** The hash function of DT_HASH. */
    static int elfHash(String name) {
        int hash = 0;
        for (int i = 0; i < name.length(); i++) {
            hash = (hash << 4) + name.charAt(i);
            int top = hash & 0xf000_0000;
            hash ^= top >>> 24;
            hash &= ~top;
        }
        return hash;
    }

    private void dynamic(int at, int hash, int dynstr, int dynsym, int stringBytes, int verdef, int versym,
            Map<String, Integer> stringAt) {
        long[] pairs = {14, stringAt.get(NAME), // DT_SONAME
            4, hash, 5, dynstr, 6, dynsym, 10, stringBytes, 11, SYMBOL_BYTES, // HASH, STRTAB, SYMTAB, STRSZ, SYMENT
            0x6ffffffcL, verdef, 0x6ffffffdL, 2, 0x6ffffff0L, versym, // VERDEF, VERDEFNUM, VERSYM
            0, 0};
        for (int i = 0; i < pairs.length; i++) {
            image.putLong(at + 8 * i, pairs[i]);
        }
    }

    /** One rule for all code: the return address is at the stack pointer. */
    private void unwindTable(int header, int frame) {
        int fde = frame + 24;
        image.put(header, new byte[] {1, 0x1b, 0x03, 0x3b}); // version; pcrel sdata4; udata4; datarel sdata4
        image.putInt(header + 4, frame - (header + 4));
        image.putInt(header + 8, 1);
        image.putInt(header + 12, TEXT - header);
        image.putInt(header + 16, fde - header);

        image.putInt(frame, 20); // CIE
        image.put(frame + 8, new byte[] {1, 'z', 'R', 0, 1, 0x78, 16, 1, 0x1b, // version, augmentation, alignments 1 and -8, rip, pcrel
            0x0c, 7, 8, (byte) 0x90, 1}); // CFA is rsp + 8; rip is at CFA - 8
        image.putInt(fde, 20);
        image.putInt(fde + 4, fde + 4 - frame);
        image.putInt(fde + 8, TEXT - (fde + 8));
        image.putInt(fde + 12, text.length);
        // No augmentation data, padding DW_CFA_nop; then the four zero bytes that end .eh_frame.
    }

    private void section(String name, int type, int flags, int at, int length, int link, int info, int alignment, int entryBytes) {
        sections.add(new int[] {sectionNames.length(), type, flags, at, length, link, info, alignment, entryBytes});
        sectionNames.append(name).append('\0');
    }

    private int sectionTable(int from) {
        section(".shstrtab", 3, 0, from, 0, 0, 0, 1, 0);
        bytes(from, sectionNames.toString());
        sections.getLast()[4] = sectionNames.length();
        int table = align(from + sectionNames.length(), 8);
        if (table + (sections.size() + 1) * SECTION_BYTES > BYTES) {
            throw new IllegalStateException("the vDSO is longer than a page");
        }
        int at = table + SECTION_BYTES;
        for (int[] s : sections) {
            image.putInt(at, s[0]);
            image.putInt(at + 4, s[1]);
            image.putLong(at + 8, s[2]);
            image.putLong(at + 16, s[2] == 0 ? 0 : s[3]);
            image.putLong(at + 24, s[3]);
            image.putLong(at + 32, s[4]);
            image.putInt(at + 40, s[5]);
            image.putInt(at + 44, s[6]);
            image.putLong(at + 48, s[7]);
            image.putLong(at + 56, s[8]);
            at += SECTION_BYTES;
        }
        return table;
    }

    private void headers(int sectionTable, int dynamic, int dynamicBytes, int frameHeader, int frameHeaderBytes) {
        image.put(0, new byte[] {0x7f, 'E', 'L', 'F', 2, 1, 1});
        image.putShort(16, (short) 3); // ET_DYN
        image.putShort(18, (short) 62); // EM_X86_64
        image.putInt(20, 1);
        image.putLong(24, TEXT);
        image.putLong(32, HEADER_BYTES);
        image.putLong(40, sectionTable);
        image.putShort(52, (short) HEADER_BYTES);
        image.putShort(54, (short) SEGMENT_BYTES);
        image.putShort(56, (short) SEGMENTS);
        image.putShort(58, (short) SECTION_BYTES);
        image.putShort(60, (short) (sections.size() + 1));
        image.putShort(62, (short) sections.size());
        segment(0, 1, 5, 0, sectionTable, 4096); // PT_LOAD, readable and executable
        segment(1, 2, 4, dynamic, dynamicBytes, 8); // PT_DYNAMIC
        segment(2, 0x6474e550, 4, frameHeader, frameHeaderBytes, 4); // PT_GNU_EH_FRAME
        segment(3, 0x6474e551, 4, 0, 0, 16); // PT_GNU_STACK
    }

    private void segment(int index, int type, int flags, int at, int length, int alignment) {
        int entry = HEADER_BYTES + index * SEGMENT_BYTES;
        image.putInt(entry, type);
        image.putInt(entry + 4, flags);
        image.putLong(entry + 8, at);
        image.putLong(entry + 16, at);
        image.putLong(entry + 24, at);
        image.putLong(entry + 32, length);
        image.putLong(entry + 40, length);
        image.putLong(entry + 48, alignment);
    }
}
