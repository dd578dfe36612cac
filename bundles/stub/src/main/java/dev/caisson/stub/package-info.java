/**
 * Stub processes: the processes of the host in whose memory guests run, as platforms of several kinds need them.
 *
 * <p>A stub process is an address space of one guest process. Its memory holds nothing but the guest's mappings and pages of ours
 * above {@link dev.caisson.stub.StubCode#ADDRESS_LIMIT}: code that Java has assembled ({@link dev.caisson.stub.StubCode}), and a
 * page of orders ({@link dev.caisson.stub.ControlPages}), neither writable from inside. Its first thread is its <i>control
 * thread</i>: it never runs guest code, and makes the calls that the kernel orders through that page
 * ({@link dev.caisson.stub.StubProcess}). Other threads run guest code, in the way of the platform, which says by a
 * {@link dev.caisson.stub.StubProfile} what is different about its stubs. Stub processes are copies of a zygote
 * ({@link dev.caisson.stub.StubFactory}), children of one Java thread that lives as long as the platform, and die with it
 * (PDEATHSIG).
 *
 * <p>Locks: {@link dev.caisson.stub.StubProcess} has one, a leaf but for {@link dev.caisson.stub.ControlPages}'s;
 * {@link dev.caisson.stub.Processors} has one, below which come those of each {@link dev.caisson.stub.Placement}, and below them
 * what a {@link dev.caisson.stub.GuestThread} may have.
 */
@Export
@Version("1.0.0")
package dev.caisson.stub;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
