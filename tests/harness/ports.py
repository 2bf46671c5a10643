"""Ports of 127.0.0.x nobody uses, below those the kernel gives out by itself."""
import random
import socket

_random = random.SystemRandom()


def free_port(address="127.0.0.1"):
    while True:
        port = _random.randrange(10000, 32000)
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            try:
                tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                tcp.bind((address, port))
                udp.bind((address, port))
                return port
            except OSError:
                continue
