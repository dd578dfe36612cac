package dev.caisson.loader;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EIO;
import static dev.caisson.abi.Errno.ELIBBAD;
import static dev.caisson.abi.Errno.ELOOP;
import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Errno.ENOEXEC;

import dev.caisson.abi.Elf;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Mman;
import dev.caisson.memory.AddressLayout;
import dev.caisson.memory.MemoryManager;
import dev.caisson.vfs.FileDescription;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Loads a program into an address space of its own, as fs/exec.c, binfmt_script.c and binfmt_elf.c of Linux do. Nothing of the caller is
 * touched: whatever goes wrong is an errno, and what was made is released.
 */
public final class Loader {
    /** Scripts may be interpreted by scripts this deep. */
    private static final int MOST_SCRIPTS = 5;
    private static final int PATH_MAX = 4096;
    private static final long PAGE = 4096;
    private static final long KIB = 1024;
    private static final long MIB = 1024 * KIB;
    private static final long GIB = 1024 * MIB;
    /** Room the stack is mapped with beyond what is on it; it grows on demand. */
    private static final long STACK_SLACK = 128 * KIB;
    private static final long STACK_RANDOM = 16 * GIB;
    private static final long BRK_RANDOM = 32 * MIB;
    private static final long LEAST_GAP = 128 * MIB;
    /** ELF_ET_DYN_BASE on x86-64: two thirds of the address space. */
    private static final long PIE_BASE = 0x555555554000L;
    private static final long PIE_RANDOM = 1L << 40;
    private static final int CLOCK_TICKS = 100;
    /** An entry that no program can have mapped. */
    private static final long NOWHERE = 0;

    private static final Logger log = LoggerFactory.getLogger(Loader.class);

    private final LoadRequest request;
    private FileDescription program;
    private List<String> arguments;
    /** What the script at hand was called: the name given, then the interpreter that is a script itself. */
    private String scriptName;
    private boolean isRandomized;

    private Loader(LoadRequest request) {
        this.request = request;
        this.program = request.program();
        this.scriptName = request.name();
        this.arguments = request.arguments().isEmpty() ? List.of("") : request.arguments();
    }

    /**
     * Loads.
     *
     * @param request what
     * @return the program, ready to run
     * @throws ErrnoException ENOEXEC, ENOENT, E2BIG, ELOOP, ELIBBAD, ENOMEM, EIO, EINVAL, and what opening an interpreter fails with
     */
    public static Image load(LoadRequest request) throws ErrnoException {
        Loader loader = new Loader(request);
        boolean loaded = false;
        try {
            Image image = loader.load();
            loaded = true;
            return image;
        } finally {
            if (!loaded) {
                request.files().close(loader.program);
            }
        }
    }

    private Image load() throws ErrnoException {
        new FirstStack(request.name(), arguments, request.environment()).checkSize(request.limits().stackBytes());
        MemorySegment head = head(program);
        for (int depth = 0;; depth++) {
            byte[] bytes = head.toArray(Layouts.U8);
            ScriptHeader script = ScriptHeader.parse(new String(bytes, StandardCharsets.ISO_8859_1));
            if (script == null) {
                break;
            }
            if (depth >= MOST_SCRIPTS) {
                throw ELOOP.error();
            }
            if (request.isNameHidden()) {
                throw ENOENT.error("a script that was opened close-on-exec");
            }
            interpretWith(script);
            head = head(program);
        }
        return loadElf(head);
    }

    private void interpretWith(ScriptHeader script) throws ErrnoException {
        FileDescription interpreter = open(script.interpreter());
        request.files().close(program);
        program = interpreter;
        List<String> next = new ArrayList<>(arguments.size() + 2);
        next.add(script.interpreter());
        if (script.argument() != null) {
            next.add(script.argument());
        }
        next.add(scriptName);
        next.addAll(arguments.subList(1, arguments.size()));
        arguments = next;
        scriptName = script.interpreter();
        new FirstStack(request.name(), arguments, request.environment()).checkSize(request.limits().stackBytes());
    }

    /** An empty name is the working directory here, as in Linux's open_exec, and a directory is EACCES. */
    private FileDescription open(String path) throws ErrnoException {
        return request.files().open(path.isEmpty() ? "." : path);
    }

