/** Handlers of the calls about readiness: poll, select, epoll, eventfd, inotify, pipes. */
package dev.caisson.syscalls.poll;
