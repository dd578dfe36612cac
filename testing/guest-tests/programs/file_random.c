/* A file against a model of it in memory: random reads, writes, truncations, holes, maps, by four processes on files of their own. */
#include "check.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { SIZE = 1 << 18, ROUNDS = 3000 };

static unsigned state;
static unsigned next(unsigned below) {
    state = state * 1103515245 + 12345;
    return (state >> 8) % below;
}

static void run(int seed) {
    static char model[SIZE], room[SIZE];
    char name[32];
    long size = 0;
    state = seed;
    snprintf(name, sizeof name, "file%d", seed);
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0);
    for (int round = 0; round < ROUNDS && failures == 0; round++) {
        long at = next(SIZE), length = next(next(4) ? 5000 : SIZE);
        if (at + length > SIZE) length = SIZE - at;
        switch (next(9)) {
        case 0:
        case 1:
        case 2:
            for (long i = 0; i < length; i++) room[i] = state + i * 31;
            CHECK(pwrite(fd, room, length, at) == length);
            memcpy(model + at, room, length);
            if (length > 0 && at + length > size) size = at + length;
            break;
        case 3:
        case 4: {
            long expected = at >= size ? 0 : at + length > size ? size - at : length;
            CHECK(pread(fd, room, length, at) == expected);
            CHECK(memcmp(room, model + at, expected) == 0);
            break;
        }
        case 5:
            CHECK(ftruncate(fd, at) == 0);
            if (at < size) memset(model + at, 0, size - at);
            size = at;
            break;
        case 6:
            if (length > 0 && fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, length) == 0) {
                memset(model + at, 0, length);
            }
            break;
        case 7:
            if (size > 0) {
                char *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
                CHECK(map != MAP_FAILED);
                CHECK(memcmp(map, model, size) == 0);
                long place = next(size), count = next(6000);
                if (place + count > size) count = size - place;
                for (long i = 0; i < count; i++) map[place + i] = model[place + i] = state + i;
                CHECK(munmap(map, size) == 0);
            }
            break;
        default:
            if (size > 0) {
                char *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
                CHECK(map != MAP_FAILED);
                long place = next(size);
                map[place]++; /* does not reach the file */
                CHECK(memcmp(map, model, place) == 0);
                CHECK(munmap(map, size) == 0);
            }
        }
        struct stat st;
        CHECK(fstat(fd, &st) == 0 && st.st_size == size);
        if (failures) printf("seed %d round %d\n", seed, round);
    }
    CHECK(pread(fd, room, SIZE, 0) == size && memcmp(room, model, size) == 0);
    close(fd);
}

int main(void) {
    char root[] = "/tmp/caisson-random-XXXXXX";
    CHECK(mkdtemp(root) != NULL && chdir(root) == 0);
    for (int seed = 1; seed <= 4; seed++) {
        if (fork() == 0) {
            run(seed);
            _exit(failures);
        }
    }
    for (int i = 0; i < 4; i++) {
        int status;
        CHECK(wait(&status) > 0 && status == 0);
    }
    return finish();
}
