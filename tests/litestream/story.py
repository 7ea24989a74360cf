"""Sally's file under the real Litestream: story.py SALLY FOLDER, where the folder has the programs litestream and rclone.

Writers are told that their work is kept; both programs are killed; what was promised before the last sync is in the copy,
and nothing from after a moment is in the copy of that moment. A second machine goes on from there.
"""
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from datetime import datetime, timezone
from http.client import HTTPConnection, HTTPException
from pathlib import Path

SALLY, PROGRAMS = sys.argv[1], Path(sys.argv[2])
CONFIGURATION = Path(__file__).resolve().parents[2] / "packaging" / "litestream.yml"
WRITERS = 4
WRITES = int(os.environ.get("WRITES", "250"))
CHANGES = 5

# Whoever runs this has settings of their own.
OTHERS = ("SALLY_", "AWS_", "LITESTREAM_", "RCLONE_", "RUST_LOG")
plain = {name: text for name, text in os.environ.items() if not name.startswith(OTHERS)}
running = []


def start(*command, environment=plain, log):
    process = subprocess.Popen(command, env=environment, stdout=open(log, "a"), stderr=subprocess.STDOUT)
    running.append(process)
    return process


def done(*command, environment=plain, code=0):
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == code, (command, result.returncode, result.stdout, result.stderr)
    return result.stderr if code else result.stdout


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until(what, is_true):
    """What takes five minutes does not come."""
    end = time.monotonic() + 300
    while not is_true():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.05)


def answers(port, path="/"):
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


class Machine:
    """Sally and Litestream side by side, in a folder of their own."""

    def __init__(self, name, bucket):
        self.folder = Path(name).resolve()
        self.folder.mkdir()
        self.file, self.socket = self.folder / "sally.db", self.folder / "litestream.sock"
        self.configuration = self.folder / "litestream.yml"
        text = CONFIGURATION.read_text()
        for there, here in [("/var/lib/sally/sally.db", self.file), ("/run/litestream/litestream.sock", self.socket)]:
            assert there in text, f"{CONFIGURATION} does not say {there}"
            text = text.replace(there, str(here))
        self.configuration.write_text(text)
        self.environment = plain | bucket | {"MACHINE": name}
        self.largest_log = 0

    def replicate(self):
        self.litestream = start(
            PROGRAMS / "litestream", "replicate", "-config", self.configuration,
            environment=self.environment, log=self.folder / "litestream.log",
        )
        wait_until("Litestream", self.socket.exists)

    def serve(self):
        self.port = free_port()
        self.sally = start(
            SALLY, "--db", self.file, "serve", "--listen", f"127.0.0.1:{self.port}",
            environment=plain | {"SALLY_METRICS": "true"}, log=self.folder / "sally.log",
        )
        wait_until("Sally", lambda: answers(self.port, "/health"))

    def stop_sally(self):
        begun = time.monotonic()
        self.sally.terminate()
        assert self.sally.wait() == 0
        return time.monotonic() - begun

    def stop_litestream(self):
        self.litestream.terminate()
        assert self.litestream.wait() == 0
        self.socket.unlink(missing_ok=True)

    def kill(self, *processes):
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()
        if self.litestream in processes:
            self.socket.unlink()

    def sync(self):
        """Returns once the copy has everything that was answered before."""
        done(PROGRAMS / "litestream", "sync", "-wait", "-timeout", "60", "-socket", self.socket, self.file)

    def restored(self, name, *options, of=None):
        """A whole file made from this machine's copy, or another's."""
        to = self.folder / name
        done(
            PROGRAMS / "litestream", "restore", "-config", self.configuration, *options, "-o", to, self.file,
            environment=self.environment | ({"MACHINE": of} if of else {}),
        )
        assert json.loads(done(SALLY, "verify", "--json", to))["sound"]
        return to

    def times_log_began(self):
        """SQLite counts in the log's head how often it was begun anew."""
        log = Path(f"{self.file}-wal")
        self.largest_log = max(self.largest_log, log.stat().st_size)
        with log.open("rb") as head:
            return int.from_bytes(head.read(16)[12:], "big")

    def checkpoints(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics") as answer:
            lines = answer.read().decode().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("sally_checkpoints_total "))


