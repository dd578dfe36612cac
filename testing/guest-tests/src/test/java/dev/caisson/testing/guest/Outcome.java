package dev.caisson.testing.guest;

/**
 * What a run of a program showed.
 *
 * @param status exit status as a shell has it
 * @param output standard output
 * @param errors standard error
 */
public record Outcome(int status, String output, String errors) {
    @Override
    public String toString() {
        return "status " + status + "\n--- output\n" + output + "--- errors\n" + errors;
    }
}
