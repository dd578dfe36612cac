/**
 * The {@code caisson} command, a plain jar on the framework's class path: parses the line, starts the framework in the same process,
 * hands the specification to the control bundle's {@link dev.caisson.control.SandboxService}, and exits with the program's status.
 */
package dev.caisson.cli;
