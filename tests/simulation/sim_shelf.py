"""The small campaign that the simulation plays: every kind of step there is, in words of one line."""

from __future__ import annotations

import atexit
import tempfile
from functools import cache
from pathlib import Path

from campaigns import Brand, Catalog

KEY = "drill"
BRAND = Brand(name="runup", postal_address="1 Example Street", site_url="https://runup.example.com")

TIMETABLE = """
name   = "Drill"
window = [07:00:00, 20:00:00]
gap    = "6h"
jitter = "9m"

[[step]]
key      = "confirm"
title    = "Please confirm"
after    = "signed_up"
delay    = "0m"
expires  = { after = "signed_up", delay = "24h" }
late     = "send"
once_per = "act"
notice   = true
despite_unsubscribe = true
on_unknown = "resend"

[[step]]
key      = "welcome"
title    = "Your plan"
after    = "confirmed"
delay    = "0m"
expires  = { after = "confirmed", delay = "48h" }
late     = "send"
once_per = "enrollment"
exempt   = ["gap", "window"]

[[step]]
key      = "catchup"
title    = "The short version"
catchup  = true
expires  = { after = "interview_start", delay = "-10m" }
once_per = "date"
until    = "outcome"
exempt   = ["gap", "window"]
on_unknown = "resend"

[[step]]
key      = "advice"
title    = "Advice"
day      = -2
time     = 09:00:00
expires  = { day = -1, time = 09:00:00 }
late     = "merge"
once_per = "enrollment"
until    = "outcome"

[[step]]
key      = "eve"
title    = "The day before"
day      = -1
time     = 16:00:00
expires  = { after = "interview_start", delay = "-4h" }
late     = "send"
once_per = "date"
until    = "outcome"
exempt   = ["gap"]
on_unknown = "resend"

[[step]]
key      = "morning"
title    = "Good luck"
day      = 0
time     = 07:00:00
expires  = { after = "due", delay = "45m" }
late     = "skip"
once_per = "date"
until    = "outcome"
exempt   = ["gap"]
apart    = { from = ["eve", "catchup"], by = "10h" }
on_unknown = "resend"

[[step]]
key      = "thanks"
title    = "A thank-you note"
after    = "interview_end"
delay    = "2h"
window   = [08:00:00, 20:00:00]
expires  = { after = "interview_start", delay = "24h" }
late     = "send"
once_per = "date"
exempt   = ["gap"]
until    = "outcome"

[[step]]
key      = "nudge"
title    = "A nudge"
day      = 2
time     = 09:30:00
expires  = { after = "due", delay = "2d" }
late     = "skip"
once_per = "date"
until    = "outcome"

[[step]]
key      = "offer"
title    = "Before you say yes"
after    = "outcome"
delay    = "0m"
expires  = { after = "due", delay = "2d" }
late     = "send"
once_per = "date"
exempt   = ["gap", "window"]
when     = "interview.outcome == 'offer'"

[[step]]
key      = "moved"
title    = "Your new date"
after    = "moved"
delay    = "0m"
expires  = { after = "due", delay = "24h" }
late     = "send"
once_per = "act"
notice   = true

[[step]]
key      = "canceled"
title    = "All stopped"
after    = "canceled"
delay    = "0m"
expires  = { after = "due", delay = "24h" }
late     = "send"
once_per = "act"
notice   = true

[[step]]
key      = "goodbye"
title    = "Goodbye"
after    = "unsubscribed"
delay    = "0m"
expires  = { after = "due", delay = "24h" }
late     = "send"
once_per = "act"
notice   = true
despite_unsubscribe = true
when     = "subscriber.wants_goodbye"
"""

BODY = """<mjml><mj-body><mj-section><mj-column><mj-text>
<p>{{ interview.days_left }} days. {{ brand.postal_address }}</p>
</mj-text></mj-column></mj-section></mj-body></mjml>
"""
TEXT = "days_left={{ interview.days_left }} {{ brand.postal_address }}\n"


class OneCampaign(Catalog):
    """Nothing on the shelf but the drill, and no look at the disk to find that out."""

    def keys(self) -> list[str]:
        return [KEY]


@cache
def catalog() -> Catalog:
    """Compiled once per process."""
    shelf = tempfile.TemporaryDirectory(prefix="runup-drill-")
    atexit.register(shelf.cleanup)
    folder = Path(shelf.name)
    drill = folder / KEY
    drill.mkdir()
    (drill / "sequence.toml").write_text(TIMETABLE)
    for line in TIMETABLE.splitlines():
        if line.startswith("key "):
            step = drill / line.split('"')[1]
            step.mkdir()
            (step / "subject.txt").write_text(f"{step.name}\n")
            (step / "preheader.txt").write_text(f"{step.name}\n")
            (step / "body.mjml").write_text(BODY)
            (step / "body.txt").write_text(TEXT)
    made = OneCampaign(folder=folder, brand=BRAND)
    made.renderer(KEY)
    return made
