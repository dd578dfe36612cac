"""
What a containerd shim is to a container: the subreaper whose children all processes become that the runtime leaves behind.

  shim.py [--console SOCKET STEP...] [--terminal STEP...] [--wait FILE]... -- COMMAND...

Runs COMMAND and prints "status N" when that is not 0. With --console, listens on SOCKET first, and takes the steps on the terminal that it
gets there (expect:TEXT, send:TEXT, size:ROWSxCOLUMNS, exists:FILE, hangup, drain). With --terminal, COMMAND runs on a terminal of its own, on which
the steps are taken. Then waits for the process named in each FILE, and prints how it ended:
"exit N" or "signal N". At the end, "left PID" for each child that is still there.
"""
import ctypes, os, select, signal, socket, struct, subprocess, sys, time, fcntl, termios

PR_SET_CHILD_SUBREAPER = 36
PATIENCE = int(__import__("os").environ.get("PATIENCE", "120"))


def console(listener, steps):
    listener.settimeout(PATIENCE)
    connection, _ = listener.accept()
    connection.settimeout(PATIENCE)
    name, fds, _, _ = socket.recv_fds(connection, 4096, 1)
    print("console", name.decode())
    drive(fds[0], steps)


def drive(master, steps):
    seen = b""
    for step in steps:
        verb, _, text = step.partition(":")
        if verb == "send":
            os.write(master, text.encode().decode("unicode_escape").encode())
        elif verb == "size":
            rows, columns = map(int, text.split("x"))
            fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        elif verb == "exists":
            end = time.monotonic() + PATIENCE
            while not os.path.exists(text):
                if time.monotonic() > end:
                    sys.exit("no file " + text)
                time.sleep(0.01)
        elif verb == "hangup":
            os.close(master)
            return
        elif verb == "drain":
            try:
                while os.read(master, 4096):
                    pass
            except OSError:
                pass  # the other side was closed
        elif verb == "expect":
            end = time.monotonic() + PATIENCE
            while text.encode() not in seen:
                left = end - time.monotonic()
                ready = select.select([master], [], [], max(0, left))[0]
                try:
                    more = os.read(master, 4096) if ready else b""
                except OSError:
                    more = b""  # the other side was closed
                if not more:
                    sys.exit("no %r in %r" % (text, seen))
                seen += more
            seen = seen[seen.index(text.encode()) + len(text):]
    os.close(master)


def main():
    words, files, steps, listener, slave = sys.argv[1:], [], [], None, None
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    while words[0] != "--":
        word = words.pop(0)
        if word == "--wait":
            files.append(words.pop(0))
        elif word == "--console":
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(words.pop(0))
            listener.listen()
        elif word == "--terminal":
            master, slave = os.openpty()
        else:
            steps.append(word)
    if slave is None:
        command = subprocess.Popen(words[1:])
    else:
        command = subprocess.Popen(words[1:], stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                                   preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)
        drive(master, steps)
    if listener:
        console(listener, steps)
    status = command.wait()
    if status:
        print("status", status)
    for file in files:
        _, ended = os.waitpid(int(open(file).read()), 0)
        print("signal %d" % os.WTERMSIG(ended) if os.WIFSIGNALED(ended) else "exit %d" % os.WEXITSTATUS(ended))
    sys.stdout.flush()
    while True:
        try:
            child, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if child == 0:
            children = open("/proc/self/task/%d/children" % os.getpid()).read()
            sys.exit("left " + children)


main()
