package dev.caisson.cli.doctor;

import com.grack.nanojson.JsonArray;
import com.grack.nanojson.JsonWriter;
import dev.caisson.cli.boot.BootParts;
import dev.caisson.control.SandboxException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** {@code caisson doctor}. */
public final class DoctorCommand {
    private static final int NAME_WIDTH = 18;
    private static final int LEVEL_WIDTH = 9;

    private DoctorCommand() {}

    /** Tries the platforms of the installation. */
    public interface Platforms {
        /**
         * Tries each.
         *
         * @return by name; null when it is not known which there are
         * @throws SandboxException when nothing can be tried
         */
        Map<String, BootParts.Tried> tryAll() throws SandboxException;
    }

    /**
     * Looks at this machine and prints what it finds.
     *
     * @param home of this installation
     * @param runtimeDirectory where control sockets are
     * @param platforms tries them
     * @param isJson whether a program reads the answer
     * @return 1 if something keeps Caisson from working, otherwise 0
     */
    public static int run(Path home, Path runtimeDirectory, Platforms platforms, boolean isJson) {
        List<Finding> findings = Checks.run(new HostMachine(platforms), home, runtimeDirectory);
        System.out.print(isJson ? json(findings) : text(findings));
        return status(findings);
    }

    static int status(List<Finding> findings) {
        return findings.stream().anyMatch(finding -> finding.level() == Finding.Level.ERROR) ? 1 : 0;
    }

    static String json(List<Finding> findings) {
        JsonArray all = new JsonArray();
        findings.forEach(finding -> all.add(finding.toJson()));
        return JsonWriter.indent("  ").string().value(all).done() + "\n";
    }

    static String text(List<Finding> findings) {
        StringBuilder text = new StringBuilder();
        String margin = " ".repeat(LEVEL_WIDTH + NAME_WIDTH);
        for (Finding finding : findings) {
            text.append(padded(finding.level().word(), LEVEL_WIDTH)).append(padded(finding.check(), NAME_WIDTH)).append(finding.found()).append('\n');
            if (!finding.meaning().isEmpty()) {
                text.append(margin).append(finding.meaning()).append('\n');
            }
            if (!finding.advice().isEmpty()) {
                text.append(margin).append("Do: ").append(finding.advice()).append('\n');
            }
        }
        long errors = findings.stream().filter(finding -> finding.level() == Finding.Level.ERROR).count();
        long warnings = findings.stream().filter(finding -> finding.level() == Finding.Level.WARNING).count();
        return text.append(errors > 0 ? "Caisson does not work here: " : "Caisson works here: ").append(errors).append(errors == 1 ? " error, " : " errors, ")
                .append(warnings).append(warnings == 1 ? " warning" : " warnings").append(".\n").toString();
    }

    private static String padded(String word, int width) {
        return word + " ".repeat(Math.max(1, width - word.length()));
    }
}
