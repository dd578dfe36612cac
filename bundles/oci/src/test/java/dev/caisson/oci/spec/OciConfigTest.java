package dev.caisson.oci.spec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Mount;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a config.json means, and what is said about one that is wrong. */
final class OciConfigTest {
    private static final Path BUNDLE = Path.of("/bundle");
    private static final String PROCESS = "\"process\":{\"cwd\":\"/\",\"args\":[\"sh\"]%s}";

    static OciConfig parse(String json) throws OciConfigException {
        return OciConfig.parse(json.getBytes(StandardCharsets.UTF_8), BUNDLE);
    }

    /** A small configuration with more members. */
    private static OciConfig with(String members) throws OciConfigException {
        return parse("{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"rootfs\"}" + (members.isEmpty() ? "" : ",") + members + "}");
    }

    private static OciProcess process(String members) throws OciConfigException {
        return with(PROCESS.formatted(members.isEmpty() ? "" : "," + members)).process();
    }

    private static String refusal(String members) {
        return assertThrows(OciConfigException.class, () -> with(members)).getMessage();
    }

    private static String quotes(String text) {
        return text.replace('\'', '"');
    }

    @Test
    void theDefaultConfigurationIsGood() throws OciConfigException {
        for (boolean isRootless : new boolean[] {false, true}) {
            OciConfig config = parse(OciDefaults.config(isRootless, 1000, 1001));
            assertEquals(Path.of("/bundle/rootfs"), config.rootPath());
            assertTrue(config.root().readonly());
            assertTrue(config.process().terminal());
            assertTrue(config.process().noNewPrivileges());
            assertEquals(List.of("sh"), config.process().args());
            assertEquals(7, config.mounts().size());
            assertEquals(isRootless, config.linux().namespace(OciNamespace.Type.USER) != null);
            assertEquals(List.of(), config.warnings());
            assertTrue(config.hooks().isEmpty());
        }
    }

    @Test
    void theSmallestConfigurationHasDefaults() throws OciConfigException {
        OciConfig config = with("");
        assertNull(config.process());
        assertNull(config.hostname());
        assertEquals(OciLinux.NONE, config.linux());
        assertEquals(Map.of(), config.annotations());
    }

    @Test
    void unknownPropertiesAreIgnored() throws OciConfigException {
        OciConfig config = parse(quotes("{'ociVersion':'1.0.2-dev','root':{'path':'/r','new':1},'future':{'x':[{}]},'linux':{'novel':true}}"));
        assertEquals(Path.of("/r"), config.rootPath());
    }

    @Test
    void aProcessHasAllItsFields() throws OciConfigException {
        OciProcess process = process(quotes("""
                'terminal':true,'consoleSize':{'height':24,'width':80},'env':['A=1','B='],
                'user':{'uid':1000,'gid':4294967294,'umask':63,'additionalGids':[5,6]},
                'capabilities':{'bounding':['CAP_CHOWN','CAP_KILL'],'effective':['CAP_KILL'],'permitted':['CAP_KILL'],
                  'inheritable':['CAP_SETUID'],'ambient':['CAP_CHECKPOINT_RESTORE']},
                'rlimits':[{'type':'RLIMIT_NOFILE','soft':1024,'hard':4096},{'type':'RLIMIT_CORE','soft':0,'hard':18446744073709551615}],
                'noNewPrivileges':true,'oomScoreAdj':-999,'ioPriority':{'class':'IOPRIO_CLASS_IDLE','priority':4},
                'scheduler':{'policy':'SCHED_BATCH','nice':5,'flags':['SCHED_FLAG_RESET_ON_FORK']}"""));
        assertEquals(new OciProcess.ConsoleSize(24, 80), process.consoleSize());
        assertEquals(new OciUser(1000, -2, 077, List.of(5, 6)), process.user());
        assertEquals(new OciCapabilities(1 | 1 << 5, 1 << 5, 1 << 7, 1 << 5, 1L << 40), process.capabilities());
        assertEquals(List.of(new OciRlimit("RLIMIT_NOFILE", 7, 1024, 4096), new OciRlimit("RLIMIT_CORE", 4, 0, -1)), process.rlimits());
        assertEquals(-999, process.oomScoreAdj());
        assertEquals(3 << 13 | 4, process.ioPriority().ioprio());
        assertEquals(new OciScheduler(3, 5, 0, true, 0, 0, 0), process.scheduler());
        assertEquals(List.of("A=1", "B="), process.env());
    }

