/* System V objects: what IPC_STAT and IPC_INFO tell, /proc/sysvipc, and the limits of /proc/sys/kernel with their effects. */
#include "result.h"
#include <fcntl.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

/* What a file has in its line of an object, by the header's names. */
static void line(const char *kind, int id, const char *columns) {
    char path[64], header[512], row[512];
    snprintf(path, sizeof path, "/proc/sysvipc/%s", kind);
    FILE *file = fopen(path, "r");
    if (file == NULL || fgets(header, sizeof header, file) == NULL) {
        SHOW("no %s", path);
        return;
    }
    printf("%s: %s", path, header);
    while (fgets(row, sizeof row, file) != NULL) {
        if (atoi(row + 11) != id) continue;
        char *names, *values, *name = strtok_r(header, " \n", &names), *value = strtok_r(row, " \n", &values);
        for (; name != NULL && value != NULL; name = strtok_r(NULL, " \n", &names), value = strtok_r(NULL, " \n", &values)) {
            char wanted[32];
            snprintf(wanted, sizeof wanted, " %s ", name);
            if (strstr(columns, wanted) != NULL) printf("   %s %s\n", name, value);
        }
    }
    fclose(file);
}

static void setting(const char *name, const char *value) {
    char path[64], text[128] = "";
    snprintf(path, sizeof path, "/proc/sys/kernel/%s", name);
    int file = open(path, O_RDWR);
    if (value != NULL) WORKS(write(file, value, strlen(value)));
    if (pread(file, text, sizeof text - 1, 0) > 0) printf("   %s = %s", name, text);
    close(file);
}

static void segments(void) {
    struct shmid_ds state;
    int id = shmget(IPC_PRIVATE, 5000, IPC_CREAT | 0640);
    shmctl(id, IPC_STAT, &state);
    SHOW("%o %zu %d %d", state.shm_perm.mode, state.shm_segsz, state.shm_atime == 0, state.shm_dtime == 0);
    void *address = shmat(id, NULL, 0);
    shmctl(id, IPC_STAT, &state);
    SHOW("attached: %lu %d %d", (unsigned long) state.shm_nattch, state.shm_atime != 0, state.shm_dtime == 0);
    RESULT(shmdt((char *) address + 4096));
    line("shm", id, " perms size nattch uid cgid swap ");
    RESULT(shmdt(address));
    shmctl(id, IPC_STAT, &state);
    SHOW("detached: %lu %d", (unsigned long) state.shm_nattch, state.shm_dtime != 0);
    RESULT(shmctl(id, IPC_RMID, NULL));
    setting("shmmax", "8192");
    RESULT(shmget(IPC_PRIVATE, 8193, 0600));
    setting("shmmni", "1");
    id = shmget(IPC_PRIVATE, 8192, 0600);
    RESULT(shmget(IPC_PRIVATE, 1, 0600));
    RESULT(shmctl(id, IPC_RMID, NULL));
    setting("shmall", "2");
    RESULT(shmget(IPC_PRIVATE, 8193, 0600));
    setting("shmmni", "-5");
    setting("shmmni", "40000");
}

static void semaphores(void) {
    int id = semget(IPC_PRIVATE, 7, 0600);
    line("sem", id, " perms nsems uid otime ");
    setting("sem", "6");
    RESULT(semget(IPC_PRIVATE, 7, 0600));
    setting("sem", "7 10");
    RESULT(semget(IPC_PRIVATE, 4, 0600));
    setting("sem", "7 100 2 1");
    RESULT(semget(IPC_PRIVATE, 1, 0600));
    struct sembuf operations[3] = {{0, 1, 0}, {1, 1, 0}, {2, 1, 0}};
    RESULT(semop(id, operations, 3));
    RESULT(semop(id, operations, 2));
    struct seminfo info;
    WORKS(semctl(0, 0, IPC_INFO, &info));
    SHOW("%d %d %d %d", info.semmsl, info.semmns, info.semopm, info.semmni);
    RESULT(semctl(id, 0, IPC_RMID));
}

static void queues(void) {
    struct {
        long type;
        char text[64];
    } message = {1, "hello"};
    struct msqid_ds state;
    setting("msgmnb", "100");
    int id = msgget(IPC_PRIVATE, 0600);
    RESULT(msgctl(id, IPC_STAT, &state));
    SHOW("%lu", (unsigned long) state.msg_qbytes);
    RESULT(msgsnd(id, &message, 60, IPC_NOWAIT));
    RESULT(msgsnd(id, &message, 60, IPC_NOWAIT));
    line("msg", id, " perms cbytes qnum lrpid uid ");
    setting("msgmax", "30");
    RESULT(msgsnd(id, &message, 31, IPC_NOWAIT));
    setting("msgmni", "1");
    RESULT(msgget(IPC_PRIVATE, 0600));
    struct msginfo info;
    WORKS(msgctl(0, IPC_INFO, (struct msqid_ds *) &info));
    SHOW("%d %d %d", info.msgmax, info.msgmnb, info.msgmni);
    RESULT(msgctl(id, IPC_RMID, NULL));
}

int main(void) {
    if (geteuid() != 0 || unshare(CLONE_NEWIPC) != 0) return 0; /* a namespace of its own has limits of its own */
    segments();
    semaphores();
    queues();
}
