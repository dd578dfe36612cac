/**
 * Conformance kit of filesystems: what POSIX and the man-pages say about files, each case first proven on the host's kernel.
 *
 * <p>A bundle that brings a filesystem extends {@link dev.caisson.testing.fs.FileSystemContractTest} in its tests, gives it fresh
 * instances, and declares what the filesystem lacks ({@link dev.caisson.testing.fs.Feature}) and, case by case with a reason, what it
 * does otherwise:
 * <pre>
 *  class MyContractTest extends FileSystemContractTest {
 *      &#64;Override protected FileSystem newFileSystem() { return new MyFileSystem(); }
 *      &#64;Override protected Set&lt;Feature&gt; missing() { return EnumSet.of(Feature.DEVICE_NODES); }
 *      &#64;Override protected Map&lt;String, String&gt; deviations() { return Map.of("lock: readers share", "the server has no locks"); }
 *  }
 * </pre>
 *
 * <p>It then runs
 * <ul>
 * <li>the cases: scripts of system calls with their results, in the resources {@code cases/FAMILY.txt} (how they are written:
 *     {@code CaseFile}, {@code Step}, {@code Interpreter}). {@code HostReferenceTest} of this module runs the same scripts on the host,
 *     with the credentials they name: what Linux does differently is a mistake in the kit;
 * <li>{@link dev.caisson.testing.fs.ConcurrencyContract}: one file or directory under many threads, proven on the host as well;
 * <li>{@link dev.caisson.testing.fs.RandomOperationsContract}: seeded histories of operations by several users, each result and the whole
 *     tree compared with the host's filesystem; a difference is printed as the shortest script that shows it, ready to become a case;
 * <li>{@link dev.caisson.testing.fs.InternalsContract} and {@link dev.caisson.testing.fs.PathContract}: what the kernel needs that system
 *     calls do not show.
 * </ul>
 *
 * <p>A filesystem that nobody can write to extends {@link dev.caisson.testing.fs.ReadOnlyContractTest} instead, and shows trees of the host.
 *
 * <p>Everything is written over {@link dev.caisson.testing.fs.FileCalls}, the system calls about files, which the host
 * ({@link dev.caisson.testing.fs.HostFileCalls}) and the VFS over the filesystem under test ({@link dev.caisson.testing.fs.VfsFileCalls})
 * implement. Comparisons with the host need root; without it they are skipped.
 */
package dev.caisson.testing.fs;
