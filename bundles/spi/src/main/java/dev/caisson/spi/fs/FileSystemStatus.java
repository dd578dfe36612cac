package dev.caisson.spi.fs;

/**
 * What statfs(2) tells.
 *
 * @param magic {@code f_type}
 * @param blockBytes {@code f_bsize}
 * @param blocks {@code f_blocks}
 * @param freeBlocks {@code f_bfree}
 * @param availableBlocks {@code f_bavail}
 * @param files {@code f_files}
 * @param freeFiles {@code f_ffree}
 * @param id {@code f_fsid}
 * @param nameBytes {@code f_namelen}
 */
public record FileSystemStatus(long magic, long blockBytes, long blocks, long freeBlocks, long availableBlocks, long files,
        long freeFiles, long id, int nameBytes) {}