    @Test
    void unknownCapabilitiesAndForeignSecurityModulesAreWarnings() throws OciConfigException {
        OciConfig config = with(PROCESS.formatted(quotes(",'capabilities':{'bounding':['CAP_TELEPORT']},'apparmorProfile':'docker-default'")));
        assertEquals(2, config.warnings().size());
        assertTrue(config.warnings().stream().anyMatch(line -> line.startsWith("process.capabilities.bounding[0]: ")));
        assertTrue(config.warnings().stream().anyMatch(line -> line.startsWith("process.apparmorProfile: ")));
    }

    @Test
    void mountOptionsMeanFlagsPropagationAndData() throws OciConfigException {
        OciConfig config = with(quotes("""
                'mounts':[{'destination':'/a','source':'data','options':['rbind','ro','nosuid','rw','rslave','rro']},
                {'destination':'/b','type':'tmpfs','options':['size=64k','mode=1777','noexec,nr_inodes=5','tmpcopyup']},
                {'destination':'c','type':'bind','source':'/x'}]"""));
        OciMount first = config.mounts().getFirst();
        assertEquals("bind", first.type());
        assertEquals("/bundle/data", first.source());
        assertTrue(first.options().isRecursive());
        assertEquals(Mount.MS_NOSUID, first.options().flags());
        assertEquals(Mount.MS_RDONLY, first.options().recursiveFlags());
        assertEquals(List.of((long) Mount.MS_SLAVE | Mount.MS_REC), first.options().propagation());
        OciMount second = config.mounts().get(1);
        assertEquals(Map.of("size", "64k", "mode", "1777", "noexec", "", "nr_inodes", "5"), second.options().data());
        assertTrue(second.options().copiesUp());
        assertEquals("/c", config.mounts().get(2).destination());
        assertTrue(config.mounts().get(2).options().isBind());
    }

    @Test
    void hooksHaveArgumentsEnvironmentAndTimeout() throws OciConfigException {
        OciHooks hooks = with(quotes("""
                'hooks':{'prestart':[{'path':'/bin/a','args':['a','b'],'env':['X=1'],'timeout':5}],'poststop':[{'path':'/bin/b'}]}""")).hooks();
        assertEquals(List.of(new OciHooks.Hook("/bin/a", List.of("a", "b"), List.of("X=1"), 5)), hooks.prestart());
        assertEquals(List.of(new OciHooks.Hook("/bin/b", List.of(), List.of(), 0)), hooks.poststop());
        assertEquals(List.of(), hooks.createRuntime());
    }

    @Test
    void limitsAreRead() throws OciConfigException {
        OciResources limits = OciResources.parse(quotes("""
                {'memory':{'limit':1048576,'swap':-1,'disableOOMKiller':false},'cpu':{'shares':512,'quota':-1,'period':100000,'cpus':'0-2,7'},
                'pids':{'limit':100},'devices':[{'allow':false,'access':'rwm'},{'allow':true,'type':'c','major':1,'minor':-1}],
                'hugepageLimits':[{'pageSize':'2MB','limit':0}],'unified':{'memory.high':'max'},
                'blockIO':{'weight':10,'throttleReadBpsDevice':[{'major':8,'minor':0,'rate':600}]}}"""));
        assertEquals(1048576, limits.memory().limit());
        assertEquals(false, limits.memory().disableOOMKiller());
        assertEquals("0-2,7", limits.cpu().cpus());
        assertEquals(100, limits.pidsLimit());
        assertEquals(new OciResources.DeviceRule(true, 'c', 1L, null, "rwm"), limits.devices().get(1));
        assertEquals(List.of(new OciResources.DeviceValue(8, 0, 600)), limits.blockIO().throttleReadBpsDevice());
    }

    @Test
    void aSeccompProfileIsRead() throws OciConfigException {
        OciSeccomp profile = with(quotes("""
                'linux':{'seccomp':{'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':38,'architectures':['SCMP_ARCH_X86_64'],
                'syscalls':[{'names':['clone','no_such_call'],'action':'SCMP_ACT_ALLOW',
                'args':[{'index':0,'value':18446744073709551615,'valueTwo':0,'op':'SCMP_CMP_MASKED_EQ'}]}]}}""")).linux().seccomp();
        assertEquals(38, profile.defaultErrno());
        assertEquals(new OciSeccomp.Condition(0, -1, 0, OciSeccomp.Operator.MASKED_EQ), profile.rules().getFirst().conditions().getFirst());
    }

