"""Importing the room is cheap: what weighs is loaded by the provider that needs it."""

from __future__ import annotations

import subprocess
import sys


def test_importing_delivery_loads_no_provider_s_library() -> None:
    heavy = [
        "ssl",
        "smtplib",
        "sendgrid",
        "python_http_client",
        "http.client",
        "email.parser",
        "orjson",
        "idna",
    ]
    script = f"import sys, delivery; print([name for name in {heavy} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
