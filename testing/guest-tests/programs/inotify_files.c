/* The events of inotify(7) that file calls make, in their order: printed, to be compared with what Linux prints. */
#include "check.h"
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>

static int queue;

static void drain(const char *what) {
    char room[8192];
    long length;
    printf("%s:", what);
    while ((length = read(queue, room, sizeof room)) > 0) {
        for (char *at = room; at < room + length;) {
            struct inotify_event *event = (void *)at;
            printf(" [%d %x %d %s]", event->wd, event->mask, event->cookie != 0, event->len ? event->name : "");
            at += sizeof *event + event->len;
        }
    }
    printf("\n");
}

int main(void) {
    char root[] = "/tmp/caisson-inotify-XXXXXX", byte;
    CHECK(mkdtemp(root) != NULL && chdir(root) == 0);
    queue = inotify_init1(IN_NONBLOCK);
    CHECK(inotify_add_watch(queue, ".", IN_ALL_EVENTS) == 1);
    int file = open("a", O_CREAT | O_RDWR, 0644);
    drain("create");
    CHECK(inotify_add_watch(queue, "a", IN_ALL_EVENTS) == 2);
    CHECK(write(file, "x", 1) == 1 && write(file, "y", 1) == 1);
    drain("write");
    CHECK(lseek(file, 0, SEEK_SET) == 0 && read(file, &byte, 1) == 1);
    drain("read");
    CHECK(ftruncate(file, 0) == 0);
    drain("truncate");
    CHECK(fchmod(file, 0600) == 0);
    drain("chmod");
    close(file);
    drain("close");
    CHECK(rename("a", "b") == 0);
    drain("rename");
    CHECK(link("b", "c") == 0);
    drain("link");
    CHECK(unlink("c") == 0);
    drain("unlink of one name");
    CHECK(mkdir("d", 0755) == 0);
    drain("mkdir");
    CHECK(rmdir("d") == 0);
    drain("rmdir");
    file = open("b", O_RDWR | O_TRUNC);
    drain("open");
    close(file);
    drain("close");
    CHECK(symlink("x", "s") == 0);
    drain("symlink");
    file = open("b", O_RDONLY);
    CHECK(unlink("b") == 0);
    drain("unlink of an open file");
    close(file);
    drain("its last close");
    file = open(".", O_RDONLY);
    close(file);
    drain("directory");
    CHECK(unlink("s") == 0 && chdir("/") == 0 && rmdir(root) == 0);
    drain("end");
    return finish();
}
