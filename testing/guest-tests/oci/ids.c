/* Shows the ids of the process, and what the kernel says of how it was started: credentials(7), AT_SECURE of getauxval(3). */
#include <stdio.h>
#include <sys/auxv.h>
#include <unistd.h>

int main(void) {
    uid_t user[3];
    gid_t group[3];
    getresuid(&user[0], &user[1], &user[2]);
    getresgid(&group[0], &group[1], &group[2]);
    printf("users %u %u %u groups %u %u %u secure %lu\n", user[0], user[1], user[2], group[0], group[1], group[2], getauxval(AT_SECURE));
    return 0;
}
