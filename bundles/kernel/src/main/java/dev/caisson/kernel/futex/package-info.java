/**
 * Futexes: {@link dev.caisson.kernel.futex.FutexTable} has the queues, {@link dev.caisson.kernel.futex.PiFutexes} the locks that know
 * their owner, {@link dev.caisson.kernel.futex.RobustList} what happens to locks of a thread that dies.
 *
 * <p>Guest words are read and changed under the lock of their bucket (rank FUTEX, before the address space's). That is what makes
 * "still the expected value, so sleep" one step: a waker changes the word first and then needs the same bucket.
 */
@Export
@Version("1.0.0")
package dev.caisson.kernel.futex;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
