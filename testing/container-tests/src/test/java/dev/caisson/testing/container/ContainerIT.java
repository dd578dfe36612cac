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
import dev.caisson.kernel.syscall.SyscallHandler;
import dev.caisson.kernel.syscall.SyscallTable;
import dev.caisson.kernel.syscall.SyscallTableProvider;
import dev.caisson.spi.fs.FileSystemProvider;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Dictionary;
import java.util.Hashtable;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import javax.inject.Inject;
import org.junit.After;
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

    @After
    public void restore() throws IOException, InterruptedException {
        for (ProviderKind kind : ProviderKind.values()) {
            select(kind, kind.defaultName());
        }
        registrations.forEach(ServiceRegistration::unregister);
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
    public void theRootFilesystemIsReplacedForNewSandboxesWhileARunningOneKeepsIts() throws Exception {
        FileSystemProvider overlay = provider(FileSystemProvider.class, "overlay");
        AtomicInteger mounts = new AtomicInteger();
        register(FileSystemProvider.class, new CountingProvider(overlay, "counted", mounts),
                Map.of(FileSystemProvider.NAME, "counted", FileSystemProvider.ROOT, true));
        try (Sandbox running = start("i=0; while [ $i -lt 20 ]; do ls /usr >/dev/null || exit 9; sleep 0.05; i=$((i+1)); done; exit 3")) {
            select(ProviderKind.ROOTFS, "counted");
            assertEquals("overlay", running.providers().get(ProviderKind.ROOTFS));
            try (Sandbox other = start("test -d /usr && echo x >/tmp/new && exit 4")) {
                assertEquals("counted", other.providers().get(ProviderKind.ROOTFS));
                assertEquals(1, mounts.get());
                assertEquals(4, other.awaitExit());
            }
            assertEquals(3, running.awaitExit());
        }
    }

    @Test
    public void stoppingTheRootFilesystemsBundleTearsNothingFromARunningProgram() throws Exception {
        Bundle bundle = bundle("dev.caisson.fs.overlay");
        try (Sandbox running = start("sleep 0.3; echo x >/tmp/upper && ls -l /bin /tmp/upper >/dev/null && sh -c 'exit 5'")) {
            bundle.stop();
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
        try (Sandbox running = start("i=0; while [ $i -lt 30 ]; do uname -n >/dev/null || exit 9; sleep 0.05; i=$((i+1)); done; exit 8")) {
            Thread.sleep(300);
            assertEquals(0, calls.get());
            select(ProviderKind.SYSCALLS, "counting");
            assertEquals("counting", running.providers().get(ProviderKind.SYSCALLS));
            assertEquals(8, running.awaitExit());
        }
        assertTrue("calls: " + calls, calls.get() > 0);
    }

    @Test
    public void updatingTheSyscallTablesBundleKeepsARunningProgram() throws Exception {
        Bundle bundle = bundle("dev.caisson.syscall.table");
        try (Sandbox running = start("i=0; while [ $i -lt 20 ]; do uname -n >/dev/null || exit 9; sleep 0.05; i=$((i+1)); done; exit 2")) {
            Thread.sleep(200);
            bundle.update();
            assertEquals(Bundle.ACTIVE, bundle.getState());
            assertEquals(2, running.awaitExit());
        }
        assertEquals(1, run("exit 1"));
    }

    private Sandbox start(String script) throws SandboxException {
        return service.start(SandboxSpec.of(List.of("/bin/sh", "-c", script)).build());
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
    private void select(ProviderKind kind, String name) throws IOException, InterruptedException {
        Dictionary<String, Object> values = new Hashtable<>();
        values.put("name", name);
        configurations.getConfiguration(kind.pid(), "?").update(values);
        for (int i = 0; i < 200 && !name.equals(service.selected().get(kind)); i++) {
            Thread.sleep(10);
        }
        assertEquals(name, service.selected().get(kind));
        Thread.sleep(50); // the change is applied to running sandboxes right after it was heard
    }
}
