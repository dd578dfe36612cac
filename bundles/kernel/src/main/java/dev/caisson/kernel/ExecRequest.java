package dev.caisson.kernel;

import dev.caisson.spi.cred.Credentials;
import dev.caisson.vfs.FdTable;
import dev.caisson.vfs.FsContext;
import java.util.List;

/**
 * A program that somebody outside the sandbox wants run in it. Strings are Latin-1, one character per byte.
 *
 * @param path of the program, resolved in {@code fs}
 * @param arguments argv, with argv[0]
 * @param environment {@code NAME=value}
 * @param credentials who runs it
 * @param fs root, working directory, umask; the process takes over the reference
 * @param fds its descriptors; the process takes over the reference
 */
public record ExecRequest(String path, List<String> arguments, List<String> environment, Credentials credentials, FsContext fs,
        FdTable fds) {}
