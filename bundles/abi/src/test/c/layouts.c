/* Prints the layout of the structures that bundles/abi reads and writes: "structure.field offset size", "structure size".
 * Structures that glibc presents differently from the kernel are written out here as the kernel has them. */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/un.h>
#include <signal.h>
#include <fcntl.h>
#include <time.h>
#include <linux/netlink.h>
#include <linux/openat2.h>
#include <linux/sched.h>

/* arch/x86/include/uapi/asm/signal.h; glibc has its own struct sigaction. */
struct kernel_sigaction { uint64_t handler, flags, restorer, mask; };

/* include/uapi/asm-generic/ipcbuf.h; glibc writes mode as a short where it may. */
struct kernel_ipc_perm {
    int32_t key; uint32_t uid, gid, cuid, cgid, mode; uint16_t seq, pad; uint64_t unused1, unused2;
};

#define NAMED(type, name, field, shown) printf("%s.%s %zu %zu\n", name, shown, offsetof(type, field), sizeof ((type *)0)->field)
#define FIELD(type, name, field) NAMED(type, name, field, #field)
#define SIZE(type, name) printf("%s %zu\n", name, sizeof(type))

int main(void) {
    FIELD(struct timespec, "timespec", tv_sec); FIELD(struct timespec, "timespec", tv_nsec); SIZE(struct timespec, "timespec");
    FIELD(struct timeval, "timeval", tv_sec); FIELD(struct timeval, "timeval", tv_usec); SIZE(struct timeval, "timeval");
    FIELD(struct itimerspec, "itimerspec", it_interval.tv_sec); FIELD(struct itimerspec, "itimerspec", it_interval.tv_nsec);
    FIELD(struct itimerspec, "itimerspec", it_value.tv_sec); FIELD(struct itimerspec, "itimerspec", it_value.tv_nsec);
    SIZE(struct itimerspec, "itimerspec"); SIZE(struct itimerval, "itimerval");

#define E(f) NAMED(struct epoll_event, "epoll_event", f, #f)
    E(events); E(data); SIZE(struct epoll_event, "epoll_event");

#define ST(f) NAMED(struct stat, "stat", f, #f)
    ST(st_dev); ST(st_ino); ST(st_nlink); ST(st_mode); ST(st_uid); ST(st_gid); ST(st_rdev); ST(st_size); ST(st_blksize);
    ST(st_blocks); ST(st_atim.tv_sec); ST(st_atim.tv_nsec); ST(st_mtim.tv_sec); ST(st_mtim.tv_nsec); ST(st_ctim.tv_sec);
    ST(st_ctim.tv_nsec); SIZE(struct stat, "stat");

#define SX(f) NAMED(struct statx, "statx", f, #f)
    SX(stx_mask); SX(stx_blksize); SX(stx_attributes); SX(stx_nlink); SX(stx_uid); SX(stx_gid); SX(stx_mode); SX(stx_ino);
    SX(stx_size); SX(stx_blocks); SX(stx_attributes_mask); SX(stx_atime.tv_sec); SX(stx_atime.tv_nsec); SX(stx_btime.tv_sec);
    SX(stx_btime.tv_nsec); SX(stx_ctime.tv_sec); SX(stx_ctime.tv_nsec); SX(stx_mtime.tv_sec); SX(stx_mtime.tv_nsec);
    SX(stx_rdev_major); SX(stx_rdev_minor); SX(stx_dev_major); SX(stx_dev_minor); SX(stx_mnt_id); SIZE(struct statx, "statx");

#define SF(f) NAMED(struct statfs, "statfs", f, #f)
    SF(f_type); SF(f_bsize); SF(f_blocks); SF(f_bfree); SF(f_bavail); SF(f_files); SF(f_ffree); SF(f_fsid); SF(f_namelen);
    SF(f_frsize); SF(f_flags); SIZE(struct statfs, "statfs");

#define SI(f) NAMED(siginfo_t, "siginfo", f, #f)
    SI(si_signo); SI(si_errno); SI(si_code); SI(si_pid); SI(si_uid); SI(si_status); SI(si_utime); SI(si_stime); SI(si_value);
    SI(si_addr); SI(si_band); SI(si_fd); SI(si_timerid); SI(si_overrun); SI(si_call_addr); SI(si_syscall); SI(si_arch);
    SIZE(siginfo_t, "siginfo");

#define SA(f) NAMED(struct kernel_sigaction, "sigaction", f, #f)
    SA(handler); SA(flags); SA(restorer); SA(mask); SIZE(struct kernel_sigaction, "sigaction");
#define SS(f) NAMED(stack_t, "sigaltstack", f, #f)
    SS(ss_sp); SS(ss_flags); SS(ss_size); SIZE(stack_t, "sigaltstack");

#define RU(f) NAMED(struct rusage, "rusage", f, #f)
    RU(ru_utime.tv_sec); RU(ru_utime.tv_usec); RU(ru_stime.tv_sec); RU(ru_stime.tv_usec); RU(ru_maxrss); RU(ru_minflt);
    RU(ru_majflt); RU(ru_inblock); RU(ru_oublock); RU(ru_nvcsw); RU(ru_nivcsw); SIZE(struct rusage, "rusage");
#define SY(f) NAMED(struct sysinfo, "sysinfo", f, #f)
    SY(uptime); SY(loads); SY(totalram); SY(freeram); SY(sharedram); SY(bufferram); SY(totalswap); SY(freeswap); SY(procs);
    SY(totalhigh); SY(freehigh); SY(mem_unit); SIZE(struct sysinfo, "sysinfo");

#define FL(f) NAMED(struct flock, "flock", f, #f)
    FL(l_type); FL(l_whence); FL(l_start); FL(l_len); FL(l_pid); SIZE(struct flock, "flock");
#define OH(f) NAMED(struct open_how, "open_how", f, #f)
    OH(flags); OH(mode); OH(resolve); SIZE(struct open_how, "open_how");
#define CA(f) NAMED(struct clone_args, "clone_args", f, #f)
    CA(flags); CA(pidfd); CA(child_tid); CA(parent_tid); CA(exit_signal); CA(stack); CA(stack_size); CA(tls); CA(set_tid);
    CA(set_tid_size); CA(cgroup); SIZE(struct clone_args, "clone_args");

#define MH(f) NAMED(struct msghdr, "msghdr", f, #f)
    MH(msg_name); MH(msg_namelen); MH(msg_iov); MH(msg_iovlen); MH(msg_control); MH(msg_controllen); MH(msg_flags);
    SIZE(struct msghdr, "msghdr"); FIELD(struct mmsghdr, "mmsghdr", msg_len); SIZE(struct mmsghdr, "mmsghdr");
#define UC(f) NAMED(struct ucred, "ucred", f, #f)
    UC(pid); UC(uid); UC(gid); SIZE(struct ucred, "ucred");
    FIELD(struct sockaddr_in, "sockaddr_in", sin_port); FIELD(struct sockaddr_in, "sockaddr_in", sin_addr);
    SIZE(struct sockaddr_in, "sockaddr_in");
    FIELD(struct sockaddr_in6, "sockaddr_in6", sin6_port); FIELD(struct sockaddr_in6, "sockaddr_in6", sin6_addr);
    SIZE(struct sockaddr_in6, "sockaddr_in6"); SIZE(struct sockaddr_un, "sockaddr_un"); SIZE(struct sockaddr_nl, "sockaddr_nl");
    SIZE(struct sockaddr_storage, "sockaddr_storage");

#define IP(f) NAMED(struct kernel_ipc_perm, "ipc_perm", f, #f)
    IP(key); IP(uid); IP(gid); IP(cuid); IP(cgid); IP(mode); IP(seq); SIZE(struct kernel_ipc_perm, "ipc_perm");
#define SH(f) NAMED(struct shmid_ds, "shmid_ds", f, #f)
    SH(shm_perm); SH(shm_segsz); SH(shm_atime); SH(shm_dtime); SH(shm_ctime); SH(shm_cpid); SH(shm_lpid); SH(shm_nattch);
    SIZE(struct shmid_ds, "shmid_ds");
#define SE(f) NAMED(struct semid_ds, "semid_ds", f, #f)
    SE(sem_perm); SE(sem_otime); SE(sem_ctime); SE(sem_nsems); SIZE(struct semid_ds, "semid_ds");
#define MQ(f) NAMED(struct msqid_ds, "msqid_ds", f, #f)
    MQ(msg_perm); MQ(msg_stime); MQ(msg_rtime); MQ(msg_ctime); NAMED(struct msqid_ds, "msqid_ds", __msg_cbytes, "msg_cbytes");
    MQ(msg_qnum); MQ(msg_qbytes); MQ(msg_lspid); MQ(msg_lrpid); SIZE(struct msqid_ds, "msqid_ds");
#define SO(f) NAMED(struct sembuf, "sembuf", f, #f)
    SO(sem_num); SO(sem_op); SO(sem_flg); SIZE(struct sembuf, "sembuf");
    return 0;
}
