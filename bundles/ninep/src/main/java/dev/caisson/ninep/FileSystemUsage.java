package dev.caisson.ninep;

/**
 * What Rstatfs tells: {@code type[4] bsize[4] blocks[8] bfree[8] bavail[8] files[8] ffree[8] fsid[8] namelen[4]}.
 *
 * @param type {@code f_type}
 * @param blockBytes {@code f_bsize}
 * @param blocks {@code f_blocks}
 * @param freeBlocks {@code f_bfree}
 * @param availableBlocks {@code f_bavail}
 * @param files {@code f_files}
 * @param freeFiles {@code f_ffree}
 * @param id {@code f_fsid}
 * @param nameBytes {@code f_namelen}
 */
public record FileSystemUsage(int type, int blockBytes, long blocks, long freeBlocks, long availableBlocks, long files, long freeFiles,
        long id, int nameBytes) {
    /**
     * Reads it.
     *
     * @param in the message
     * @return the values
     */
    public static FileSystemUsage read(WireReader in) {
        return new FileSystemUsage(in.u32(), in.u32(), in.u64(), in.u64(), in.u64(), in.u64(), in.u64(), in.u64(), in.u32());
    }

    /**
     * Writes it.
     *
     * @param out the message
     */
    public void write(WireWriter out) {
        out.u32(type).u32(blockBytes).u64(blocks).u64(freeBlocks).u64(availableBlocks).u64(files).u64(freeFiles).u64(id).u32(nameBytes);
    }
}
