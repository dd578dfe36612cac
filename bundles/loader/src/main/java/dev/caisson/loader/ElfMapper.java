package dev.caisson.loader;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOMEM;

import dev.caisson.abi.Elf;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Mman;
import dev.caisson.memory.AddressLayout;
import dev.caisson.memory.MappedFile;
import dev.caisson.memory.MemoryManager;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.MappedDescription;

/** Maps the PT_LOAD segments of one ELF file into an address space. */
final class ElfMapper {
    private static final long PAGE = 4096;

    private final MemoryManager memory;
    private final FileDescription file;
    private final ElfHeader header;
    private final AddressLayout layout;

    /** One past the last byte of any segment, for the heap. */
    long end;
    private long bias;

    ElfMapper(MemoryManager memory, FileDescription file, ElfHeader header) {
        this.memory = memory;
        this.file = file;
        this.header = header;
        this.layout = memory.layout();
    }

    static long down(long address) {
        return address & -PAGE;
    }

    static long up(long address) {
        return address + PAGE - 1 & -PAGE;
    }

    /** The distance between where the file says and where it is. */
    long bias() {
        return bias;
    }

    /** Where the program headers are in memory; 0 when no segment holds them. */
    long headersAddress() {
        ElfHeader.Segment own = header.find(Elf.PT_PHDR);
        if (own != null) {
            return own.address() + bias;
        }
        for (ElfHeader.Segment segment : header.segments()) {
            if (segment.type() == Elf.PT_LOAD && header.tableOffset() >= segment.offset()
                    && header.tableOffset() - segment.offset() < segment.fileBytes()) {
                return header.tableOffset() - segment.offset() + segment.address() + bias;
            }
        }
        return 0;
    }

    /**
     * Maps everything. As on Linux, later segments replace what overlaps of earlier ones.
     *
     * @param base where to put an ET_DYN file; 0 lets the address space choose
     * @param isProgram whether the layout shall tell code and data of this file
     */
    void map(long base, boolean isProgram) throws ErrnoException {
        long lowest = Long.MAX_VALUE;
        long highest = 0;
        for (ElfHeader.Segment segment : header.segments()) {
            if (segment.type() == Elf.PT_LOAD) {
                check(segment);
                lowest = Math.min(lowest, down(segment.address()));
                highest = Math.max(highest, segment.address() + segment.memoryBytes());
            }
        }
        if (lowest == Long.MAX_VALUE) {
            if (isProgram) {
                return; // the dynamic linker may know what to do
            }
            throw EINVAL.error("no loadable segment");
        }
        if (header.type() == Elf.ET_DYN) {
            long span = up(highest - lowest);
            if (span == 0) {
                throw EINVAL.error("nothing to load");
            }
            bias = (base == 0 ? place(span, isProgram ? header.alignment() : PAGE) : base) - lowest;
        }
        int placement = header.type() == Elf.ET_EXEC && isProgram ? Mman.MAP_FIXED_NOREPLACE : Mman.MAP_FIXED;
        for (ElfHeader.Segment segment : header.segments()) {
            if (segment.type() == Elf.PT_LOAD) {
                mapSegment(segment, isProgram, placement);
                placement = Mman.MAP_FIXED;
            }
        }
        end = highest + bias;
    }

    private long place(long span, long align) throws ErrnoException {
        if (align < 0 || align > layout.addressLimit) {
            throw ENOMEM.error("nowhere so aligned");
        }
        long room = memory.findRoom(span + align - PAGE);
        return room + align - 1 & -align;
    }

    private void check(ElfHeader.Segment segment) throws ErrnoException {
        long limit = layout.addressLimit;
        if (segment.fileBytes() < 0 || segment.memoryBytes() < segment.fileBytes() || segment.memoryBytes() > limit
                || segment.address() < 0 || segment.address() > limit - segment.memoryBytes()) {
            throw ENOMEM.error("segment outside the address space");
        }
        if (segment.fileBytes() > 0 && ((segment.address() - segment.offset() & PAGE - 1) != 0 || segment.offset() < 0
                || segment.offset() > Long.MAX_VALUE - segment.fileBytes() - PAGE)) {
            throw EINVAL.error("segment not congruent to its file offset");
        }
    }

    private static int protection(ElfHeader.Segment segment) {
        return ((segment.flags() & Elf.PF_R) != 0 ? Mman.PROT_READ : 0) | ((segment.flags() & Elf.PF_W) != 0 ? Mman.PROT_WRITE : 0)
                | ((segment.flags() & Elf.PF_X) != 0 ? Mman.PROT_EXEC : 0);
    }

    /** Linux's elf_load: file pages, then pages of zeros that are always writable. */
    private void mapSegment(ElfHeader.Segment segment, boolean isProgram, int placement) throws ErrnoException {
        int protection = protection(segment);
        long start = down(segment.address() + bias);
        long fileEnd = segment.address() + bias + segment.fileBytes();
        long memoryEnd = segment.address() + bias + segment.memoryBytes();
        long zeroFrom = start;
        if (segment.fileBytes() > 0) {
            MappedFile mapped = MappedDescription.of(file, protection, false);
            memory.map(start, up(fileEnd) - start, protection, Mman.MAP_PRIVATE | Mman.MAP_DENYWRITE | placement, mapped,
                    down(segment.offset()));
            zeroFrom = up(fileEnd);
            if (memoryEnd > fileEnd && fileEnd < zeroFrom && (protection & Mman.PROT_WRITE) != 0) {
                memory.clear(fileEnd, zeroFrom - fileEnd);
            }
        }
        if (memoryEnd > fileEnd && up(memoryEnd) > zeroFrom) {
            memory.map(zeroFrom, up(memoryEnd) - zeroFrom,
                    Mman.PROT_READ | Mman.PROT_WRITE | protection & Mman.PROT_EXEC,
                    Mman.MAP_PRIVATE | Mman.MAP_ANONYMOUS | Mman.MAP_FIXED, null, 0);
        }
        if (isProgram) {
            describe(segment, fileEnd);
        }
    }

    private void describe(ElfHeader.Segment segment, long fileEnd) {
        long start = segment.address() + bias;
        if ((segment.flags() & Elf.PF_X) != 0) {
            layout.codeStart = layout.codeStart == 0 ? start : Math.min(layout.codeStart, start);
            layout.codeEnd = Math.max(layout.codeEnd, fileEnd);
        }
        layout.dataStart = Math.max(layout.dataStart, start);
        layout.dataEnd = Math.max(layout.dataEnd, fileEnd);
    }
}
