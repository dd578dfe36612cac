/* Prints what signal-layout.amd64.txt holds: gcc signal-layout.c && ./a.out > signal-layout.amd64.txt */
#include <stdio.h>
#include <stddef.h>
#include <asm/signal.h>
#include <asm/siginfo.h>
#include <asm/sigcontext.h>
#include <asm/ucontext.h>
#include <linux/time_types.h>
#include <linux/futex.h>
#include <linux/signalfd.h>
#include <linux/timex.h>
struct rt_sigframe { char *pretcode; struct ucontext uc; struct siginfo info; };
struct ksigaction { void *h; unsigned long f; void *r; unsigned long m; };
#define O(s,f) printf("%s.%s %zu\n", #s, #f, offsetof(struct s,f))
#define S(s) printf("sizeof %s %zu\n", #s, sizeof(struct s))
int main(){
 S(rt_sigframe); O(rt_sigframe,uc.uc_flags); O(rt_sigframe,uc.uc_stack); O(rt_sigframe,uc.uc_mcontext); O(rt_sigframe,uc.uc_sigmask); O(rt_sigframe,info);
 O(sigcontext,r8);O(sigcontext,rdi);O(sigcontext,rsp);O(sigcontext,rip);O(sigcontext,eflags);O(sigcontext,cs);O(sigcontext,ss);O(sigcontext,err);O(sigcontext,trapno);O(sigcontext,oldmask);O(sigcontext,cr2);O(sigcontext,fpstate); S(sigcontext);
 printf("sizeof siginfo_t %zu\n", sizeof(siginfo_t)); O(siginfo,si_signo);O(siginfo,si_errno);O(siginfo,si_code);O(siginfo,_sifields._kill._pid);O(siginfo,_sifields._kill._uid);O(siginfo,_sifields._rt._sigval);O(siginfo,_sifields._timer._overrun);O(siginfo,_sifields._timer._sigval);O(siginfo,_sifields._sigchld._status);O(siginfo,_sifields._sigchld._utime);O(siginfo,_sifields._sigchld._stime);O(siginfo,_sifields._sigfault._addr);O(siginfo,_sifields._sigpoll._band);O(siginfo,_sifields._sigpoll._fd);
 printf("sizeof stack_t %zu\n", sizeof(stack_t)); printf("stack_t.ss_flags %zu\nstack_t.ss_size %zu\n", offsetof(stack_t,ss_flags), offsetof(stack_t,ss_size));
 S(robust_list_head); O(robust_list_head,futex_offset);O(robust_list_head,list_op_pending); S(futex_waitv); O(futex_waitv,uaddr);O(futex_waitv,flags);
 S(signalfd_siginfo); O(signalfd_siginfo,ssi_status);O(signalfd_siginfo,ssi_ptr);O(signalfd_siginfo,ssi_addr);O(signalfd_siginfo,ssi_int);O(signalfd_siginfo,ssi_overrun);O(signalfd_siginfo,ssi_band);O(signalfd_siginfo,ssi_utime);O(signalfd_siginfo,ssi_tid);O(signalfd_siginfo,ssi_fd);
 S(timex); O(timex,maxerror);O(timex,status);O(timex,time);O(timex,tick);O(timex,tai);O(timex,tolerance);
 S(_fpx_sw_bytes); O(_fpx_sw_bytes,extended_size);O(_fpx_sw_bytes,xfeatures);O(_fpx_sw_bytes,xstate_size); O(_fpstate_64,sw_reserved);
}
