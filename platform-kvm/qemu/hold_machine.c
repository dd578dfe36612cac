/*
 * Keeps a virtual machine with a processor open, so that Linux does not change its own code whenever the first one is made and the last one is
 * closed (the static key of preemption notifiers). The emulator's processors see such changes late: one was seen to take the breakpoint of
 * text_poke_bp() in __schedule for ever, with the lock of its run queue held.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

int main(void)
{
    int device = open("/dev/kvm", O_RDWR);
    int machine = ioctl(device, KVM_CREATE_VM, 0);
    if (ioctl(machine, KVM_CREATE_VCPU, 0) < 0) {
        perror("hold_machine");
        return 1;
    }
    for (;;)
        pause();
}
