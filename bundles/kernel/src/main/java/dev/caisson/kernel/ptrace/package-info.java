/**
 * ptrace(2): programs of the sandbox that trace others. It has nothing to do with how a platform runs guests.
 *
 * <p>A {@link Tracee} is what a traced task and its tracer share; {@link Tracing} makes and finds them, {@link TraceeRegisters} and
 * {@link TraceeFpu} are what a tracer sees of the stopped one. Links and stop state are guarded by TASK_SET, which comes before the signal
 * locks; a task that nobody traces pays one test of a field for all of it.
 */
@Export
@Version("1.0.0")
package dev.caisson.kernel.ptrace;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
