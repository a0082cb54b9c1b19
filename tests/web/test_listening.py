"""The socket that the site listens on."""

from __future__ import annotations

import socket

from runup.serving import listen


def test_answers_do_not_wait_for_the_acknowledgement_of_their_own_head():
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
