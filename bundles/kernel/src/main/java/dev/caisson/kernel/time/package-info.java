/**
 * Time: clocks, the one timer thread, interval timers, POSIX timers, timerfd.
 *
 * <p>{@link dev.caisson.kernel.time.Clocks} computes what guests see from the time stamp counter with the parameters it gives to
 * the vDSO, so that both agree. {@link dev.caisson.kernel.time.Timers} runs callbacks at host deadlines.
 */
@Export
@Version("1.0.0")
package dev.caisson.kernel.time;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
