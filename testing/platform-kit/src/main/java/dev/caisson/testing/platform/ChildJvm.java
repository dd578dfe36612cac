package dev.caisson.testing.platform;

import com.kenai.jffi.MemoryIO;
import dev.caisson.abi.Errno;
import dev.caisson.host.HostMemory;
import dev.caisson.spi.platform.Platform;
import dev.caisson.testing.kit.Await;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;

/** A JVM that uses a platform, to be killed. */
public final class ChildJvm implements AutoCloseable {
    /** What its main method prints when it has all the processes it wants. */
    public static final String READY = "ready";

    private final Process process;

    /**
     * Starts it, and waits until it is ready.
     *
     * @param main what it runs
     * @param needed classes of the bundles that it needs beside those that the platforms' contract needs
     * @throws IOException when it does not start
     */
    public ChildJvm(Class<?> main, Class<?>... needed) throws IOException {
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        process = new ProcessBuilder(java, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "--enable-native-access=ALL-UNNAMED", "-cp",
            classPath(main, needed), main.getName()).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        BufferedReader out = process.inputReader();
        String line;
        do {
            line = out.readLine();
            if (line == null) {
                throw new IOException("the JVM ended before it was ready");
            }
        } while (!line.equals(READY));
    }

    /** {@return its child processes, all of which platforms have made} */
    public List<ProcessHandle> children() {
        return process.children().toList();
    }

    /**
     * Kills it with SIGKILL and waits until processes are gone.
     *
     * @param processes other processes
     * @return those that survive
     * @throws InterruptedException when somebody interrupts
     */
    public List<Long> killAndAwait(List<ProcessHandle> processes) throws InterruptedException {
        process.destroyForcibly();
        process.waitFor();
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(Await.PATIENCE_S);
        List<Long> left = new ArrayList<>();
        for (ProcessHandle each : processes) {
            while (lives(each.pid())) {
                if (System.nanoTime() > deadline) {
                    left.add(each.pid());
                    break;
                }
                TimeUnit.MILLISECONDS.sleep(1);
            }
        }
        return left;
    }

    /** A zombie, which somebody will wait for, is dead. */
    private static boolean lives(long process) {
        try {
            return Files.readString(Path.of("/proc/" + process + "/stat")).matches("(?s).*\\) [^ZX] .*")
                && Files.readString(Path.of("/proc/" + process + "/comm")).startsWith("caisson");
        } catch (IOException gone) {
            return false;
        }
    }

    /** What the JVM needs, wherever this one has it from. */
    private static String classPath(Class<?> main, Class<?>... needed) throws IOException {
        List<Class<?>> all = new ArrayList<>(
            List.of(main, ChildJvm.class, Errno.class, HostMemory.class, Platform.class, Logger.class, MemoryIO.class));
        Collections.addAll(all, needed);
        List<String> places = new ArrayList<>();
        try {
            for (Class<?> one : all) {
                places.add(Path.of(one.getProtectionDomain().getCodeSource().getLocation().toURI()).toString());
            }
            String library = MemoryIO.class.getResource("/jni/x86_64-Linux/libjffi-1.2.so").toString();
            places.add(Path.of(URI.create(library.substring(4, library.indexOf('!')))).toString());
        } catch (URISyntaxException e) {
            throw new IOException(e);
        }
        return String.join(":", places);
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}
