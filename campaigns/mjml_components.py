"""The MJML we allow: what may stand where, and with which attributes.

MRML, the engine, passes unknown tags and attributes through without a word. Left out on purpose: `mj-include` (files
come in through Jinja), `mj-font` (no external fonts), `mj-accordion`, `mj-carousel`, `mj-navbar` (mail clients disagree).
"""

from __future__ import annotations

VOID = frozenset(["area", "br", "col", "hr", "img", "wbr"])
REFUSED_HTML = frozenset(
    ["script", "iframe", "object", "embed", "form", "input", "button", "select", "textarea", "link", "meta", "base", "video", "audio"]
)
URL_ATTRIBUTES = frozenset(("href", "src", "background-url", "action", "background"))

# In these, MJML takes what it finds as HTML; everywhere else only elements may stand.
ENDING = frozenset(["mj-text", "mj-button", "mj-table", "mj-raw", "mj-title", "mj-preview", "mj-style", "mj-social-element"])

_CONTENT = "mj-text mj-button mj-image mj-divider mj-spacer mj-table mj-social mj-raw"
CHILDREN: dict[str, frozenset[str]] = {
    parent: frozenset(children.split())
    for parent, children in {
        "": "mjml",
        "mjml": "mj-head mj-body",
        "mj-head": "mj-attributes mj-breakpoint mj-preview mj-raw mj-style mj-title",
        "mj-attributes": "mj-all mj-class mj-body mj-wrapper mj-section mj-group mj-column mj-hero mj-social "
        "mj-social-element " + _CONTENT,
        "mj-body": "mj-wrapper mj-section mj-hero mj-raw",
        "mj-wrapper": "mj-section mj-hero mj-raw",
        "mj-section": "mj-column mj-group mj-raw",
        "mj-group": "mj-column mj-raw",
        "mj-column": _CONTENT,
        "mj-hero": _CONTENT,
        "mj-social": "mj-social-element",
    }.items()
}
# Where a `{% if %}` may stand between elements: it is put into `mj-raw` for the author.
TAKES_RAW = frozenset(parent for parent, children in CHILDREN.items() if "mj-raw" in children) - {
    "mj-attributes",
    "mj-head",
}

_PADDING = "padding padding-top padding-right padding-bottom padding-left"
_BORDER = "border border-top border-right border-bottom border-left border-radius"
_BACKGROUND = "background-color background-url background-repeat background-size background-position background-position-x background-position-y"
_FONT = "color font-family font-size font-style font-weight letter-spacing line-height text-decoration text-transform"
_ANY = "css-class mj-class"
_ATTRIBUTES = {
    "mjml": "lang dir owa",
    "mj-head": "",
    "mj-attributes": "",
    "mj-breakpoint": "width",
    "mj-preview": "",
    "mj-raw": "position",
    "mj-style": "inline",
    "mj-title": "",
    "mj-body": f"background-color width {_ANY}",
    "mj-wrapper": f"{_BACKGROUND} {_BORDER} {_PADDING} full-width text-align {_ANY}",
    "mj-section": f"{_BACKGROUND} {_BORDER} {_PADDING} direction full-width text-align {_ANY}",
    "mj-group": f"background-color direction vertical-align width {_ANY}",
    "mj-column": f"background-color {_BORDER} {_PADDING} direction inner-background-color inner-border inner-border-radius "
    f"vertical-align width {_ANY}",
    "mj-hero": f"{_PADDING} align background-color background-height background-position background-url background-width "
    f"border-radius height inner-background-color mode vertical-align width {_ANY}",
    "mj-text": f"{_FONT} {_PADDING} align container-background-color height vertical-align {_ANY}",
    "mj-button": f"{_FONT} {_PADDING} {_BORDER} align background-color container-background-color height href inner-padding "
    f"name rel target text-align title vertical-align width {_ANY}",
    "mj-image": f"{_PADDING} {_BORDER} align alt container-background-color fluid-on-mobile font-size height href max-height "
    f"name rel sizes src srcset target title usemap width {_ANY}",
    "mj-divider": f"{_PADDING} align border-color border-style border-width container-background-color width {_ANY}",
    "mj-spacer": f"{_PADDING} {_BORDER} container-background-color height vertical-align width {_ANY}",
    "mj-table": f"{_FONT} {_PADDING} align border cellpadding cellspacing container-background-color role table-layout "
    f"vertical-align width {_ANY}",
    "mj-social": f"{_FONT} {_PADDING} align border-radius container-background-color icon-height icon-padding icon-size "
    f"inner-padding mode table-layout text-padding vertical-align {_ANY}",
    "mj-social-element": f"{_FONT} {_PADDING} align alt background-color border-radius href icon-height icon-padding icon-size "
    f"name rel src target text-padding title vertical-align {_ANY}",
}
ATTRIBUTES: dict[str, frozenset[str]] = {tag: frozenset(names.split()) for tag, names in _ATTRIBUTES.items()}
_EVERY = frozenset().union(*ATTRIBUTES.values())
ATTRIBUTES |= {"mj-all": _EVERY, "mj-class": _EVERY | {"name"}}
