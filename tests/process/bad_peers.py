"""Peers that a cluster must refuse, as clients of a node and as servers that a node dials.

Each kind is one function that is given a connected socket. A client returns what the node let it read after the handshake;
a refused one reads nothing but an end or an alert.
"""
import contextlib
import os
import re
import socket
import ssl
import struct
import subprocess
import threading
import time

from world import SOURCE, Failure

WELCOME = b"S"  # what a node sends, with its name, once it has taken a certificate, and again when it lets the greeting in
UNLINKED = b"N"  # ends a greeting: a name, and whether there is a connection already
CLUSTER = "shardyard"
PATIENCE = 12  # longer than a node's own deadlines


def protocol(version=None, cluster=CLUSTER):
    with open(os.path.join(SOURCE, "messages/control.hpp")) as header:
        ours = re.search(r"protocol_version = (\d+);", header.read()).group(1)
    return f"shardyard/{version or ours}/{cluster}"


def openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise Failure(f"openssl {' '.join(arguments)}: {done.stderr}")


def frame(operation, payload_size):
    """A header of BASP, CAF's protocol: operation, flags, payload size, operation data (its version), two actors."""
    return struct.pack(">BBBBIQQQ", operation, 0, 0, 0, payload_size, 4 if operation == 0 else 0, 0, 0)


class Papers:
    """Good and bad certificates beside those of a cluster."""

    def __init__(self, w):
        self.ca = f"{w.certs}/ca.pem"
        w.run("certs", "node", "visitor", "--dir", w.certs)
        other = os.path.join(w.folder, "other-certs")
        w.run("certs", "init", "--dir", other)
        w.run("certs", "node", "visitor", "--dir", other)
        self.good = (f"{w.certs}/visitor.pem", f"{w.certs}/visitor.key")
        self.admin = (f"{w.certs}/admin.pem", f"{w.certs}/admin.key")
        self.wrong_ca = (f"{other}/visitor.pem", f"{other}/visitor.key")
        self.self_signed = self.make(w, "self-signed", "-x509", "-days", "30")
        self.expired = self.sign_expired(w)

    def make(self, w, name, *options):
        pem, key = f"{w.folder}/{name}.pem", f"{w.folder}/{name}.key"
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                "-keyout", key, "-out", pem, *options)
        return pem, key

    def sign_expired(self, w):
        request, key = self.make(w, "expired")
        pem = f"{w.folder}/expired-signed.pem"
        openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", f"{w.certs}/ca.key", "-CAcreateserial", "-days", "-1",
                "-out", pem)
        return pem, key

    def context(self, server, pair, name=None, newest=None):
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
        if newest:
            made.set_ciphers("ALL:@SECLEVEL=0")
            made.minimum_version, made.maximum_version = ssl.TLSVersion.TLSv1, newest
        if pair:
            made.load_cert_chain(*pair)
        made.set_alpn_protocols([name or protocol()])
        if server:
            made.load_verify_locations(self.ca)
            made.verify_mode = ssl.CERT_REQUIRED
        return made


def talk(raw, context, server, words=b""):
    """Shakes hands, says `words`, and returns what comes back until the other side ends."""
    with context.wrap_socket(raw, server_side=server) as tls:
        if server:
            tls.sendall(WELCOME + text("nobody"))
            greeting = tls.recv(1)
            if not greeting or len(exactly(tls, greeting[0] + 1)) < greeting[0] + 1:
                return b""
            tls.sendall(WELCOME)
        else:
            got = tls.recv(1)
            if got != WELCOME or not words:
                return got
            exactly(tls, exactly(tls, 1)[0])
            tls.sendall(text("") + UNLINKED)
            if exactly(tls, 1) != WELCOME:
                return b""
        tls.sendall(words)
        while tls.recv(4096):
            pass
        return b""


def text(name):
    """As greetings have it: a size byte and so many bytes."""
    return bytes([len(name)]) + name.encode()


def exactly(tls, size):
    got = b""
    while len(got) < size and (piece := tls.recv(size - len(got))):
        got += piece
    return got


