package dev.caisson.vfs;

import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.OpenFile;

/** Open files that do nothing but count how often they were closed and flushed. */
final class TestFiles extends OpenFile {
    int closed;
    int flushed;

    private static final AnonymousFiles ANONYMOUS = new AnonymousFiles(new Watches());

    FileDescription describe(int flags) {
        return ANONYMOUS.describe("[test]", this, flags, Credentials.ROOT);
    }

    @Override
    public void flush() {
        flushed++;
    }

    @Override
    public void close() {
        closed++;
    }
}
