/** proc(5): processes and the kernel's settings as files. Private to the bundle. */
package dev.caisson.fs.proc;