def drip(raw, seconds):
    """The beginning of a TLS record, one byte a second, so that there is always a sign of life."""
    end = time.monotonic() + seconds
    for byte in b"\x16\x03\x01\x02\x00" + bytes(500):
        raw.sendall(bytes([byte]))
        raw.settimeout(1)
        with contextlib.suppress(TimeoutError):
            if not raw.recv(4096):
                return b""
        if time.monotonic() > end:
            raise Failure("a slow handshake is still open")
    return b""


def until_end(raw, words=b""):
    raw.sendall(words)
    while raw.recv(4096):
        pass
    return b""


def kinds(papers):
    """Name -> what it does with a socket; `server` tells which side of the connection it is."""
    tls11 = ssl.TLSVersion.TLSv1_1
    huge = lambda server: frame(0 if server else 1, 0xFFFFFFFF)  # noqa: E731
    made = {
        "no certificate": lambda s, server: until_end(s) if server else talk(s, papers.context(server, None), server),
        "self-signed": lambda s, server: talk(s, papers.context(server, papers.self_signed), server),
        "expired": lambda s, server: talk(s, papers.context(server, papers.expired), server),
        "wrong CA": lambda s, server: talk(s, papers.context(server, papers.wrong_ca), server),
        "plain TCP": lambda s, server: until_end(s, frame(0 if server else 1, 0)),
        "TLS 1.1": lambda s, server: talk(s, papers.context(server, papers.good, newest=tls11), server),
        "random bytes": lambda s, server: until_end(s, os.urandom(4096)),
        "half handshake": lambda s, server: until_end(s),
        "slow handshake": lambda s, server: drip(s, PATIENCE),
        "huge frame": lambda s, server: talk(s, papers.context(server, papers.good), server, huge(server)),
        "other cluster": lambda s, server: talk(s, papers.context(server, papers.good, protocol(cluster="other")), server),
        "other version": lambda s, server: talk(s, papers.context(server, papers.good, protocol(version=999)), server),
    }
    return made


def bad_servers(papers):
    """What a node dials: those of `kinds`, where no certificate can mean only ciphers without one, and an admin's."""
    made = kinds(papers)
    anonymous = papers.context(True, None, newest=ssl.TLSVersion.TLSv1_2)
    anonymous.set_ciphers("aNULL:@SECLEVEL=0")
    made["no certificate"] = lambda s, server: talk(s, anonymous, server)
    made["admin's certificate"] = lambda s, server: talk(s, papers.context(server, papers.admin), server)
    return made


def visit(port, act):
    """Dials a node as one of the bad kinds. Raises Failure when the node lets it in, or does not end the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as raw:
        try:
            got = act(raw, False)
        except TimeoutError as error:
            raise Failure("the node keeps the connection open") from error
        except (ssl.SSLError, OSError):
            return
        if got:
            raise Failure(f"the node answered {got!r}")


class Imposter:
    """Listens on loopback and plays one of the bad kinds to everybody who connects."""

    def __init__(self, act):
        self.act = act
        self.visits = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                raw, _ = self.listener.accept()
                self.visits += 1
                threading.Thread(target=self.play, args=(raw,), daemon=True).start()

    def play(self, raw):
        raw.settimeout(PATIENCE)
        with raw, contextlib.suppress(ssl.SSLError, OSError, Failure):
            self.act(raw, True)

    def close(self):
        self.listener.close()


class Forwarder:
    """A port that begins to lead to another one when it is opened."""

    def __init__(self, port):
        self.port = port

    def open(self, target):
        listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.serve, args=(listener, target), daemon=True).start()

    def serve(self, listener, target):
        while True:
            near, _ = listener.accept()
            far = socket.create_connection(("127.0.0.1", target))
            for pair in ((near, far), (far, near)):
                threading.Thread(target=self.copy, args=pair, daemon=True).start()

    @staticmethod
    def copy(source, sink):
        with contextlib.suppress(OSError):
            while chunk := source.recv(65536):
                sink.sendall(chunk)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
