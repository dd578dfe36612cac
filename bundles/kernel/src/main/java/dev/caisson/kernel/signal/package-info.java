/**
 * Signals: who may send, what is pending, which thread takes it, and how a handler starts and ends.
 *
 * <p>{@link dev.caisson.kernel.signal.ProcessSignals} hangs on a thread group, {@link dev.caisson.kernel.signal.SignalState} on
 * a task; {@link dev.caisson.kernel.signal.SignalDelivery} is the part of the task loop. Everything that is pending is guarded by the
 * one lock of the thread group (rank SIGNAL). Nothing is called out under it but wake-ups.
 */
@Export
@Version("1.0.0")
package dev.caisson.kernel.signal;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
