package dev.caisson.loader;

import dev.caisson.memory.MemoryManager;
import dev.caisson.vfs.FileDescription;

/**
 * A loaded program.
 *
 * @param memory its address space, with one user
 * @param entry the first instruction: the dynamic linker's, if it has one
 * @param stackPointer where argc is
 * @param executable the file that was loaded (of a script, its interpreter), to be closed by {@link LoadRequest.Files#close} when the program no longer runs
 */
public record Image(MemoryManager memory, long entry, long stackPointer, FileDescription executable) {}
