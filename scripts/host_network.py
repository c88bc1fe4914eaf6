"""A network of hosts on one machine: a network namespace per host, joined by veth links to a bridge in one more namespace.

Owns the namespaces and the faults of their links; all of it vanishes with close(). Faults are classic BPF programs at the bridge's
ports (clsact), so that neither iptables nor netem is needed; delays come from a relay between port and bridge. Where namespaces are not
permitted, `Loopback` gives the same addresses on 127.0.0.1, without faults of links.
"""
import contextlib
import ctypes
import fcntl
import heapq
import itertools
import os
import random
import select
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

from cluster import free_port

CLONE_NEWNET = 0x40000000
ACCEPT, DROP = 0, 2  # TC_ACT_OK, TC_ACT_SHOT
libc = ctypes.CDLL(None, use_errno=True)


class Unsupported(Exception):
    """This machine, or this kind of network, cannot do that."""


def call(*arguments):
    done = subprocess.run(arguments, capture_output=True, text=True)
    if done.returncode != 0:
        raise Unsupported(f"{' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def dropping(addresses, offset):
    """BPF: drop IPv4 packets with one of `addresses` at `offset` (26: source, 30: destination); all else passes."""
    count = len(addresses)
    code = [(0x28, 0, 0, 12), (0x15, 0, count + 1, 0x0800), (0x20, 0, 0, offset)]
    for i, address in enumerate(addresses):
        code.append((0x15, count - i, 0, struct.unpack("!I", socket.inet_aton(address))[0]))
    return [*code, (0x06, 0, 0, ACCEPT), (0x06, 0, 0, DROP)]


def dropping_share(percent):
    """BPF: drop that share of all packets at random."""
    return [(0x20, 0, 0, 0xFFFFF000 + 56), (0x35, 0, 1, int(percent / 100 * 0xFFFFFFFF)), (0x06, 0, 0, ACCEPT), (0x06, 0, 0, DROP)]


class Namespaces:
    """Hosts by name, each with its own address. Needs the right to make network namespaces."""

    faults = True

    def __init__(self, names):
        if not shutil.which("ip") or not shutil.which("tc"):
            raise Unsupported("ip and tc (iproute2) are not there")
        self.tag = f"sy{os.getpid()}"
        self.switch = f"{self.tag}-switch"
        self.made = []
        self.addresses = {name: f"10.77.0.{i + 1}" for i, name in enumerate(names)}
        self.relays = {}
        try:
            self._add(self.switch)
            self._ip("link", "add", "name", "bridge", "type", "bridge")
            self._ip("address", "add", "10.77.0.254/24", "dev", "bridge")
            self._ip("link", "set", "dev", "bridge", "up")
            for name in names:
                self._join(name)
        except BaseException:
            self.close()
            raise

    def _add(self, namespace):
        call("ip", "netns", "add", namespace)
        self.made.append(namespace)
        call("ip", "-n", namespace, "link", "set", "dev", "lo", "up")

    def _ip(self, *arguments, namespace=None):
        return call("ip", "-n", namespace or self.switch, *arguments)

    def _join(self, name):
        space = f"{self.tag}-{name}"
        self._add(space)
        self._ip("link", "add", "name", name, "type", "veth", "peer", "name", "eth0", "netns", space)
        with self.inside(name):
            whole_checksums("eth0")
        self._ip("address", "add", self.addresses[name] + "/24", "dev", "eth0", namespace=space)
        self._ip("link", "set", "dev", "eth0", "up", namespace=space)
        self._ip("link", "set", "dev", name, "master", "bridge")
        self._ip("link", "set", "dev", name, "up")
        call("tc", "-n", self.switch, "qdisc", "add", "dev", name, "clsact")

    def prefix(self, name=None):
        """What to put before a command so that it runs on that host; without a name: at the bridge."""
        return ["nsenter", "--net=/run/netns/" + (self.switch if name is None else f"{self.tag}-{name}")]

    @contextlib.contextmanager
    def inside(self, name=None):
        """Sockets that this thread makes meanwhile belong to that host."""
        with open("/proc/thread-self/ns/net") as home, open(self.prefix(name)[1].split("=")[1]) as there:
            if libc.setns(there.fileno(), CLONE_NEWNET) != 0:
                raise Unsupported("setns: " + os.strerror(ctypes.get_errno()))
            try:
                yield
            finally:
                libc.setns(home.fileno(), CLONE_NEWNET)

    def port(self, name):
        """A port that is free on that host."""
        with self.inside(name), socket.socket() as s:
            s.bind((self.addresses[name], 0))
            return s.getsockname()[1]

    # -- faults. `out`: what the host sends; `into`: what is sent to it

    def _filter(self, name, side, code):
        text = f"{len(code)}," + ",".join(" ".join(str(x) for x in row) for row in code)
        call("tc", "-n", self.switch, "filter", "replace", "dev", name, side, "protocol", "all", "pref", "1", "handle", "1",
             "bpf", "direct-action", "bytecode", text)

    def cut(self, name, out=True, into=True, peers=None):
        """Packets vanish silently: between `name` and `peers`, or all of them, also Discord's."""
        addresses = [self.addresses[peer] for peer in peers or ()]
        if out:
            self._filter(name, "ingress", dropping(addresses, 30) if peers else [(0x06, 0, 0, DROP)])
        if into:
            self._filter(name, "egress", dropping(addresses, 26) if peers else [(0x06, 0, 0, DROP)])

    def lose(self, name, percent):
        for side in ("ingress", "egress"):
            self._filter(name, side, dropping_share(percent))

    def delay(self, name, low_s, high_s, seed=1):
        """Each packet, both ways, is late by a random time; order within a direction is kept, as most paths keep it."""
        self.heal(name)
        self._ip("link", "add", "name", name + "-r", "type", "veth", "peer", "name", name + "-b")
        self._ip("link", "set", "dev", name, "nomaster")
        self._ip("link", "set", "dev", name + "-b", "master", "bridge")
        for end in ("-r", "-b"):
            self._ip("link", "set", "dev", name + end, "up")
        with self.inside():
            self.relays[name] = Relay(name, name + "-r", low_s, high_s, seed)

    def heal(self, name):
        for side in ("ingress", "egress"):
            subprocess.run(["tc", "-n", self.switch, "filter", "del", "dev", name, side], capture_output=True)
        relay = self.relays.pop(name, None)
        if relay:
            relay.stop()
            self._ip("link", "del", "dev", name + "-r")
            self._ip("link", "set", "dev", name, "master", "bridge")

    def close(self):
        for name in list(self.relays):
            self.relays.pop(name).stop()
        for namespace in reversed(self.made):
            subprocess.run(["ip", "netns", "del", namespace], capture_output=True)
        self.made = []


class Loopback:
    """The same hosts on 127.0.0.1: processes can be killed and stopped, links have no faults."""

    faults = False

    def __init__(self, names):
        self.addresses = {name: "127.0.0.1" for name in names}

    def prefix(self, name=None):
        return []

    @contextlib.contextmanager
    def inside(self, name=None):
        yield

    def port(self, name):
        return free_port()

    def _none(self, *_, **__):
        raise Unsupported("faults of links need network namespaces (run as root)")

    cut = lose = delay = _none

    def heal(self, name):
        pass

    def close(self):
        pass


def make_network(names, kind="auto"):
    """`kind`: namespaces, loopback, or auto: namespaces where they are permitted."""
    if kind == "loopback":
        return Loopback(names)
    try:
        return Namespaces(names)
    except Unsupported as reason:
        if kind == "namespaces":
            raise
        print(f"no network namespaces here ({reason}): all hosts are on 127.0.0.1", file=sys.stderr)
        return Loopback(names)


def whole_checksums(interface):
    """Packets leave this veth whole: with a checksum, and no longer than the wire takes. The relay needs that."""
    ethtool_stx, ethtool_stso, ethtool_sgso = 0x17, 0x1F, 0x24
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for command in (ethtool_sgso, ethtool_stso, ethtool_stx):
            value = ctypes.create_string_buffer(struct.pack("II", command, 0))
            fcntl.ioctl(s, 0x8946, struct.pack("16sP", interface.encode(), ctypes.addressof(value)))


class Relay:
    """Carries frames between two interfaces, each later by a random time. A thread of its own."""

    def __init__(self, one, other, low_s, high_s, seed):
        self.span = (low_s, high_s)
        self.random = random.Random(seed)
        self.ends = [self._open(one), self._open(other)]
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    @staticmethod
    def _open(interface):
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        s.bind((interface, 3))
        s.setblocking(False)
        return s

    def _run(self):
        waiting, serial, newest = [], itertools.count(), [0.0, 0.0]
        while not self.stopping.is_set():
            pause = min(0.05, max(0.0, waiting[0][0] - time.monotonic())) if waiting else 0.05
            for source in select.select(self.ends, [], [], pause)[0]:
                with contextlib.suppress(BlockingIOError):
                    frame, address = source.recvfrom(65536)
                    if address[2] == socket.PACKET_OUTGOING:
                        continue
                    way = self.ends.index(source)
                    newest[way] = max(newest[way], time.monotonic() + self.random.uniform(*self.span))
                    heapq.heappush(waiting, (newest[way], next(serial), way, frame))
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, way, frame = heapq.heappop(waiting)
                with contextlib.suppress(OSError):
                    self.ends[1 - way].send(frame)

    def stop(self):
        self.stopping.set()
        self.thread.join()
        for end in self.ends:
            end.close()
