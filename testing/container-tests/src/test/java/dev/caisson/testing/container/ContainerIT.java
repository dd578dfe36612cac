package dev.caisson.testing.container;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertTrue;
import static org.junit.Assert.fail;

import dev.caisson.control.ProviderKind;
import dev.caisson.control.Sandbox;
import dev.caisson.control.SandboxException;
import dev.caisson.control.SandboxService;
import dev.caisson.control.SandboxSpec;
import dev.caisson.control.SwapReport;
import dev.caisson.control.Volume;
import dev.caisson.kernel.syscall.SyscallHandler;
import dev.caisson.kernel.syscall.SyscallTable;
import dev.caisson.kernel.syscall.SyscallTableProvider;
import dev.caisson.spi.fs.FileSystemProvider;
import dev.caisson.spi.platform.Platform;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Dictionary;
import java.util.Hashtable;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import javax.inject.Inject;
import org.junit.After;
import org.junit.Assume;
import org.junit.Before;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.ops4j.pax.exam.Configuration;
import org.ops4j.pax.exam.Option;
import org.ops4j.pax.exam.junit.PaxExam;
import org.ops4j.pax.exam.spi.reactors.ExamReactorStrategy;
import org.ops4j.pax.exam.spi.reactors.PerClass;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleException;
import org.osgi.framework.Constants;
import org.osgi.framework.ServiceFactory;
import org.osgi.framework.ServiceReference;
import org.osgi.framework.ServiceRegistration;
import org.osgi.service.cm.ConfigurationAdmin;
import org.osgi.service.component.runtime.ServiceComponentRuntime;
import org.osgi.service.component.runtime.dto.ComponentConfigurationDTO;
import org.osgi.service.component.runtime.dto.ComponentDescriptionDTO;

/** The distribution's bundles in a framework where each has a class loader of its own: everything fits, and can be replaced. */
@RunWith(PaxExam.class)
@ExamReactorStrategy(PerClass.class)
public class ContainerIT {
    private static final int UNAME = 63;
    /** Some seconds of processes, pipes and sleep. */
    private static final String WORK =
            "i=0; while [ $i -lt 30 ]; do [ \"$(echo $i | cat)\" = $i ] || exit 9; sleep 0.05; i=$((i+1)); done; ";

    @Inject
    private BundleContext context;
    @Inject
    private SandboxService service;
    @Inject
    private ConfigurationAdmin configurations;
    @Inject
    private ServiceComponentRuntime components;

    private final List<ServiceRegistration<?>> registrations = new ArrayList<>();

    @Configuration
    public Option[] distribution() {
        return ContainerOptions.distribution();
    }

    /** Where a test and the program it runs tell each other how far they are. */
    private Path marks;

    @Before
    public void prepare() throws Exception {
        marks = Files.createTempDirectory("caisson-marks");
        chooseDefaults();
    }

