/**
 * The 9P2000.L protocol (the one of Linux's v9fs, QEMU, diod) and Caisson's extension of it: messages, framing, and the checks of what a
 * stranger sent. Client (bundle fs-9p) and server (bundle gofer) share it; it knows neither kernel nor OSGi.
 *
 * <h2>The wire</h2>
 *
 * <p>A message is {@code size[4] type[1] tag[2]} and the fields below, little-endian, without padding; {@code size} counts all of it. A
 * string {@code [s]} is {@code length[2]} and bytes without NUL at the end. {@code qid[13]} is that of {@link dev.caisson.ninep.Qid},
 * {@code attr[145]} that of {@link dev.caisson.ninep.FileAttributes}. A tag tells requests in flight apart; each request has one reply.
 *
 * <pre>
 * Tversion msize[4] version[s]                                      Rversion msize[4] version[s]          tag NO_TAG; ends all fids
 * Tauth afid[4] uname[s] aname[s] n_uname[4]                        Rauth aqid[13]                        we answer Rlerror EOPNOTSUPP
 * Tattach fid[4] afid[4] uname[s] aname[s] n_uname[4]               Rattach qid[13]
 * Tflush oldtag[2]                                                  Rflush                                oldtag is free behind it
 * Twalk fid[4] newfid[4] nwname[2] nwname*(wname[s])                Rwalk nwqid[2] nwqid*(qid[13])        short: newfid is not bound
 * Tlopen fid[4] flags[4]                                            Rlopen qid[13] iounit[4]
 * Tlcreate fid[4] name[s] flags[4] mode[4] gid[4]                   Rlcreate qid[13] iounit[4]            fid becomes the open file
 * Tread fid[4] offset[8] count[4]                                   Rread count[4] data[count]
 * Twrite fid[4] offset[8] count[4] data[count]                      Rwrite count[4]
 * Tclunk fid[4]                                                     Rclunk
 * Tremove fid[4]                                                    Rremove                               clunks even when it fails
 * Tgetattr fid[4] request_mask[8]                                   Rgetattr valid[8] attr[145]
 * Tsetattr fid[4] valid[4] mode[4] uid[4] gid[4] size[8] atime_sec[8] atime_nsec[8] mtime_sec[8] mtime_nsec[8]      Rsetattr
 * Tstatfs fid[4]                  Rstatfs type[4] bsize[4] blocks[8] bfree[8] bavail[8] files[8] ffree[8] fsid[8] namelen[4]
 * Tsymlink dfid[4] name[s] target[s] gid[4]                         Rsymlink qid[13]
 * Treadlink fid[4]                                                  Rreadlink target[s]
 * Tmknod dfid[4] name[s] mode[4] major[4] minor[4] gid[4]           Rmknod qid[13]
 * Tmkdir dfid[4] name[s] mode[4] gid[4]                             Rmkdir qid[13]
 * Trename fid[4] dfid[4] name[s]                                    Rrename
 * Trenameat olddirfid[4] oldname[s] newdirfid[4] newname[s]         Rrenameat
 * Tunlinkat dirfid[4] name[s] flags[4]                              Runlinkat                             flags: AT_REMOVEDIR
 * Tlink dfid[4] fid[4] name[s]                                      Rlink
 * Treaddir fid[4] offset[8] count[4]                                Rreaddir count[4] count*(qid[13] offset[8] type[1] name[s])
 * Tfsync fid[4] datasync[4]                                         Rfsync                                older clients: no datasync
 * Tlock fid[4] type[1] flags[4] start[8] length[8] proc_id[4] client_id[s]       Rlock status[1]
 * Tgetlock fid[4] type[1] start[8] length[8] proc_id[4] client_id[s]             Rgetlock type[1] start[8] length[8] proc_id[4] client_id[s]
 * Txattrwalk fid[4] newfid[4] name[s]                               Rxattrwalk size[8]                    empty name: the list
 * Txattrcreate fid[4] name[s] attr_size[8] flags[4]                 Rxattrcreate                          then Twrite; Tclunk sets it
 * any                                                               Rlerror ecode[4]                      an errno of Linux
 * </pre>
 *
 * <h2>The extension</h2>
 *
 * <p>A client offers version {@code 9P2000.L.caisson}. A server that knows it answers the same; any other answers {@code 9P2000.L} (or
 * {@code unknown}, or an error, and is asked for {@code 9P2000.L}), and gets none of what follows.
 *
 * <pre>
 * Twalkgetattr fid[4] newfid[4] nwname[2] nwname*(wname[s])         Rwalkgetattr ecode[4] nattr[2] nattr*(attr[145])
 * Treaddirattr fid[4] offset[8] count[4]                            Rreaddirattr end[1] count[4] count*(attr[145] offset[8] type[1] name[s])
 * Topenat fid[4] newfid[4] name[s] flags[4] mode[4] uid[4] gid[4]   Ropenat donated[1] attr[145]
 * Trenameat2 olddirfid[4] oldname[s] newdirfid[4] newname[s] flags[4]            Rrenameat2
 * Tsetattrat dirfid[4] name[s] path[8] update[60]                   Rsetattrat attr[145]
 * Tmakeat dirfid[4] name[s] mode[4] uid[4] gid[4] target[s]         Rmakeat attr[145]
 * </pre>
 *
 * <ul>
 * <li><b>Twalkgetattr</b> walks like Twalk and tells the attributes of every step. The walk ends at the first step that fails; {@code
 * ecode} says why (0: it went all the way), {@code nattr} counts the steps that worked, and newfid is bound only if all did. With newfid
 * NO_FID no fid is made: a lookup costs one message and leaves nothing behind. Without names the reply has the attributes of fid itself
 * ({@code nattr} 1), and newfid, if given, is a second fid of the same file. Rlerror only when fid is not one, or is no directory.
 * <li><b>Treaddirattr</b> reads an open directory like Treaddir, every entry with its attributes; {@code type} is DT_*. "." and ".." are
 * not told. {@code end} 1 says that nothing follows. An entry that vanished meanwhile is left out.
 * <li><b>Topenat</b> opens {@code name} below the directory fid, or fid itself when the name is empty, without following a link.
 * {@code flags} are open(2)'s. With O_CREAT|O_EXCL a regular file is made, of exactly this mode, owner and group; with O_TMPFILE (and an
 * empty name) one without a name. Without O_CREAT mode, uid and gid count for nothing. The server opens regular files and directories
 * only (others: ENXIO; a link: ELOOP). {@code donated} 1 says that the reply carries the open file as a descriptor (SCM_RIGHTS, over a
 * UNIX socket): then newfid is <i>not</i> bound, since nothing more is asked of the server about this open file; the client reads,
 * writes, maps, syncs and asks it itself, and sees the st_ino of the file's attributes in place of the descriptor's own. {@code donated}
 * 0: newfid is bound and open. Directories are never donated. A created file that is to be named later (O_TMPFILE) is bound and open even
 * when it is donated: {@code donated} 2.
 * <li><b>Tsetattrat</b> changes {@code name} below the directory fid, without following a link, if {@code qid.path} of what is there is
 * {@code path} (else ESTALE), and tells its attributes as they are then. {@code update} is what Tsetattr has behind its fid.
 * <li><b>Tmakeat</b> makes a directory, a symbolic link, a FIFO or a socket, as the type in {@code mode} says, with this owner and group as
 * far as the server may give files away, and tells its attributes; its mode may be another one, by the host's rules. {@code target} is the
 * text of a link, and empty for anything else. Regular files are made by Topenat.
 * <li><b>Trenameat2</b> takes RENAME_NOREPLACE, RENAME_EXCHANGE and RENAME_WHITEOUT, as far as the server's host can.
 * </ul>
 *
 * <p>Where the extension was negotiated on a UNIX socket, the upper half of a tag may tell from which processor a request comes: its number
 * plus 1, 0 for unknown. That is a hint: a server that works on the same one spares the host to wake another processor up, which takes
 * longer than most requests.
 *
 * <p>Bit 0x40 of the type in a qid of the extension's attributes: the file is no directory, and the host may refuse to remove it (it is
 * immutable, append-only or a mount point).
 *
 * <p>Where the extension was negotiated, numbers of files ({@code qid.path}) are unique over all of a tree, names in replies are entries
 * of directories, and a fid that was renamed or removed by another fid keeps naming its file.
 */
@Export
@Version("1.0.0")
package dev.caisson.ninep;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
