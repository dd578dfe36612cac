#!/usr/bin/python3
# Threads, subprocess, sqlite3, mmap, select, tempfile, asyncio, multiprocessing, sockets.
import asyncio, hashlib, json, mmap, multiprocessing, os, select, signal, socket, sqlite3, subprocess, sys, tempfile, threading, time

total = 0
lock = threading.Lock()
def work(n):
    global total
    for _ in range(1000):
        with lock:
            total += n
threads = [threading.Thread(target=work, args=(i,)) for i in range(20)]
[t.start() for t in threads]; [t.join() for t in threads]
print("threads", total)
print("subprocess", subprocess.run(["tr", "a-z", "A-Z"], input=b"pipe", capture_output=True).stdout, subprocess.call(["false"]))
with subprocess.Popen(["sleep", "100"]) as p:
    p.terminate(); print("terminated", p.wait())
with tempfile.TemporaryDirectory() as d:
    db = sqlite3.connect(os.path.join(d, "t.db"))
    db.execute("pragma journal_mode=wal").fetchall()
    db.execute("create table t(a integer primary key, b text)")
    with db:
        db.executemany("insert into t(b) values(?)", ((hashlib.md5(str(i).encode()).hexdigest(),) for i in range(5000)))
    print("sqlite", db.execute("select count(*), min(b), max(b) from t").fetchone(), db.execute("pragma integrity_check").fetchone())
    db.close()
    path = os.path.join(d, "m")
    with open(path, "wb") as f: f.write(b"\0" * 10000)
    with open(path, "r+b") as f, mmap.mmap(f.fileno(), 0) as m:
        m[5000:5005] = b"hello"; m.flush()
        print("mmap", open(path, "rb").read()[5000:5005], m.find(b"lo"))
    print("listdir", sorted(os.listdir(d)))
r, w = os.pipe()
print("select", select.select([r], [], [], 0.01)); os.write(w, b"x"); print(select.select([r], [], [], 1)[0] == [r])
async def echo():
    async def serve(reader, writer):
        writer.write((await reader.readline()).upper()); await writer.drain(); writer.close()
    server = await asyncio.start_unix_server(serve, path=tempfile.mktemp())
    reader, writer = await asyncio.open_unix_connection(server.sockets[0].getsockname())
    writer.write(b"async\n"); print(await reader.readline()); server.close()
    proc = await asyncio.create_subprocess_exec("echo", "child", stdout=asyncio.subprocess.PIPE)
    print((await proc.communicate())[0], await asyncio.gather(*(asyncio.sleep(0.01, i) for i in range(5))))
asyncio.run(echo())
server = socket.create_server(("127.0.0.1", 0)); client = socket.create_connection(server.getsockname())
conn, _ = server.accept(); client.sendall(b"tcp"); print(conn.recv(10)); client.close(); print(conn.recv(1))
def square(x): return x * x
if __name__ == "__main__":
    with multiprocessing.Pool(3) as pool: print(pool.map(square, range(10)))
    signal.signal(signal.SIGALRM, lambda *a: print("alarm")); signal.setitimer(signal.ITIMER_REAL, 0.05); signal.pause()
    print(json.dumps(os.uname().sysname), sys.version_info[0], os.cpu_count() >= 1, time.time() > 1.6e9)
