#!/usr/bin/env python3
"""Runs a command on a terminal of its own and acts as the person before it.

drive.py [step...] -- command...

Steps, in order: expect:TEXT waits until TEXT appears in what came since the last match; send:TEXT types (\\n, \\x03 and so on are
understood); size:ROWSxCOLUMNS resizes the window; quiet:MS waits. Everything the terminal showed goes to standard output at the
end, and the command's exit status is the exit status here; 98 when an expected text did not come within its time, 99 when the
command did not end.
"""
import codecs, fcntl, os, pty, select, struct, sys, termios, time

LIMIT = int(os.environ.get("DRIVE_SECONDS", "180"))


def resize(fd, size):
    rows, columns = map(int, size.split("x"))
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def main():
    split = sys.argv.index("--")
    steps, command = sys.argv[1:split], sys.argv[split + 1:]
    pid, fd = pty.fork()
    if pid == 0:
        resize(0, "24x80")
        os.execvp(command[0], command)
    shown = b""
    seen = 0

    def pump(seconds):
        nonlocal shown
        ready, _, _ = select.select([fd], [], [], seconds)
        if ready:
            try:
                data = os.read(fd, 65536)
            except OSError:
                return False
            shown += data
            return bool(data)
        return True

    def give_up(status, why):
        sys.stdout.write(shown.decode("latin-1") + "\n" + why + "\n")
        sys.stdout.flush()
        os.kill(pid, 9)
        os._exit(status)

    for step in steps:
        kind, _, text = step.partition(":")
        text = codecs.decode(text.encode(), "unicode_escape").encode("latin-1")
        if kind == "expect":
            end = time.time() + LIMIT
            while shown.find(text, seen) < 0:
                if time.time() > end or not pump(0.2):
                    give_up(98, "did not appear: " + repr(text))
            seen = shown.find(text, seen) + len(text)
        elif kind == "send":
            os.write(fd, text)
        elif kind == "size":
            resize(fd, text.decode())
        elif kind == "quiet":
            end = time.time() + int(text) / 1000
            while time.time() < end:
                if not pump(end - time.time()):
                    break
        else:
            sys.exit("unknown step " + step)
    end = time.time() + LIMIT
    while pump(0.1):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            while pump(0.05) and select.select([fd], [], [], 0.05)[0]:
                pass
            break
        if time.time() > end:
            give_up(99, "does not end")
    else:
        _, status = os.waitpid(pid, 0)
    sys.stdout.write(shown.decode("latin-1").replace("\r\n", "\n"))
    sys.stdout.flush()
    os._exit(os.waitstatus_to_exitcode(status) & 0xff)


main()
