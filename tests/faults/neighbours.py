"""Programs of two teams that run side by side: one leaves traces everywhere, one looks for them, others hog."""

ANSWER = """
class Model:
    def loglikelihood(self, requests):
        return [-1.0 for _ in requests]
"""
SECRET = "the-neighbours-own-word"
PORT, KEY = 5555, 0x70726F63
HOG_SECONDS = 6
NAMES = "NAMES"  # replaced by a list of names to ask for
# Leaves its word wherever another container might find it, listens wherever one might knock, and waits to be killed.
NEIGHBOUR = f"""
import ctypes, os, signal, socket, threading, time

WORD = b"{SECRET}"
for place in ("/tmp", "/dev/shm", "/eval/responses"):
    with open(place + "/" + WORD.decode(), "wb") as file:
        file.write(WORD)
signal.signal(signal.SIGTERM, lambda *_: os._exit(3))
signal.signal(signal.SIGUSR1, lambda *_: os._exit(4))

def listen(family, address):
    listener = socket.socket(family)
    listener.bind(address)
    listener.listen()
    def serve():
        while True:
            connection, _ = listener.accept()
            connection.sendall(WORD)
            connection.close()
    threading.Thread(target=serve, daemon=True).start()

listen(socket.AF_INET, ("127.0.0.1", {PORT}))
listen(socket.AF_UNIX, "\\0neighbour")
listen(socket.AF_UNIX, "/tmp/neighbour.sock")
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
segment = libc.shmget({KEY}, 4096, 0o1666)
if segment >= 0:
    ctypes.memmove(libc.shmat(segment, None, 0), WORD, len(WORD))
print("READY", segment >= 0, flush=True)
time.sleep(60)
{ANSWER}"""
# Looks and knocks everywhere, and says what it found.
PROBE = f"""
import ctypes, json, os, signal, socket

WORD = b"{SECRET}"
found = {{}}

def attempt(name, act):
    try:
        found[name] = act()
    except OSError as error:
        found[name] = "errno " + str(error.errno)

def commands():
    return sorted(
        open("/proc/" + pid + "/cmdline", "rb").read().replace(b"\\0", b" ").decode(errors="replace").strip()
        for pid in os.listdir("/proc") if pid.isdigit()
    )

def holders():
    hits = []
    for folder, _, names in os.walk("/", onerror=lambda error: None):
        if folder.startswith(("/proc", "/sys", "/usr", "/opt", "/var/lib/dpkg")):
            continue
        for name in names:
            if name == WORD.decode() or name == "neighbour.sock":
                hits.append(folder + "/" + name)
    return hits

def knock(family, address):
    def act():
        with socket.socket(family) as caller:
            caller.settimeout(2)
            caller.connect(address)
            return caller.recv(100).decode()
    return act

def shared():
    libc = ctypes.CDLL(None, use_errno=True)
    segment = libc.shmget({KEY}, 4096, 0o666)
    if segment < 0:
        raise OSError(ctypes.get_errno(), "shmget")
    return "attached"

def signals():
    sent = []
    for pid in range(1, 40000):
        if pid in (1, os.getpid(), os.getppid()):
            continue
        try:
            os.kill(pid, signal.SIGUSR1)
            sent.append(pid)
        except ProcessLookupError:
            pass
        except PermissionError:
            sent.append(-pid)
    return sent

def names():
    resolved = []
    for name in NAMES:
        try:
            resolved.append([name, sorted(one[4][0] for one in socket.getaddrinfo(name, None))])
        except OSError:
            pass
    return resolved

attempt("commands", commands)
attempt("files", holders)
attempt("loopback", knock(socket.AF_INET, ("127.0.0.1", {PORT})))
attempt("abstract socket", knock(socket.AF_UNIX, "\\0neighbour"))
attempt("unix sockets", lambda: [line for line in open("/proc/net/unix") if "neighbour" in line])
attempt("shared memory", shared)
attempt("segments", lambda: len(open("/proc/sysvipc/shm").readlines()) - 1)
attempt("signals", signals)
attempt("interfaces", lambda: sorted(os.listdir("/sys/class/net")))
attempt("names", names)
attempt("mounts", lambda: open("/proc/self/mountinfo").read())
print("FOUND " + json.dumps(found), flush=True)
{ANSWER}"""
# A fixed piece of work, again and again; says how often it was done in the time.
LOOP = f"""
import time
began, done = time.monotonic(), 0
while time.monotonic() - began < 3:
    sum(range(20000))
    done += 1
print("DONE", done, flush=True)
{ANSWER}"""
HOG = f"""
import os, time
print("HOGGING", flush=True)
until = time.monotonic() + {HOG_SECONDS}

def spin():
    while time.monotonic() < until:
        pass

for _ in range(15):
    if os.fork() == 0:
        spin()
        os._exit(0)
spin()
{ANSWER}"""
GLUTTON = f"""
import time
time.sleep(1)
held = []
while True:
    held.append(bytearray(b"x" * (8 << 20)))
{ANSWER}"""
