package dev.caisson.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.cli.completion.CommandModel;
import dev.caisson.cli.completion.Completion;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CompletionTest {
    @TempDir
    Path directory;

    @Test
    void everyCommandHasHelpAndItsOptionsAreInEveryScript() {
        List<CommandModel> all = CommandModels.all();
        assertEquals(Syntax.COMMANDS, all.stream().map(CommandModel::name).toList());
        for (CommandModel command : all) {
            assertFalse(command.description().isEmpty(), command.name());
            String help = CommandLineParser.usage(command.name());
            for (CommandModel.Option option : command.options()) {
                assertTrue(help.contains(option.names().getLast()), command.name() + " " + option);
                for (String shell : Completion.SHELLS) {
                    String name = option.names().getLast();
                    String written = shell.equals("fish") ? " -l " + name.substring(2) : name;
                    assertTrue(CommandModels.script(shell).contains(written), shell + ": " + command.name() + " " + name);
                }
            }
        }
    }

    private String run(String shell, String... arguments) throws IOException, InterruptedException {
        Path program = List.of("/bin", "/usr/bin", "/usr/local/bin").stream().map(bin -> Path.of(bin, shell)).filter(Files::isExecutable).findFirst()
                .orElse(null);
        Assumptions.assumeTrue(program != null, shell + " is not here");
        Process process = new ProcessBuilder(program.toString()).directory(directory.toFile()).redirectErrorStream(true).command(
                Stream.concat(Stream.of(program.toString()), Arrays.stream(arguments)).toList()).start();
        process.getOutputStream().close();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertTrue(process.waitFor(60, TimeUnit.SECONDS), "no end");
        assertEquals(0, process.exitValue(), out);
        return out;
    }

    @ParameterizedTest
    @CsvSource({"bash", "zsh", "fish"})
    void shellsUnderstandTheirScripts(String shell) throws Exception {
        Path script = Files.writeString(directory.resolve("script"), CommandModels.script(shell));
        run(shell, "-n", script.toString());
    }

    /** The last word is completed. */
    @ParameterizedTest
    @CsvSource(delimiter = ';', value = {
        "caisson dele; delete",
        "caisson --root /x/y comp; completion",
        "caisson --root /x/y kill -; --all -a",
        "caisson kill box SIGT; ''",
        "caisson kill box TE; TERM",
        "caisson kill --all box KIL; KILL",
        "caisson --log-format j; json",
        "caisson --log-format = j; json",
        "caisson list --format t; table",
        "caisson create -b di; directory",
        "caisson help inst; install",
        "caisson completion z; zsh",
        "caisson pool st; start status stop",
        "caisson swap box ro; rootfs",
        "caisson install --do; --docker",
        "caisson delete bo; box",
        "caisson exec --cwd /x b; box",
        "caisson --lo; --log --log-format",
    })
    void bashCompletes(String line, String expected) throws Exception {
        Files.createDirectory(directory.resolve("directory"));
        Files.writeString(directory.resolve("script"), CommandModels.script("bash") + """
                caisson() { [ "$*" = 'list -q' ] && echo box; }
                read -ra COMP_WORDS <<<"$1"
                COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
                _caisson
                printf '%s\\n' "${COMPREPLY[@]}"
                """);
        assertEquals(new TreeSet<>(List.of(expected.split(" "))), new TreeSet<>(List.of(run("bash", "script", line).strip().split("\n"))));
    }
}