    private static MemorySegment head(FileDescription file) throws ErrnoException {
        MemorySegment head = Arena.ofAuto().allocate(ScriptHeader.HEAD_BYTES, 8);
        FileBytes.read(file, 0, head);
        return head;
    }

    private Image loadElf(MemorySegment head) throws ErrnoException {
        ElfHeader header = ElfHeader.read(program, head, ENOEXEC);
        FileDescription linker = null;
        MemoryManager memory = null;
        boolean done = false;
        try {
            ElfHeader linkerHeader = null;
            ElfHeader.Segment wanted = header.find(Elf.PT_INTERP);
            if (wanted != null) {
                linker = open(linkerPath(wanted));
                MemorySegment linkerHead = Arena.ofAuto().allocate(ScriptHeader.HEAD_BYTES, 8);
                if (FileBytes.read(linker, 0, linkerHead) < ElfHeader.BYTES) {
                    throw EIO.error("truncated dynamic linker");
                }
                linkerHeader = ElfHeader.read(linker, linkerHead, ELIBBAD);
            }
            memory = new MemoryManager(request.frames(), request.platform());
            memory.limits(request.limits());
            Image image = build(memory, header, linker, linkerHeader);
            done = true;
            return image;
        } finally {
            if (linker != null) {
                request.files().close(linker);
            }
            if (!done && memory != null) {
                memory.close();
            }
        }
    }

    private String linkerPath(ElfHeader.Segment wanted) throws ErrnoException {
        long length = wanted.fileBytes();
        if (length > PATH_MAX || length < 2) {
            throw ENOEXEC.error();
        }
        if (wanted.offset() < 0) {
            throw EINVAL.error();
        }
        MemorySegment bytes = FileBytes.require(program, wanted.offset(), length, EIO);
        if (bytes.get(Layouts.U8, length - 1) != 0) {
            throw ENOEXEC.error("name of the dynamic linker without end");
        }
        String text = new String(bytes.toArray(Layouts.U8), StandardCharsets.ISO_8859_1);
        return text.substring(0, text.indexOf(0));
    }

    private Image build(MemoryManager memory, ElfHeader header, FileDescription linker, ElfHeader linkerHeader) throws ErrnoException {
        isRandomized = request.isRandomized() || request.identities().of(program).isSecure();
        AddressLayout layout = memory.layout();
        long limit = request.platform().addressLimit();
        layout.addressLimit = limit;
        long spread = isRandomized ? Math.min(STACK_RANDOM, limit / 64) : 0;
        long stackTop = ElfMapper.down(limit - random(spread));
        long stackLimit = request.limits().stackBytes();
        long gap = Math.clamp(stackLimit < 0 ? Long.MAX_VALUE / 2 : stackLimit, LEAST_GAP, limit / 6 * 5);
        layout.mmapBase = ElfMapper.down(limit - spread - gap - MIB - random(1L << 28) * PAGE % (limit / 16));

        FirstStack stack = new FirstStack(request.name(), arguments, request.environment());
        long stackBytes = ElfMapper.up(stack.sizeBytes(32) + PAGE) + STACK_SLACK;
        int stackProtection = Mman.PROT_READ | Mman.PROT_WRITE | (header.hasExecutableStack() ? Mman.PROT_EXEC : 0);
        memory.map(stackTop - stackBytes, stackBytes, stackProtection,
                Mman.MAP_PRIVATE | Mman.MAP_ANONYMOUS | Mman.MAP_FIXED | Mman.MAP_GROWSDOWN | Mman.MAP_STACK, null, 0);

        ElfMapper mapper = new ElfMapper(memory, program, header);
        ElfMapper linkerMapper = linkerHeader == null ? null : new ElfMapper(memory, linker, linkerHeader);
        long entry;
        try {
            entry = mapFiles(header, mapper, linkerHeader, linkerMapper, layout);
        } catch (ErrnoException late) {
            // For Linux this is beyond the point of no return: the program starts, and dies of SIGSEGV at once.
            log.debug("a program that cannot be mapped: {}", late.getMessage());
            entry = NOWHERE;
        }
        long vdso = request.vdso() == null ? 0 : request.vdso().mapInto(memory);
        layout.vdsoBase = vdso;
        long linkerBase = linkerMapper == null ? 0 : linkerMapper.bias();
        long pointer = stack.write(memory, stackTop, vector(header, mapper, linkerBase, vdso));
        layout.executable = program;
        return new Image(memory, entry, pointer, program);
    }

