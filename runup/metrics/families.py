"""From readings to Prometheus' families; docs/reference/metrics.md has a line for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from runup.metrics.census import Counted
from runup.metrics.moment import Moment
from runup.metrics.since import Lateness, Since
from scheduler.claiming import LANES, PERSONAL

Labeled = Sequence[tuple[tuple[str, ...], float]]


def gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value=value)


def gauges(name: str, words: str, labels: Sequence[str], values: Labeled) -> Metric:
    family = GaugeMetricFamily(name, words, labels=labels)
    for names, value in values:
        family.add_metric(names, value)
    return family


def counter(name: str, words: str, labels: Sequence[str], values: Labeled) -> Metric:
    family = CounterMetricFamily(name, words, labels=labels)
    for names, value in values:
        family.add_metric(names, value)
    return family


def of_installation(facts: Mapping[str, str]) -> Metric:
    """Versions, as labels of a one."""
    return gauges("runup_build_info", "Versions.", [*facts], [(tuple(facts.values()), 1)])


def of_moment(found: Moment) -> Iterator[Metric]:
    lanes = [(lane_name(backlog.lane), backlog) for backlog in found.backlogs]
    yield gauges(
        "runup_sends_due", "Sends that could leave now and have not, counted up to 10,000.", ["lane"],
        [((lane,), backlog.due) for lane, backlog in lanes],
    )  # fmt: skip
    yield gauges(
        "runup_oldest_overdue_seconds", "For how long the oldest of them could have left.", ["lane"],
        [((lane,), backlog.oldest.total_seconds()) for lane, backlog in lanes],
    )  # fmt: skip
    yield gauge("runup_sends_in_doubt", "Sends that may or may not have left.", found.in_doubt)
    yield gauge("runup_workers", "Workers heard of within two minutes.", found.workers)
    yield gauges(
        "runup_last_tick_age_seconds", "Since the latest sign of life of any worker.", [],
        [((), found.last_tick.total_seconds())] if found.last_tick is not None else [],
    )  # fmt: skip
    yield gauges(
        "runup_worker_tick_age_seconds", "Since the sign of life of each worker of the last hour.",
        ["host", "pid"], [((p.host, str(p.pid)), p.silent_for.total_seconds()) for p in found.pulses],
    )  # fmt: skip
    yield gauges(
        "runup_hold", "1 for each brake that waits for somebody to look.", ["kind"],
        [((kind,), 1) for kind in found.holds],
    )  # fmt: skip
    yield gauge("runup_campaigns_paused", "Campaigns that are paused.", found.paused)
    yield from _of_providers(found)
    yield from _of_feeds(found)
    yield from _of_receivers(found)


def _of_providers(found: Moment) -> Iterator[Metric]:
    yield gauges(
        "runup_breaker_open", "1 while nothing is sent because the provider fails.", ["provider"],
        [((breaker.provider,), breaker.is_open) for breaker in found.breakers],
    )  # fmt: skip
    yield gauges(
        "runup_breaker_failures", "Failed calls in a row.", ["provider"],
        [((breaker.provider,), breaker.failures) for breaker in found.breakers],
    )  # fmt: skip
    yield gauges(
        "runup_rate_tokens", "Emails that the rate lets leave at once.", ["bucket"],
        [((bucket.name,), bucket.tokens) for bucket in found.buckets],
    )  # fmt: skip
    yield gauges(
        "runup_rate_closed_seconds", "How long the provider still asks all of us to wait.", ["bucket"],
        [((bucket.name,), bucket.closed_for.total_seconds()) for bucket in found.buckets],
    )  # fmt: skip


def _of_feeds(found: Moment) -> Iterator[Metric]:
    yield gauges(
        "runup_feed_age_seconds", "Since the latest event of a feed.", ["source"],
        [((feed.source,), feed.age.total_seconds()) for feed in found.feeds if feed.what == "event"],
    )  # fmt: skip
    yield counter(
        "runup_feed_events", "What feeds brought, and what of it could not be used.", ["source", "what"],
        [((feed.source, feed.what), feed.total) for feed in found.feeds],
    )  # fmt: skip


def _of_receivers(found: Moment) -> Iterator[Metric]:
    yield gauges(
        "runup_webhook_on", "1 for each receiver that is told, 0 where it was switched off.", ["webhook"],
        [((str(receiver.id),), receiver.is_on) for receiver in found.receivers],
    )  # fmt: skip
    yield gauges(
        "runup_webhook_failing_seconds", "For how long a receiver has taken nothing.", ["webhook"],
        [((str(receiver.id),), receiver.failing_for.total_seconds()) for receiver in found.receivers],
    )  # fmt: skip
    yield gauges(
        "runup_webhook_posts_waiting", "Messages that wait for a receiver.", ["webhook"],
        [((str(receiver.id),), receiver.waiting) for receiver in found.receivers],
    )  # fmt: skip


def of_census(found: Counted) -> Iterator[Metric]:
    yield gauges(
        "runup_sends", "Sends by state.", ["state"],
        [((state,), number) for state, number in found.states.items()],
    )  # fmt: skip
    yield gauges(
        "runup_subscribers", "People, by whether they proved that the address is theirs.", ["state"],
        [(("confirmed",), found.confirmed), (("unconfirmed",), found.unconfirmed)],
    )  # fmt: skip
    yield gauge("runup_interviews_to_come", "Confirmed interviews from today on.", found.interviews)
    yield gauge("runup_census_seconds", "How long the latest count of whole tables took.", found.took)


def of_counters(since: Since) -> Iterator[Metric]:
    family = HistogramMetricFamily(
        "runup_lateness_seconds", "From the due moment to the provider's yes.", labels=["lane"]
    )
    for lane in LANES:
        lateness = since.lateness.get(lane) or Lateness()
        family.add_metric([lane_name(lane)], buckets=lateness.buckets, sum_value=lateness.sum)
    yield family
    outcomes = ("accepted", "not_sent", "rejected", "account_refused", "unknown")
    yield counter(
        "runup_calls", "Calls to providers, by what they came to.", ["outcome"],
        [((outcome,), since.calls[outcome]) for outcome in outcomes],
    )  # fmt: skip
    yield counter("runup_sign_ups", "Consents given, on the site or elsewhere.", [], [((), since.sign_ups)])


def lane_name(lane: int) -> str:
    return "personal" if lane == PERSONAL else "newsletter"