    /** One line each: members of config.json besides ociVersion and root, and the message. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "'process':{'args':['a']}                                                     | process.cwd: is required",
        "'process':{'cwd':'tmp','args':['a']}                                         | process.cwd: is not absolute: tmp",
        "'process':{'cwd':'/'}                                                        | process.args: needs at least one entry",
        "'process':{'cwd':'/','args':'sh'}                                            | process.args: an array is expected, not a string",
        "'process':{'cwd':'/','args':['a',1]}                                         | process.args[1]: a string is expected, not a number",
        "'process':{'cwd':'/','args':['a',null]}                                      | process.args[1]: a string is expected, not nothing",
        "'process':{'cwd':'/','args':['a\\u0000b']}                                   | process.args[0]: holds a NUL character",
        "'process':{'cwd':'/','args':['']}                                            | process.args: [0] is empty",
        "'process':[]                                                                 | process: an object is expected, not an array",
        "'process':{'cwd':'/','args':['a'],'env':['A']}                               | process.env: [0] has not the form NAME=value: A",
        "'process':{'cwd':'/','args':['a'],'terminal':'yes'}                          | process.terminal: true or false is expected, not a string",
        "'process':{'cwd':'/','args':['a'],'user':{'uid':-1}}                         | process.user.uid: is out of range: -1, not 0 to 4294967294",
        "'process':{'cwd':'/','args':['a'],'user':{'uid':1.5}}                        | process.user.uid: is no whole number: 1.5",
        "'process':{'cwd':'/','args':['a'],'user':{'gid':1e99}}                       | process.user.gid: is out of range: 1E+99",
        "'process':{'cwd':'/','args':['a'],'user':{'umask':512}}                      | process.user.umask: is out of range: 512, not 0 to 511",
        "'process':{'cwd':'/','args':['a'],'oomScoreAdj':1001}                        | process.oomScoreAdj: is out of range: 1001, not -1000 to 1000",
        "'process':{'cwd':'/','args':['a'],'rlimits':[{'type':'RLIMIT_FOO','soft':1,'hard':1}]} | process.rlimits[0].type: unknown limit RLIMIT_FOO",
        "'process':{'cwd':'/','args':['a'],'rlimits':[{'type':'RLIMIT_AS','soft':2,'hard':1}]}  | process.rlimits[0].soft: is above the hard limit of 1",
        "'process':{'cwd':'/','args':['a'],'rlimits':[{'type':'RLIMIT_AS','soft':2}]} | process.rlimits[0].hard: is required",
        "'process':{'cwd':'/','args':['a'],'rlimits':[{'type':'RLIMIT_AS','soft':2,'hard':2},{'type':'RLIMIT_AS','soft':2,'hard':2}]} | process.rlimits[1].type: RLIMIT_AS is there twice",
        "'process':{'cwd':'/','args':['a'],'ioPriority':{'class':'BE'}}               | process.ioPriority.class: unknown class BE",
        "'process':{'cwd':'/','args':['a'],'scheduler':{'policy':'SCHED_FIFO'}}       | process.scheduler.priority: is required for SCHED_FIFO",
        "'hostname':'x'                                                               | hostname: needs an entry of type uts in linux.namespaces",
        "'domainname':'x'                                                             | domainname: needs an entry of type uts in linux.namespaces",
        "'mounts':{}                                                                  | mounts: an array is expected, not an object",
        "'mounts':[{'type':'tmpfs'}]                                                  | mounts[0].destination: is required",
        "'mounts':[{'destination':'/a'}]                                              | mounts[0].type: is required, unless the options have bind or rbind",
        "'mounts':[{'destination':'/a','type':'proc'},{'destination':'/a','type':'nfs'}] | mounts[1].type: unknown type nfs; known are bind, cgroup, cgroup2, devpts, mqueue, proc, sysfs, tmpfs",
        "'mounts':[{'destination':'/a','type':'bind'}]                                | mounts[0].source: is required for a bind mount",
        "'mounts':[{'destination':'/a','source':'/b','options':['bind','speed=9']}]   | mounts[0].options: unknown option speed for a bind mount",
        "'mounts':[{'destination':'/a','source':'/b','options':['bind','idmap']}]     | mounts[0].options[1]: is not supported: idmap",
        "'mounts':[{'destination':'/a','type':'tmpfs','options':[4]}]                 | mounts[0].options[0]: a string is expected, not a number",
        "'hooks':{'poststop':[{'path':'bin/x'}]}                                      | hooks.poststop[0].path: is not absolute: bin/x",
        "'hooks':{'poststop':[{'path':'/x','timeout':0}]}                             | hooks.poststop[0].timeout: is out of range: 0, not 1 to 2147483647",
        "'annotations':{'a.b':1}                                                      | annotations[\"a.b\"]: a string is expected, not a number",
        "'annotations':{'':'x'}                                                       | annotations: has a member without a name",
        "'linux':{'namespaces':[{'type':'pid'},{'type':'pid'}]}                       | linux.namespaces[1].type: pid is there twice",
        "'linux':{'namespaces':[{'type':'net'}]}                                      | linux.namespaces[0].type: unknown type net",
        "'linux':{'namespaces':[{'type':'network','path':'run/x'}]}                   | linux.namespaces[0].path: is not absolute: run/x",
        "'linux':{'uidMappings':[{'containerID':0,'hostID':1,'size':1}]}              | linux.uidMappings: needs an entry of type user in linux.namespaces",
        "'linux':{'namespaces':[{'type':'user'}],'uidMappings':[{'containerID':0,'hostID':1,'size':9},{'containerID':8,'hostID':100,'size':1}]} | linux.uidMappings[1]: overlaps another mapping",
        "'linux':{'devices':[{'path':'/dev/x','type':'q'}]}                           | linux.devices[0].type: unknown type q",
        "'linux':{'devices':[{'path':'/dev/x','type':'c','major':1}]}                 | linux.devices[0].minor: is required",
        "'linux':{'maskedPaths':['proc/kcore']}                                       | linux.maskedPaths: [0] is not absolute: proc/kcore",
        "'linux':{'rootfsPropagation':'both'}                                         | linux.rootfsPropagation: unknown type both",
        "'linux':{'personality':{'domain':'BSD'}}                                     | linux.personality.domain: unknown domain BSD",
        "'linux':{'sysctl':{'vm.swappiness':'1'}}                                     | linux.sysctl: vm.swappiness is the whole kernel's, not that of a namespace",
        "'linux':{'sysctl':{'kernel.hostname':'a'}}                                   | linux.sysctl: kernel.hostname is what hostname sets",
        "'linux':{'sysctl':{'fs/mqueue/msg_max':'1'}}                                 | linux.sysctl: fs/mqueue/msg_max needs an entry of type ipc in linux.namespaces",
        "'linux':{'sysctl':{'net/../../x':'1'}}                                       | linux.sysctl: no kernel parameter has the name net/../../x",
        "'linux':{'intelRdt':{}}                                                      | linux.intelRdt: is not supported",
        "'linux':{'timeOffsets':{'monotonic':{'secs':5}}}                             | linux.timeOffsets: needs an entry of type time in linux.namespaces",
        "'linux':{'resources':{'memory':{'limit':100,'swap':50}}}                     | linux.resources.memory.swap: is memory and swap together, so at least the limit of 100",
        "'linux':{'resources':{'cpu':{'cpus':'0-'}}}                                  | linux.resources.cpu.cpus: is no list such as 0-2,7: 0-",
        "'linux':{'resources':{'pids':{}}}                                            | linux.resources.pids.limit: is required",
        "'linux':{'seccomp':{}}                                                       | linux.seccomp.defaultAction: is required",
        "'linux':{'seccomp':{'defaultAction':'SCMP_ACT_NOTIFY'}}                      | linux.seccomp.defaultAction: SCMP_ACT_NOTIFY is not supported: nobody is notified of system calls",
        "'linux':{'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','defaultErrnoRet':1}}   | linux.seccomp.defaultErrnoRet: is for SCMP_ACT_ERRNO and SCMP_ACT_TRACE, not for SCMP_ACT_ALLOW",
        "'linux':{'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'action':'SCMP_ACT_LOG'}]}} | linux.seccomp.syscalls[0].names: needs at least one entry",
        "'linux':{'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['a'],'action':'SCMP_ACT_LOG','args':[{'index':6}]}]}} | linux.seccomp.syscalls[0].args[0].index: is out of range: 6, not 0 to 5",
        "'linux':{'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','listenerPath':'/run/x'}} | linux.seccomp.listenerPath: is not supported: nobody is notified of system calls",
        "'root':{'path':'x'}                                                          | root: is there twice",
    })
    void aWrongFieldIsNamed(String members, String message) {
        assertEquals(message, refusal(quotes(members)));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "{'root':{'path':'x'}}                           | ociVersion: is required",
        "{'ociVersion':'1.0.2'}                          | root: is required",
        "{'ociVersion':'1.0.2','root':{}}                | root.path: is required",
        "{'ociVersion':'1.0.2','root':{'path':''}}       | root.path: is empty",
        "{'ociVersion':'2.0.0','root':{'path':'x'}}      | ociVersion: version 2.0.0 is not supported, only 1.x is",
        "{'ociVersion':'one','root':{'path':'x'}}        | ociVersion: is no version: one",
        "{'ociVersion':1,'root':{'path':'x'}}            | ociVersion: a string is expected, not a number",
        "[]                                              | an object is expected, not an array",
        "null                                            | an object is expected, not nothing",
        "{'a':1,'a':2}                                   | a: is there twice",
        "{'a':{'b':1,'b':2}}                             | a.b: is there twice",
    })
    void aWrongDocumentIsNamed(String json, String message) {
        assertEquals(message, assertThrows(OciConfigException.class, () -> parse(quotes(json))).getMessage());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "{", "{\"a\":}", "{} {}", "{\"a\":tru}", "{\"a\":\"\n\"}", "\u0000", "{\"a\":01}", "{'a':1}", "{\"a\":1,}"})
    void whatIsNoJsonIsOneLine(String text) {
        String message = assertThrows(OciConfigException.class, () -> parse(text)).getMessage();
        assertFalse(message.isEmpty());
        assertFalse(message.contains("\n"));
    }

    @Test
    void hostileDocumentsEndInOneLine() {
        for (String text : List.of("[".repeat(1 << 20), "{\"a\":".repeat(1 << 18), "{\"a\":" + "9".repeat(1 << 20) + "}",
                "{\"" + "x".repeat(1 << 20) + "\":1,\"" + "x".repeat(1 << 20) + "\":1}", "{\"ociVersion\":\"" + "\\n".repeat(1000) + "\"}")) {
            String message = assertThrows(OciConfigException.class, () -> parse(text)).getMessage();
            assertTrue(message.length() < 400, message);
            assertFalse(message.contains("\n"), message);
        }
        byte[] large = new byte[JsonTree.MOST_BYTES + 1];
        assertEquals("larger than 16777216 bytes", assertThrows(OciConfigException.class, () -> OciConfig.parse(large, BUNDLE)).getMessage());
        byte[] notUtf8 = {'"', (byte) 0xff, '"'};
        assertEquals("no JSON: not UTF-8", assertThrows(OciConfigException.class, () -> OciConfig.parse(notUtf8, BUNDLE)).getMessage());
    }

    /** Every cut of a good document is refused, and nothing else comes out than the exception for it. */
    @Test
    void everyCutIsRefused() throws OciConfigException {
        String whole = OciDefaults.config(false, 0, 0).strip();
        parse(whole);
        for (int end = 0; end < whole.length(); end++) {
            String cut = whole.substring(0, end);
            assertThrows(OciConfigException.class, () -> parse(cut));
        }
    }

