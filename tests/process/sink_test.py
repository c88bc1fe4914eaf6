"""A sink whose reader stops: events are kept, on disk where needed, and all of them come when it reads again."""
import os
import socket
import threading

from world import expect, run, wait_for, world


class Reader:
    """Reads a jsonl sink's Unix socket into a file that the audit can read; stops and goes on when told to."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "sink.sock")
        self.file = os.path.join(folder, "events-read.jsonl")
        self.going = threading.Event()
        self.going.set()
        self.ended = False
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(1)
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        connection, _ = self.listener.accept()
        with open(self.file, "wb") as out:
            while self.going.wait():
                got = connection.recv(1 << 16)
                if not got:
                    return
                out.write(got)
                out.flush()


def a_stalled_reader_gets_everything_once_it_reads_again(options):
    readers = []

    def settings(folder):
        readers.append(Reader(folder))
        return ["sink.0.path=unix:" + readers[0].path, "limits.memory_bytes=65536", "limits.spool_bytes=64 MiB"]

    with world(options, nodes=1, shards=1, rate=1500, settings_in=settings) as w:
        reader = readers[0]
        wait_for("first lines at the reader", lambda: os.path.exists(reader.file) and os.path.getsize(reader.file) > 0, 20)
        reader.going.clear()
        spooled = wait_for("events on disk", lambda: sum(s["spooled_bytes"] for s in (w.ask("status") or {"shards": []})["shards"]), 30)
        print(f"   {spooled} bytes spooled", flush=True)
        w.delivered(1500)
        live = w.ask("status")["shards"][0]
        expect(live["state"] == "live" and live["resumes"] == 0, f"the session should stay live behind a stalled sink: {live}")
        reader.going.set()
        w.finish()
        expect(w.identifies() == 1, f"{w.identifies()} identifies, 1 was needed")


if __name__ == "__main__":
    run(a_stalled_reader_gets_everything_once_it_reads_again)
