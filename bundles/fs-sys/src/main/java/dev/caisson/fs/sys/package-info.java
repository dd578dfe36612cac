/** sysfs(5), as far as programs read it to learn about processors, memory and network interfaces. Private to the bundle. */
package dev.caisson.fs.sys;
