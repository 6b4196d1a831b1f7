"""Notes whom a Python process contacts and which programs it starts, from its first line to its last.

Python imports this by itself where its folder is in PYTHONPATH, and so do the processes that it starts. An audit hook
cannot be taken out again, and hears every `connect` and every look-up of a name, whichever library makes it.
"""

import json
import os
import sys

FILE = os.environ.get("LMNB_WATCHED")


def note(kind, *what):
    line = json.dumps([os.getpid(), kind, *what], default=repr) + "\n"
    file = os.open(FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)


def hear(event, args):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = args[1]
        if isinstance(address, (tuple, list)):  # a path is a socket of this computer
            note("contact", str(address[0]), address[1])
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        name = args[0]
        if name is not None:
            note("contact", name.decode() if isinstance(name, bytes) else str(name), None)
    elif event in ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system"):
        command = args[1] if event == "subprocess.Popen" else args[0]
        note("program", command if isinstance(command, str) else [str(one) for one in command])


if FILE:
    note("begin", sys.executable)
    sys.addaudithook(hear)
