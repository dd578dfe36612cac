/** System calls about files, by families of man pages. The rows are in the classes that end in {@code Rows}. */
package dev.caisson.syscalls.file;