    @After
    public void restore() throws Exception {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(marks)) {
            for (Path file : files) {
                Files.delete(file);
            }
        }
        Files.delete(marks);
        chooseDefaults();
        registrations.forEach(ServiceRegistration::unregister);
    }

    /** Providers whatever etc/ says: ptrace is one of them. */
    private void chooseDefaults() throws Exception {
        for (ProviderKind kind : ProviderKind.values()) {
            select(kind, kind.defaultName());
        }
    }

    @Test
    public void everyBundleIsResolvedAndActive() {
        List<String> others = new ArrayList<>();
        for (Bundle bundle : context.getBundles()) {
            boolean isFragment = bundle.getHeaders().get(Constants.FRAGMENT_HOST) != null;
            if (bundle.getState() != (isFragment ? Bundle.RESOLVED : Bundle.ACTIVE)) {
                others.add(bundle + " in state " + bundle.getState());
            }
        }
        assertEquals(List.of(), others);
    }

    @Test
    public void everyComponentIsSatisfied() {
        List<String> others = new ArrayList<>();
        int ours = 0;
        for (ComponentDescriptionDTO description : components.getComponentDescriptionDTOs()) {
            if (!description.name.startsWith("dev.caisson.")) {
                continue;
            }
            ours++;
            var instances = components.getComponentConfigurationDTOs(description);
            if (instances.isEmpty()) {
                others.add(description.name + ": no instance");
            }
            for (ComponentConfigurationDTO instance : instances) {
                if (instance.state != ComponentConfigurationDTO.SATISFIED && instance.state != ComponentConfigurationDTO.ACTIVE) {
                    List<String> missing = new ArrayList<>();
                    for (var reference : instance.unsatisfiedReferences) {
                        missing.add(reference.name);
                    }
                    others.add(description.name + ": state " + instance.state + ", misses " + missing + ", " + instance.failure);
                }
            }
        }
        assertEquals(List.of(), others);
        assertTrue("components: " + ours, ours >= 10);
    }

    @Test
    public void everyConfiguredProviderIsThere() {
        for (ProviderKind kind : ProviderKind.values()) {
            assertTrue(kind + ": " + service.available(kind), service.available(kind).contains(service.selected().get(kind)));
        }
    }

    @Test
    public void aProgramRuns() throws Exception {
        assertEquals(7, run("exit 7"));
    }

    @Test
    public void anUnknownProviderIsRefusedWithTheNamesThatAre() {
        try {
            service.start(SandboxSpec.of(List.of("/bin/true")).providers(Map.of(ProviderKind.PLATFORM, "nosuch")).build()).close();
            fail("started");
        } catch (SandboxException e) {
            assertEquals(SandboxException.OWN_FAILURE, e.exitStatus());
            assertTrue(e.getMessage(), e.getMessage().contains("nosuch") && e.getMessage().contains("ptrace"));
        }
    }

    @Test
    public void theRootFilesystemIsReplacedForNewSandboxesWhileARunningOneKeepsItsUpperLayerInMemory() throws Exception {
        FileSystemProvider overlay = provider(FileSystemProvider.class, "overlay");
        AtomicInteger mounts = new AtomicInteger();
        register(FileSystemProvider.class, new CountingProvider(overlay, "counted", mounts),
                Map.of(FileSystemProvider.NAME, "counted", FileSystemProvider.ROOT, true));
        try (Sandbox running = start("echo kept >/tmp/kept; until [ -e /marks/end ]; do ls /usr >/dev/null || exit 9; done;"
                + " [ \"$(cat /tmp/kept)\" = kept ] && exit 3")) {
            select(ProviderKind.ROOTFS, "counted"); // the running one goes along some time, since its upper layer can be taken over
            try (Sandbox other = start("test -d /usr && echo x >/tmp/new && exit 4")) {
                assertEquals("counted", other.providers().get(ProviderKind.ROOTFS));
                assertTrue(mounts.get() >= 1); // once more for the running one
                assertEquals(4, other.awaitExit());
            }
            mark("end");
            assertEquals(3, running.awaitExit());
        }
    }

    @Test
    public void stoppingTheRootFilesystemsBundleTearsNothingFromARunningProgram() throws Exception {
        Bundle bundle = bundle("dev.caisson.fs.overlay");
        try (Sandbox running = start("until [ -e /marks/stopped ]; do :; done;"
                + " echo x >/tmp/upper && ls -l /bin /tmp/upper >/dev/null && sh -c 'exit 5'")) {
            bundle.stop();
            mark("stopped");
            assertFalse(service.available(ProviderKind.ROOTFS).contains("overlay"));
            assertEquals(5, running.awaitExit());
        } finally {
            bundle.start();
        }
        assertEquals(6, run("exit 6"));
    }

    @Test
    public void theSyscallTableIsReplacedUnderARunningProgram() throws Exception {
        SyscallTable linux = provider(SyscallTableProvider.class, "linux").table();
        AtomicInteger calls = new AtomicInteger();
        SyscallHandler uname = linux.row(UNAME).handler();
        assertNotNull(uname);
        SyscallTable counting = linux.derive("counting").add(linux.row(UNAME).withHandler((task, args) -> {
            calls.incrementAndGet();
            return uname.handle(task, args);
        })).build();
        register(SyscallTableProvider.class, () -> counting, Map.of(SyscallTableProvider.NAME, "counting"));
        try (Sandbox running = start("uname -n >/marks/first; until [ -e /marks/replaced ]; do :; done;"
                + " uname -n >/dev/null || exit 9; exit 8")) {
            await("the first uname", () -> Files.exists(marks.resolve("first")) && Files.size(marks.resolve("first")) > 0);
            assertEquals(0, calls.get());
            select(ProviderKind.SYSCALLS, "counting");
            await("the new table", () -> "counting".equals(running.providers().get(ProviderKind.SYSCALLS)));
            mark("replaced");
            assertEquals(8, running.awaitExit());
        }
        assertTrue("calls: " + calls, calls.get() > 0);
    }

    @Test
    public void updatingTheSyscallTablesBundleKeepsARunningProgram() throws Exception {
        Bundle bundle = bundle("dev.caisson.syscall.table");
        try (Sandbox running = start(": >/marks/running; until [ -e /marks/updated ]; do uname -n >/dev/null || exit 9; done;"
                + " uname -n >/dev/null || exit 9; exit 2")) {
            await("the program", () -> Files.exists(marks.resolve("running")));
            bundle.update();
            assertEquals(Bundle.ACTIVE, bundle.getState());
            mark("updated");
            assertEquals(2, running.awaitExit());
        }
        assertEquals(1, run("exit 1"));
    }

    /** A condition that comes true some time. */
    private interface Condition {
        boolean isTrue() throws Exception;
    }

    private static void await(String what, Condition condition) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(180);
        while (!condition.isTrue()) {
            assertTrue("waited in vain for " + what, System.nanoTime() < deadline);
            Thread.sleep(5);
        }
    }

    /** Tells the program, which waits for the file. */
    private void mark(String name) throws IOException {
        Files.createFile(marks.resolve(name));
    }

    @Test
    public void thePlatformIsReplacedUnderARunningProgram() throws Exception {
        register(Platform.class, new RenamedPlatform(provider(Platform.class, "ptrace"), "renamed", Integer.MAX_VALUE),
                Map.of(Platform.NAME, "renamed"));
        try (Sandbox running = start(WORK + "exit 8")) {
            for (int i = 0; i < 10; i++) {
                String name = i % 2 == 0 ? "renamed" : "ptrace";
                SwapReport report = service.swap(running, ProviderKind.PLATFORM, name);
                assertEquals(name, report.to());
                assertTrue("pause: " + report.pauseNs(), report.pauseNs() > 0);
                assertEquals(name, running.providers().get(ProviderKind.PLATFORM));
            }
            select(ProviderKind.PLATFORM, "renamed"); // as an edit of etc/ does
            await("the move", () -> "renamed".equals(running.providers().get(ProviderKind.PLATFORM)));
            assertEquals(8, running.awaitExit());
        }
    }

    @Test
    public void aPlatformThatGoesIsReplacedByTheFallbackUntilItReturns() throws Exception {
        Platform ptrace = provider(Platform.class, "ptrace");
        ServiceRegistration<Platform> first = context.registerService(Platform.class, new RenamedPlatform(ptrace, "renamed", Integer.MAX_VALUE),
                new Hashtable<>(Map.of(Platform.NAME, "renamed")));
        try (Sandbox running = service.start(SandboxSpec.of(List.of("/bin/sh", "-c", WORK + "exit 7"))
                .providers(Map.of(ProviderKind.PLATFORM, "renamed")).build())) {
            first.unregister();
            assertEquals("ptrace", running.providers().get(ProviderKind.PLATFORM));
            register(Platform.class, new RenamedPlatform(ptrace, "renamed", Integer.MAX_VALUE), Map.of(Platform.NAME, "renamed"));
            assertEquals("renamed", running.providers().get(ProviderKind.PLATFORM));
            assertEquals(7, running.awaitExit());
        }
    }

    @Test
    public void aPlatformThatFailsUnderTheProgramIsLeftAgain() throws Exception {
        // One address space is for the test that comes before the change; the program's fails.
        register(Platform.class, new RenamedPlatform(provider(Platform.class, "ptrace"), "failing", 1), Map.of(Platform.NAME, "failing"));
        try (Sandbox running = start(WORK + "exit 6")) {
            try {
                service.swap(running, ProviderKind.PLATFORM, "failing");
                fail("swapped");
            } catch (SandboxException e) {
                assertTrue(e.getMessage(), e.getMessage().contains("failing") && e.getMessage().contains("back on ptrace"));
            }
            assertEquals("ptrace", running.providers().get(ProviderKind.PLATFORM));
            assertEquals(6, running.awaitExit());
        }
    }

    @Test
    public void aConfiguredPlatformThatTheHostDoesNotHaveIsReplacedByTheFallback() throws Exception {
        registrations.add(context.registerService(Platform.class, new ServiceFactory<Platform>() {
            @Override
            public Platform getService(Bundle bundle, ServiceRegistration<Platform> registration) {
                return null; // as of a component that cannot be activated
            }

            @Override
            public void ungetService(Bundle bundle, ServiceRegistration<Platform> registration, Platform platform) {
                // There is none.
            }
        }, new Hashtable<>(Map.of(Platform.NAME, "absent"))));
        select(ProviderKind.PLATFORM, "absent");
        try (Sandbox running = start("exit 6")) {
            assertEquals("ptrace", running.providers().get(ProviderKind.PLATFORM));
            assertEquals(6, running.awaitExit());
        }
        try {
            service.start(SandboxSpec.of(List.of("/bin/true")).providers(Map.of(ProviderKind.PLATFORM, "absent")).build()).close();
            fail("what was asked for is not replaced");
        } catch (SandboxException e) {
            assertTrue(e.getMessage(), e.getMessage().contains("absent"));
        }
    }

    @Test
    public void aPlatformsBundleIsStoppedUpdatedAndUninstalledUnderARunningProgram() throws Exception {
        List<String> others = new ArrayList<>(service.available(ProviderKind.PLATFORM));
        others.remove("ptrace");
        Assume.assumeFalse("ptrace is the only platform of the distribution", others.isEmpty());
        int usable = 0;
        for (String name : others) {
            String end = "end-" + name;
            // It forks, uses pipes and counts all the time: each change meets it somewhere else.
            try (Sandbox running = start("i=0; until [ -e /marks/" + end + " ]; do [ \"$(echo $i | cat)\" = $i ] || exit 9; i=$((i+1));"
                    + " echo $i >/marks/rounds; done; exit 5")) {
                try {
                    service.swap(running, ProviderKind.PLATFORM, name);
                } catch (SandboxException e) {
                    System.err.println("not on this host: " + e.getMessage());
                    continue;
                }
                usable++;
                goesOn(running, name);
                Bundle bundle = null;
                for (ServiceReference<Platform> reference : context.getServiceReferences(Platform.class, "(caisson.name=" + name + ")")) {
                    bundle = reference.getBundle();
                }
                bundle.stop();
                goesOn(running, "ptrace");
                bundle.start();
                goesOn(running, name);
                bundle.update();
                goesOn(running, name);
                bundle.uninstall();
                goesOn(running, "ptrace");
                Path jar = ContainerOptions.home().resolve("bundles/platform-" + name + ".jar");
                context.installBundle(jar.toUri().toString()).start();
                goesOn(running, name);
                mark(end);
                assertEquals(5, running.awaitExit());
            }
        }
        assertTrue("systrap works wherever the tests run", usable > 0);
    }

    /** The program runs on the platform: it gets further. */
    private void goesOn(Sandbox running, String platform) throws Exception {
        goesOn(running, ProviderKind.PLATFORM, platform);
    }

    private void goesOn(Sandbox running, ProviderKind kind, String name) throws Exception {
        await(kind + " " + name, () -> name.equals(running.providers().get(kind)));
        Path rounds = marks.resolve("rounds");
        Files.deleteIfExists(rounds);
        await("progress on " + name, () -> Files.exists(rounds));
    }

    @Test
    public void theFastestPlatformThatWorksIsFound() throws Exception {
        register(Platform.class, new RenamedPlatform(provider(Platform.class, "ptrace"), "broken", 0), Map.of(Platform.NAME, "broken"));
        try (Sandbox sandbox = service.start(SandboxSpec.of(List.of("/bin/sh", "-c", "exit 4"))
                .providers(Map.of(ProviderKind.PLATFORM, "auto")).build())) {
            assertTrue(service.available(ProviderKind.PLATFORM).contains(sandbox.providers().get(ProviderKind.PLATFORM)));
            assertFalse(sandbox.providers().get(ProviderKind.PLATFORM).equals("broken"));
            assertEquals(4, sandbox.awaitExit());
        }
    }

    /**
     * Starts a script on the host's root, read-only: it starts programs that are in it, with files and directories of it open, all the time.
     *
     * @param end the mark that ends it; it exits with 5
     */
    private Sandbox startOnHost(String end) throws SandboxException {
        return service.start(SandboxSpec.of(List.of("/bin/sh", "-c", "cd /usr; exec 7</etc/passwd 8</etc; i=0; until [ -e /tmp/" + end + " ];"
                + " do [ \"$(echo $i | cat)\" = $i ] || exit 9; i=$((i+1)); echo $i >/tmp/rounds; done;"
                + " [ $(pwd) = /usr ] && ls bin >/dev/null && [ \"$(cat <&7)\" = \"$(cat /etc/passwd)\" ] && exit 5; exit 8"))
                .volume(new Volume(marks.toString(), "/tmp", false)).build());
    }

    /** The program goes on, with this provider for its root. */
    private void goesOnWithRoot(Sandbox running, String rootfs) throws Exception {
        goesOn(running, ProviderKind.ROOTFS, rootfs);
    }

    private void configureRoot(String name, String fallback) throws Exception {
        Dictionary<String, Object> values = new Hashtable<>(Map.of("name", name, "source", "/", "options", "ro", "fallback", fallback));
        configurations.getConfiguration(ProviderKind.ROOTFS.pid(), "?").update(values);
        await("rootfs " + name, () -> name.equals(service.selected().get(ProviderKind.ROOTFS)));
    }

    @Test
    public void anEditOfTheConfigurationMovesTheRootOfARunningProgram() throws Exception {
        Path file = ContainerOptions.etc().resolve(ProviderKind.ROOTFS.pid() + ".cfg");
        String original = Files.readString(file);
        try {
            Files.writeString(file, "name=hostdir\nsource=/\noptions=ro\n");
            await("the first edit", () -> "hostdir".equals(service.selected().get(ProviderKind.ROOTFS)));
            try (Sandbox running = startOnHost("end")) {
                goesOnWithRoot(running, "hostdir");
                Files.writeString(file, "name=9p\nsource=/\noptions=ro\n");
                goesOnWithRoot(running, "9p");
                Files.writeString(file, "name=nosuch\nsource=/\noptions=ro\n");
                await("the wrong edit", () -> "nosuch".equals(service.selected().get(ProviderKind.ROOTFS)));
                goesOnWithRoot(running, "9p");
                Files.writeString(file, "name=overlay\nsource=/\n");
                goesOnWithRoot(running, "overlay");
                mark("end");
                assertEquals(5, running.awaitExit());
            }
        } finally {
            Files.writeString(file, original + "restored=true\n");
            await("the original", () -> configurations.getConfiguration(ProviderKind.ROOTFS.pid(), "?").getProperties().get("restored") != null);
        }
    }

    @Test
    public void aRootProvidersBundleIsStoppedUpdatedAndUninstalledUnderARunningProgram() throws Exception {
        configureRoot("hostdir", "9p");
        Bundle bundle = bundle("dev.caisson.fs.host");
        try (Sandbox running = startOnHost("end")) {
            goesOnWithRoot(running, "hostdir");
            bundle.stop();
            assertEquals("9p", running.providers().get(ProviderKind.ROOTFS)); // it moved before its bundle was gone
            goesOnWithRoot(running, "9p");
            bundle.start();
            goesOnWithRoot(running, "hostdir");
            bundle.update();
            goesOnWithRoot(running, "hostdir");
            bundle.uninstall();
            assertEquals("9p", running.providers().get(ProviderKind.ROOTFS));
            goesOnWithRoot(running, "9p");
            context.installBundle(ContainerOptions.home().resolve("bundles/fs-host.jar").toUri().toString()).start();
            goesOnWithRoot(running, "hostdir");
            mark("end");
            assertEquals(5, running.awaitExit());
        }
    }

    @Test
    public void aRootThatNothingCanTakeOverWorksOnWithoutItsBundle() throws Exception {
        configureRoot("hostdir", "");
        Bundle bundle = bundle("dev.caisson.fs.host");
        try (Sandbox running = startOnHost("end")) {
            bundle.stop();
            goesOnWithRoot(running, "hostdir");
            configureRoot("tmpfs", ""); // another tree
            goesOnWithRoot(running, "hostdir");
            bundle.start();
            mark("end");
            assertEquals(5, running.awaitExit());
        } finally {
            bundle.start();
        }
    }

    /** Starts a script that sees the directory of marks as /marks. */
    private Sandbox start(String script) throws SandboxException {
        return service.start(SandboxSpec.of(List.of("/bin/sh", "-c", script))
                .volume(new Volume(marks.toString(), "/marks", false)).build());
    }

    private int run(String script) throws SandboxException, InterruptedException {
        try (Sandbox sandbox = start(script)) {
            return sandbox.awaitExit();
        }
    }

    private <T> T provider(Class<T> type, String name) throws Exception {
        for (ServiceReference<T> reference : context.getServiceReferences(type, "(caisson.name=" + name + ")")) {
            return context.getService(reference);
        }
        throw new AssertionError("no " + type + " named " + name);
    }

    private <T> void register(Class<T> type, T provider, Map<String, Object> properties) {
        registrations.add(context.registerService(type, provider, new Hashtable<>(properties)));
    }

    private Bundle bundle(String symbolicName) throws BundleException {
        for (Bundle bundle : context.getBundles()) {
            if (symbolicName.equals(bundle.getSymbolicName())) {
                return bundle;
            }
        }
        throw new AssertionError("no bundle " + symbolicName);
    }

    /** Changes the configuration as an operator does, and waits until it was heard. */
    private void select(ProviderKind kind, String name) throws Exception {
        Dictionary<String, Object> values = new Hashtable<>();
        values.put("name", name);
        configurations.getConfiguration(kind.pid(), "?").update(values);
        await(kind + " " + name, () -> name.equals(service.selected().get(kind)));
    }
}
