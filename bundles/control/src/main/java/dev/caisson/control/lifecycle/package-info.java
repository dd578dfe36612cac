/**
 * The life of a container's sandbox process, seen from outside: its socket, the descriptors that others pass to it, its signals. What is
 * done in the kernel is {@code dev.caisson.control.container}'s.
 *
 * <p><b>The socket</b> takes one request per connection: a line with a JSON object, before which any number of blanks may come, each with
 * one descriptor (SCM_RIGHTS). The answer is a line with a JSON object, {@code {"error":"..."}} when the request failed. After the answer
 * to {@code exec} the connection stays: it brings 12 bytes for each signal for the process (number, errno, code, as siginfo_t begins), and
 * takes the process's end as 4 bytes, as wait(2) tells it, little-endian. When it is closed before, the process is killed.
 */
@org.osgi.annotation.bundle.Export
@org.osgi.annotation.versioning.Version("1.0.0")
package dev.caisson.control.lifecycle;