class Client:
    """Somebody with a key or the token of a session."""

    def __init__(self, machine, token):
        self.port, self.headers = machine.port, {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def ask(self, method, path, body=None):
        # Each time a connection of its own: one that is kept is closed after five seconds, which a busy machine takes.
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path, json.dumps(body) if body else None, self.headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        assert answer.status in (200, 201), (method, path, answer.status, text)
        return json.loads(text)

    def tasks(self):
        """The last number that was written into each task."""
        found, cursor = {}, ""
        while True:
            page = self.ask("GET", f"/api/tasks?projectId=LED&limit=200&fields=title,description{cursor}")
            found |= {task["title"]: int(task["description"].split()[0]) for task in page["items"]}
            if page["nextCursor"] is None:
                return found
            cursor = f"&cursor={page['nextCursor']}"


class Ledger:
    """What writers were promised: each makes a task and writes 1, 2, 3 … over its description."""

    def __init__(self):
        self.lock, self.writing = threading.Lock(), threading.Event()
        self.kept, self.tried, self.answers, self.threads = {}, {}, 0, []

    def write(self, machine, key):
        self.writing.set()
        self.threads = [threading.Thread(target=self.writer, args=(machine, key)) for _ in range(WRITERS)]
        for thread in self.threads:
            thread.start()

    def pause(self):
        self.writing.clear()
        for thread in self.threads:
            thread.join()

    def writer(self, machine, key):
        client = Client(machine, key)
        try:
            while self.writing.is_set():
                with self.lock:
                    title = f"Task {len(self.tried)}"
                    self.tried[title] = 0
                path, method = "/api/tasks", "POST"
                for number in range(CHANGES + 1):
                    self.tried[title] = number
                    # Long enough that the log fills up.
                    body = {"description": f"{number} " + "and on " * 300}
                    made = client.ask(method, path, body if number else body | {"projectId": "LED", "title": title})
                    with self.lock:
                        self.kept[title] = number
                        self.answers += 1
                    path, method = f"/api/tasks/{made['id']}", "PATCH"
        except (OSError, HTTPException):
            pass  # killed

    def promised(self):
        with self.lock:
            return dict(self.kept)

    def until_more(self, writes):
        before = self.answers
        is_over = lambda: not any(thread.is_alive() for thread in self.threads)
        wait_until(f"{writes} more writes", lambda: self.answers >= before + writes or is_over())
        assert self.answers >= before + writes, "the writers were refused"


def broken(promised, found):
    return {title: (number, found.get(title)) for title, number in promised.items() if found.get(title, -1) < number}


def story():
    port, keys = free_port(), ("sally", "a-secret-of-the-test")
    Path("s3/copies").mkdir(parents=True)
    start(
        PROGRAMS / "rclone", "serve", "s3", "--config", "/dev/null", "--addr", f"127.0.0.1:{port}",
        "--auth-key", ",".join(keys), "s3", log="rclone.log",
    )
    wait_until("the S3 server", lambda: answers(port))
    bucket = {
        "S3_ENDPOINT": f"http://127.0.0.1:{port}", "S3_REGION": "us-east-1", "S3_BUCKET": "copies",
        "LITESTREAM_ACCESS_KEY_ID": keys[0], "LITESTREAM_SECRET_ACCESS_KEY": keys[1],
    }

    # Litestream is there first, as its unit says.
    a = Machine("a", bucket)
    a.replicate()
    made = json.loads(done(
        SALLY, "--db", a.file, "init", "--json",
        "--admin-email", "ada@example.com", "--admin-name", "Ada", "--workspace", "Acme",
    ))
    key = made["apiKey"]
    a.serve()
    ada = Client(a, key)
    ada.ask("POST", "/api/projects", {"name": "Ledger", "key": "LED"})
    login = {"email": "ada@example.com", "password": made["password"]}
    session = ada.ask("POST", "/api/auth/login", login)["sessionToken"]

    # Litestream takes the log over, again and again: it is begun anew and does not grow for ever.
    ledger = Ledger()
    ledger.write(a, key)
    wait_until("Litestream to see the file", lambda: a.file.with_name(".sally.db-litestream").exists())
    begun = a.times_log_began()
    ledger.until_more(WRITES)
    wait_until("a log begun anew twice", lambda: a.times_log_began() >= begun + 2)

    # The moment to come back to.
    ledger.pause()
    a.sync()
    moment, before = datetime.now(timezone.utc), ledger.promised()
    ledger.write(a, key)
    ledger.until_more(WRITES // 2)
    # Now: Litestream keeps single seconds for five minutes only.
    at_the_moment = ("-timestamp", moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"))
    of_the_moment = a.restored("moment.db", *at_the_moment)

    # Litestream dies, and comes back when Sally has just had to look after the log alone.
    ada.ask("POST", "/api/projects", {"name": "Filler", "key": "FIL"})
    filler = ada.ask("POST", "/api/tasks", {"projectId": "FIL", "title": "Filler"})
    a.kill(a.litestream)
    begun, checkpoints = a.times_log_began(), a.checkpoints()
    for number in range(2000):
        ada.ask("PATCH", f"/api/tasks/{filler['id']}", {"description": f"{number} " + ("x" * 999 + " ") * 99})
        if a.times_log_began() > begun:
            break
    assert a.checkpoints() > checkpoints, "the log was not begun anew without Litestream"
    a.replicate()
    a.sync()
    a.restored("caught-up.db")
    ledger.until_more(WRITES // 2)

    # Both die, in the middle of it.
    synced = ledger.promised()
    a.sync()
    ledger.until_more(WRITES // 20)
    a.kill(a.sally, a.litestream)
    ledger.pause()
    promised = ledger.promised()

    # What was there at the last sync goes on elsewhere; people stay signed in, and keys work.
    b = Machine("b", bucket)
    done(SALLY, "--db", b.file, "restore", b.restored("latest.db", of="a"))
    b.replicate()
    b.serve()
    found = Client(b, key).tasks()
    lost = broken(synced, found)
    assert not lost, lost
    assert all(number <= ledger.tried[title] for title, number in found.items())
    missing = len(broken(promised, found))
    Client(b, session).ask("POST", "/api/tasks", {"projectId": "LED", "title": "Of the second machine", "description": "1"})
    b.sync()

    # The first machine comes back with all it promised, and does not know that it was replaced. Each has its own copy.
    a.replicate()
    a.serve()
    ada = Client(a, key)
    lost = broken(promised, ada.tasks())
    assert not lost, lost
    ada.ask("POST", "/api/tasks", {"projectId": "LED", "title": "Of the first machine", "description": "1"})
    a.sync()

    def titles(file):
        with sqlite3.connect(file) as conn:
            return {title for title, in conn.execute("select title from task where title like 'Of the %'")}

    assert titles(b.restored("again.db")) == {"Of the second machine"}
    assert titles(a.restored("again.db")) == {"Of the first machine"}

    # Back to the moment, in place: nothing of what came after is there. What came before is, and the copy goes on.
    stopped = a.stop_sally()
    refused = done(SALLY, "--db", a.file, "restore", of_the_moment, "--force", code=1)
    assert "in use" in refused, refused
    a.stop_litestream()
    done(SALLY, "--db", a.file, "restore", of_the_moment, "--force")
    a.replicate()
    a.serve()
    ada = Client(a, key)
    assert ada.tasks() == before
    ada.ask("POST", "/api/tasks", {"projectId": "LED", "title": "Of the first machine, later", "description": "1"})
    a.sync()
    assert titles(a.restored("later.db")) == {"Of the first machine, later"}
    assert titles(a.restored("moment-again.db", *at_the_moment)) == set()

    # Sally had nothing to complain about.
    for machine in (a, b):
        machine.stop_sally()
        machine.stop_litestream()
        text = (machine.folder / "sally.log").read_text()
        assert not any(word in text for word in ("ERROR", "WARN", "panic")), text
    print(
        f"{ledger.answers} writes were promised. {len(synced)} tasks that were there at the last sync are in the copy; "
        f"{missing} had changed since. The log had {a.largest_log / 1e6:.0f} MB at most. Sally stopped in {stopped:.1f} s."
    )


with tempfile.TemporaryDirectory() as work:
    os.chdir(work)
    try:
        story()
    except BaseException:
        for log in sorted(Path(".").glob("**/*.log")):
            print(f"── {log}\n{log.read_text()[-4000:]}", file=sys.stderr)
        raise
    finally:
        for process in running:
            process.kill()
            process.wait()