    @Test
    void aBundleNeedsItsFiles(@TempDir Path directory) throws IOException {
        Path missing = directory.resolve("none");
        assertEquals("the bundle " + missing + " does not exist",
                assertThrows(OciConfigException.class, () -> OciConfig.read(missing)).getMessage());
        assertEquals("there is no " + directory.resolve("config.json") + "; \"caisson spec\" writes one",
                assertThrows(OciConfigException.class, () -> OciConfig.read(directory)).getMessage());
        Files.writeString(directory.resolve("config.json"), OciDefaults.config(false, 0, 0));
        assertEquals("root.path: " + directory.resolve("rootfs") + " does not exist",
                assertThrows(OciConfigException.class, () -> OciConfig.read(directory)).getMessage());
        Files.writeString(directory.resolve("rootfs"), "");
        assertEquals("root.path: " + directory.resolve("rootfs") + " is no directory",
                assertThrows(OciConfigException.class, () -> OciConfig.read(directory)).getMessage());
    }

    @Test
    void aProcessOnItsOwnIsRead() throws OciConfigException {
        OciProcess process = OciProcess.parse(quotes("{'cwd':'/tmp','args':['id'],'user':{'uid':5}}"));
        assertEquals(5, process.user().uid());
        assertEquals(OciCapabilities.NONE, process.capabilities());
        assertEquals("cwd: is required", assertThrows(OciConfigException.class, () -> OciProcess.parse("{}")).getMessage());
    }

    @Test
    void theFeaturesNameWhatIsKnown() {
        String features = OciFeatures.json("1.2.3");
        for (String word : List.of("\"ociVersionMin\"", "\"CAP_CHOWN\"", "\"SCMP_ACT_ERRNO\"", "\"rbind\"", "\"poststop\"", "\"network\"")) {
            assertTrue(features.contains(word), word);
        }
    }
}
