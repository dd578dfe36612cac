package dev.caisson.control.lifecycle;

import com.grack.nanojson.JsonObject;
import dev.caisson.abi.Errno;
import dev.caisson.control.ProviderKind;
import dev.caisson.control.SandboxException;
import dev.caisson.control.SwapReport;
import dev.caisson.control.container.Container;
import dev.caisson.control.internal.SwapMessages;
import dev.caisson.host.HostFile;
import dev.caisson.spi.fs.LayerExporter;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The requests {@code swap} and {@code diff} of a container, as sandboxes without containers have them. */
final class ChangeRequests {
    private static final int BUFFER_BYTES = 1 << 16;

    private ChangeRequests() {}

    static JsonObject swap(Container container, JsonObject json) throws SandboxException {
        Map<String, String> request = new LinkedHashMap<>();
        json.forEach((key, value) -> request.put(key, String.valueOf(value)));
        String kind = request.getOrDefault("kind", "");
        String name = request.get("name");
        if (name == null) {
            throw new SandboxException("swap takes kind and name", null);
        }
        try {
            boolean isVolume = kind.startsWith(SwapMessages.VOLUME);
            SwapReport report = isVolume || kind.equals(ProviderKind.ROOTFS.word())
                    ? container.swapFileSystem(isVolume ? SwapMessages.raw(kind.substring(SwapMessages.VOLUME.length())) : null, name,
                            SwapMessages.source(request), SwapMessages.options(request))
                    : container.swap(ProviderKind.byWord(kind), name);
            return SwapMessages.answer(kind, report);
        } catch (IllegalArgumentException e) {
            throw new SandboxException(e.getMessage(), e);
        }
    }

    /** Writes the layer to the one descriptor that came along. */
    static JsonObject diff(Container container, List<Integer> descriptors) throws SandboxException {
        if (descriptors.size() != 1) {
            throw new SandboxException("diff comes with one descriptor to write to", null);
        }
        try (Arena arena = Arena.ofShared(); OutputStream target = new BufferedOutputStream(new Target(descriptors.getFirst(), arena), BUFFER_BYTES)) {
            LayerExporter.Summary summary = container.export(target);
            return JsonObject.builder().value("entries", summary.entries()).value("skipped", summary.skipped()).done();
        } catch (IOException e) {
            throw new SandboxException("cannot write the changes: " + e.getMessage(), e);
        }
    }

    /** A descriptor of this process. */
    private static final class Target extends OutputStream {
        private final int descriptor;
        private final MemorySegment buffer;

        Target(int descriptor, Arena arena) {
            this.descriptor = descriptor;
            this.buffer = arena.allocate(BUFFER_BYTES);
        }

        @Override
        public void write(int value) throws IOException {
            write(new byte[] {(byte) value}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            for (int done = 0; done < length;) {
                int step = Math.min(length - done, BUFFER_BYTES);
                MemorySegment.copy(bytes, offset + done, buffer, ValueLayout.JAVA_BYTE, 0, step);
                for (int sent = 0; sent < step;) {
                    long count = HostFile.write(descriptor, buffer.address() + sent, step - sent);
                    if (count < 0 && count != -Errno.EINTR.number()) {
                        throw new IOException(Errno.of(-count).text());
                    }
                    sent += (int) Math.max(0, count);
                }
                done += step;
            }
        }
    }
}
