/**
 * Guest memory: the memory file that holds all of it, the mappings of each guest address space, page faults, copy-on-write, and
 * the kernel's own access to guest addresses.
 *
 * <p>Key types: {@link dev.caisson.memory.MemoryFile} hands out frames (4 KiB pages of one host file);
 * {@link dev.caisson.memory.MemoryManager} is one address space; {@link dev.caisson.memory.PageCache} and
 * {@link dev.caisson.memory.AnonymousMemory} are what can be mapped besides private anonymous memory.
 *
 * <p>Locks: {@code MAPPINGS} (one per address space) before {@code PAGE_CACHE} (one per file) before {@code FRAMES} (one per
 * memory file). A file calls {@link dev.caisson.spi.fs.Mappable.Mapping#invalidate} without its {@code PAGE_CACHE} lock.
 *
 * <p>Reuse of frames: a frame that loses its last reference is not handed out again before every thread that was inside a
 * {@link dev.caisson.memory.FrameReader} section at that time has left it. So kernel code that found a frame may use it until it leaves,
 * whatever other threads unmap or truncate meanwhile. Task threads are inside from the moment guest code stops until it runs
 * again, except while they sleep.
 */
@Export
@Version("1.0.0")
package dev.caisson.memory;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
