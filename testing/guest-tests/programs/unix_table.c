/* /proc/net/unix: each socket of the program in its line, by the inode that fstat(2) tells. */
#include "check.h"
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static char own[16]; /* what makes the abstract name the program's own */

/* Flags, type, state and path of the line with an inode. */
static void show(const char *what, int fd) {
    struct stat st;
    CHECK(fstat(fd, &st) == 0);
    FILE *table = fopen("/proc/net/unix", "r");
    CHECK(table != NULL);
    char line[512];
    int found = 0;
    CHECK(fgets(line, sizeof line, table) != NULL && strcmp(line, "Num       RefCount Protocol Flags    Type St Inode Path\n") == 0);
    while (fgets(line, sizeof line, table)) {
        unsigned long long number;
        unsigned references, protocol, flags, type, state;
        unsigned long inode;
        int end = 0;
        CHECK(sscanf(line, "%llx: %x %x %x %x %x %lu%n", &number, &references, &protocol, &flags, &type, &state, &inode, &end) == 7);
        if (inode != st.st_ino) continue;
        found++;
        char *mine = strstr(line + end, own);
        if (mine) memset(mine, '#', strlen(own));
        printf("%s: %08X %04X %02X%s", what, flags, type, state, line + end);
    }
    fclose(table);
    if (found != 1) printf("%s: %d lines\n", what, found);
}

static int make(int type, const char *name, size_t length) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, name, length);
    int fd = socket(AF_UNIX, type, 0);
    if (length > 0) CHECK(bind(fd, (struct sockaddr *)&address, offsetof(struct sockaddr_un, sun_path) + length) == 0);
    return fd;
}

int main(void) {
    char abstract[64];
    snprintf(own, sizeof own, "%08d", getpid());
    int length = 1 + snprintf(abstract + 1, sizeof abstract - 1, "unix-table-%s", own);
    abstract[0] = 0;
    abstract[length++] = 0;
    abstract[length++] = 'x';
    int pair[2];
    unlink("listener"), unlink("packets"); /* of a run before */
    int plain = make(SOCK_STREAM, "", 0), listener = make(SOCK_STREAM, "listener", sizeof "listener");
    int datagrams = make(SOCK_DGRAM, abstract, length), packets = make(SOCK_SEQPACKET, "packets", sizeof "packets");
    CHECK(listen(listener, 3) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    show("plain", plain);
    show("listener", listener);
    show("datagrams", datagrams);
    show("packets", packets);
    show("one of a pair", pair[0]);
    show("the other", pair[1]);
    struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = "listener"};
    CHECK(connect(plain, (struct sockaddr *)&to, sizeof to) == 0);
    show("connected", plain);
    int accepted = accept(listener, NULL, NULL);
    show("accepted", accepted);
    close(plain);
    show("left alone", accepted);
    return finish();
}