    /** {@return a number below a bound; 0 when the program wants the same addresses in each run} */
    private long random(long bound) {
        return isRandomized ? ThreadLocalRandom.current().nextLong(bound) : 0;
    }

    /** {@return where execution begins} Maps program and linker. */
    private long mapFiles(ElfHeader header, ElfMapper mapper, ElfHeader linkerHeader, ElfMapper linkerMapper, AddressLayout layout)
            throws ErrnoException {
        long limit = layout.addressLimit;
        long base = 0;
        if (header.type() == Elf.ET_DYN && linkerHeader != null) {
            long preferred = Math.min(PIE_BASE, limit / 3 * 2);
            base = preferred + random(Math.min(PIE_RANDOM, limit / 16)) & -header.alignment();
        }
        mapper.map(base, true);
        long entry = header.entry() + mapper.bias();
        if (linkerHeader != null) {
            linkerMapper.map(0, false);
            layout.brkStart = ElfMapper.up(mapper.end);
            entry = linkerHeader.entry() + linkerMapper.bias();
        } else {
            // A program without linker that may lie anywhere lies where mappings go: its heap needs room elsewhere.
            layout.brkStart = header.type() == Elf.ET_DYN ? Math.min(PIE_BASE, ElfMapper.down(limit / 3 * 2)) : ElfMapper.up(mapper.end);
        }
        layout.brkStart += ElfMapper.down(random(BRK_RANDOM));
        layout.brkEnd = layout.brkStart;
        return entry < 0 || entry >= limit ? NOWHERE : entry;
    }

    private long[] vector(ElfHeader header, ElfMapper mapper, long linkerBase, long vdso) {
        LoadRequest.Identity identity = request.identities().of(program);
        Vector pairs = new Vector();
        if (vdso != 0) {
            pairs.add(Elf.AT_SYSINFO_EHDR, vdso);
        }
        pairs.add(Elf.AT_HWCAP, HostVector.value(Elf.AT_HWCAP, 0));
        pairs.add(Elf.AT_PAGESZ, PAGE);
        pairs.add(Elf.AT_CLKTCK, CLOCK_TICKS);
        pairs.add(Elf.AT_PHDR, mapper.headersAddress());
        pairs.add(Elf.AT_PHENT, ElfHeader.SEGMENT_BYTES);
        pairs.add(Elf.AT_PHNUM, header.segments().length);
        pairs.add(Elf.AT_BASE, linkerBase);
        pairs.add(Elf.AT_FLAGS, 0);
        pairs.add(Elf.AT_ENTRY, header.entry() + mapper.bias());
        pairs.add(Elf.AT_UID, Integer.toUnsignedLong(identity.uid()));
        pairs.add(Elf.AT_EUID, Integer.toUnsignedLong(identity.euid()));
        pairs.add(Elf.AT_GID, Integer.toUnsignedLong(identity.gid()));
        pairs.add(Elf.AT_EGID, Integer.toUnsignedLong(identity.egid()));
        pairs.add(Elf.AT_SECURE, identity.isSecure() ? 1 : 0);
        pairs.add(Elf.AT_RANDOM, 0);
        pairs.add(Elf.AT_HWCAP2, HostVector.value(Elf.AT_HWCAP2, 0));
        pairs.add(Elf.AT_EXECFN, 0);
        pairs.add(Elf.AT_PLATFORM, 0);
        pairs.add(Elf.AT_MINSIGSTKSZ, HostVector.value(Elf.AT_MINSIGSTKSZ, 2048));
        return pairs.toArray();
    }

    /** An auxiliary vector in the making. */
    private static final class Vector {
        private final long[] words = new long[64];
        private int count;

        void add(long type, long value) {
            words[count++] = type;
            words[count++] = value;
        }

        long[] toArray() {
            return Arrays.copyOf(words, count);
        }
    }
}
