"""What `doctor` looks at in the DNS: whether receivers can tell that our emails are ours."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from delivery.providers import SmtpConfig
from runup.asking_dns import Dns, DnsSilent
from runup.examining import Finding, Level
from runup.providing import provider_config
from runup.settings import Settings, SettingsError
from runup.spf import BadRecord, Judge, extended, record_of

OFF = "off"
_SENDGRID = (
    "authenticate {domain} in SendGrid (Settings, Sender Authentication) and add the three CNAME records it "
    "shows: em….{domain}, s1._domainkey.{domain}, s2._domainkey.{domain}"
)


def examine_dns(settings: Settings, *, server: str = "") -> Iterator[Finding]:
    """Nothing where emails stay on this machine. A DNS that does not answer is one warning."""
    if settings.provider == "outbox":
        return
    server = server or settings.dns_server
    if server == OFF:
        remedy = "set dns_server to an address, or to nothing for the system's own"
        yield Finding(Level.WARNING, "dns", "not asked: dns_server is off", remedy)
        return
    try:
        yield from _records(settings, Dns.of(server))
    except DnsSilent as error:
        remedy = "try again with a connection, or name a server: `runup doctor --dns-server 9.9.9.9`"
        words = f"{error}; SPF, DKIM and DMARC were not looked at, or not all of them"
        yield Finding(Level.WARNING, "dns", words, remedy)


def _records(settings: Settings, dns: Dns) -> Iterator[Finding]:
    domain = _domain(settings.sender)
    yield from _site(settings, dns)
    yield from _answers(settings.sender, domain, dns)
    if settings.provider == "smtp":
        yield from _spf(settings, dns)
        yield from _our_signature(settings, dns)
        yield from _reverse(settings, dns)
    else:
        yield from _sendgrid_signature(domain, dns)
    yield from _dmarc(domain, dns)


def _site(settings: Settings, dns: Dns) -> Iterator[Finding]:
    host = settings.base_url.host or ""
    if _is_address(host) or host == "localhost":
        return
    if dns.addresses(host):
        yield Finding(Level.OK, "dns", f"{host} has an address")
    else:
        remedy = f"add {host} A and the server's address"
        yield Finding(Level.FAILED, "dns", f"links lead to {host}, which has no address", remedy)


def _answers(sender: str, domain: str, dns: Dns) -> Iterator[Finding]:
    """Whether somebody takes the answers, which receivers look at too."""
    hosts = dns.mail_hosts(domain)
    if hosts == ["."]:
        words = f"{domain} says that it takes no mail; many servers refuse what comes from it"
        yield Finding(Level.FAILED, "mx", words, f"{domain} MX 10 and the server that takes mail to {sender}")
    elif hosts:
        yield Finding(Level.OK, "mx", f"mail to {domain} goes to {', '.join(hosts)}")
    elif dns.addresses(domain):
        remedy = f"if that is not so, add {domain} MX 10 and the name of the server that does"
        words = f"{domain} has no MX record: {domain} itself is taken for the server that gets answers"
        yield Finding(Level.WARNING, "mx", words, remedy)
    else:
        words = (
            f"no server takes mail to {domain}; answers are lost, and many servers refuse what comes from it"
        )
        yield Finding(Level.FAILED, "mx", words, f"add {domain} MX 10 and the name of your mail server")


def _spf(settings: Settings, dns: Dns) -> Iterator[Finding]:
    """Of the envelope's domain: that is the one which receivers ask."""
    domain = _domain(settings.bounce_address or settings.sender)
    host = settings.smtp_host
    mechanism = f"ip4:{host}" if _is_address(host) and ":" not in host else f"a:{host}"
    local = host == "localhost" or (_is_address(host) and ip_address(host).is_loopback)
    if local:
        mechanism = "ip4:<the address this machine sends from>"
    try:
        record = record_of(dns, domain)
        if not record:
            words = f"{domain} has no SPF record: nothing says who may send for it"
            yield Finding(Level.FAILED, "spf", words, f'add {domain} TXT "v=spf1 {mechanism} ~all"')
            return
        if "+all" in record.lower().split() or "all" in record.lower().split():
            remedy = f'{domain} TXT "{record.replace("+all", "all").replace("all", "~all")}"'
            yield Finding(Level.WARNING, "spf", f"{domain} lets everybody send for it", remedy)
            return
        addresses = [] if local else [host] if _is_address(host) else dns.addresses(host)
        if not addresses:
            yield Finding(Level.OK, "spf", f'{domain}: "{record}"; it has to name this machine\'s address')
            return
        judge = Judge(dns)
        verdicts = {address: judge.verdict(domain, address) for address in addresses[:1]}
    except BadRecord as error:
        yield Finding(Level.FAILED, "spf", str(error), "keep one, with at most ten names to look up")
        return
    for address, verdict in verdicts.items():
        if verdict == "pass":
            yield Finding(Level.OK, "spf", f"{domain} lets {host} ({address}) send for it")
        else:
            words = f'{domain} does not let {host} ({address}) send for it: {verdict} by "{record}"'
            remedy = f'if it delivers by itself: {domain} TXT "{extended(record, mechanism)}"'
            yield Finding(Level.WARNING, "spf", words, remedy)


