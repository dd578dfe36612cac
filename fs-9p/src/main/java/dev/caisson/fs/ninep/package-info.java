/**
 * A tree of a 9P2000.L server as a filesystem: client of {@link dev.caisson.ninep}, for any server of the public protocol and, by the
 * extension, for Caisson's own gofer.
 *
 * <p>{@link dev.caisson.fs.ninep.Connection} has many requests in flight on one socket, and no thread of its own.
 * {@link dev.caisson.fs.ninep.Session} has a method per message and checks the answers. Above them, an inode reaches its file by a fid,
 * which is walked by the names that led to it whenever there is none; so fids are few ({@link dev.caisson.fs.ninep.HandlePool} bounds those
 * that nobody uses), and a connection that was lost is made anew behind the file's back. Content is read and written by a donated
 * descriptor where there is one, else through a page cache that is filled by Tread.
 *
 * <p>The server is not trusted with the kernel: what it answers is checked for sizes, names, types and identity, and a lie makes the call
 * fail with EPROTO or EIO.
 *
 * <p>Locks, outermost first: {@code NinepContent.lock} (INODE), the page cache's; then leaves: a directory's monitor, the pools', the
 * connection's, the socket's.
 */
package dev.caisson.fs.ninep;