def _our_signature(settings: Settings, dns: Dns) -> Iterator[Finding]:
    try:
        config = provider_config(settings)
    except SettingsError:
        return  # said already
    assert isinstance(config, SmtpConfig)
    signer = config.signer()
    if signer is None:
        return  # the server signs, by a name that only it knows
    name, wanted = (
        f"{signer.selector}._domainkey.{signer.domain or _domain(settings.sender)}",
        signer.public_record(),
    )
    found = [text for text in dns.texts(name) if "p=" in text]
    remedy = f'{name} TXT "{wanted}"'
    if not found:
        words = f"{name} is not in the DNS: nobody can check our signatures"
        yield Finding(Level.FAILED, "dkim", words, f"add {remedy}")
    elif len(found) > 1 or _key(found[0]) != _key(wanted):
        words = f"{name} holds another key than the one we sign with: every signature is wrong"
        yield Finding(Level.FAILED, "dkim", words, f"it has to be {remedy}")
    else:
        yield Finding(Level.OK, "dkim", f"{name} holds the key we sign with")


def _sendgrid_signature(domain: str, dns: Dns) -> Iterator[Finding]:
    missing = [
        name
        for name in (f"s1._domainkey.{domain}", f"s2._domainkey.{domain}")
        if not any("p=" in text for text in dns.texts(name))
    ]
    if missing:
        words = f"SendGrid cannot sign for {domain}: there is no key at {' and '.join(missing)}"
        yield Finding(Level.FAILED, "dkim", words, _SENDGRID.format(domain=domain))
    else:
        yield Finding(Level.OK, "dkim", f"SendGrid's keys for {domain} are there; its own domain passes SPF")


def _dmarc(domain: str, dns: Dns) -> Iterator[Finding]:
    """The domain's own record, or that of the domain it belongs to."""
    labels = domain.split(".")
    for name in (".".join(labels[n:]) for n in range(max(len(labels) - 1, 1))):
        found = [
            text for text in dns.texts(f"_dmarc.{name}") if text.replace(" ", "").startswith("v=DMARC1;")
        ]
        if len(found) > 1:
            words = f"_dmarc.{name} has {len(found)} records, so none counts"
            yield Finding(Level.FAILED, "dmarc", words, "keep one")
            return
        if found:
            yield Finding(Level.OK, "dmarc", f'_dmarc.{name}: "{found[0]}"')
            return
    words = f"{domain} has no DMARC record; large mailbox providers ask for one of whoever sends much"
    remedy = f'add _dmarc.{domain} TXT "v=DMARC1; p=none; rua=mailto:postmaster@{domain}"'
    yield Finding(Level.WARNING, "dmarc", words, remedy)


def _reverse(settings: Settings, dns: Dns) -> Iterator[Finding]:
    """The name of the server's address, and that it leads back: many receivers refuse the others."""
    host = settings.smtp_host
    if _is_address(host) or host == "localhost":
        return
    for address in dns.addresses(host)[:1]:
        names = dns.names(address)
        if any(address in dns.addresses(name) for name in names):
            yield Finding(Level.OK, "reverse", f"{host} is {address}, and {names[0]} leads back to it")
        else:
            words = f"the address of {host}, {address}, has no name that leads back to it"
            remedy = f"if it delivers by itself, have its provider set the reverse name (PTR) to {host}"
            yield Finding(Level.WARNING, "reverse", words, remedy)


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower().encode("idna").decode()


def _key(record: str) -> str:
    """The key itself: spaces and what stands beside it make no difference."""
    tags = dict(tag.strip().split("=", 1) for tag in record.split(";") if "=" in tag)
    return "".join(tags.get("p", "").split())


def _is_address(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
