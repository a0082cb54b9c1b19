"""The MJML we allow: what may stand where, and with which attributes.

MRML, the engine, passes unknown tags and attributes through without a word. Left out on purpose: `mj-include`
(files come in through Jinja), `mj-font` (no external fonts), `mj-accordion`, `mj-carousel` and `mj-navbar`
(mail clients disagree).
"""

from __future__ import annotations

VOID = frozenset(["area", "br", "col", "hr", "img", "wbr"])
REFUSED_HTML = frozenset(
    [
        "script",
        "iframe",
        "object",
        "embed",
        "form",
        "input",
        "button",
        "select",
        "textarea",
        "link",
        "meta",
        "base",
        "video",
        "audio",
    ]
)
URL_ATTRIBUTES = frozenset(("href", "src", "background-url", "action", "background"))

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
_IMAGE = """background-url background-repeat background-size background-position background-position-x
background-position-y"""
_FONT = """color font-family font-size font-style font-weight letter-spacing line-height text-decoration
text-transform"""
_ANY = "css-class mj-class"
_BOX = f"{_PADDING} align container-background-color {_ANY}"
_BLOCK = f"background-color {_IMAGE} {_BORDER} {_PADDING} full-width text-align {_ANY}"
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
    "mj-wrapper": _BLOCK,
    "mj-section": f"{_BLOCK} direction",
    "mj-group": f"background-color direction vertical-align width {_ANY}",
    "mj-column": f"""{_BORDER} {_PADDING} background-color direction inner-background-color inner-border
        inner-border-radius vertical-align width {_ANY}""",
    "mj-hero": f"""{_PADDING} align background-color background-height background-position background-url
        background-width border-radius height inner-background-color mode vertical-align width {_ANY}""",
    "mj-text": f"{_FONT} {_BOX} height vertical-align",
    "mj-button": f"""{_FONT} {_BORDER} {_BOX} background-color height href inner-padding name rel target
        text-align title vertical-align width""",
    "mj-image": f"""{_BORDER} {_BOX} alt fluid-on-mobile font-size height href max-height name rel sizes src
        srcset target title usemap width""",
    "mj-divider": f"{_BOX} border-color border-style border-width width",
    "mj-spacer": f"{_BORDER} {_BOX} height vertical-align width",
    "mj-table": f"{_FONT} {_BOX} border cellpadding cellspacing role table-layout vertical-align width",
    "mj-social": f"""{_FONT} {_BOX} border-radius icon-height icon-padding icon-size inner-padding mode
        table-layout text-padding vertical-align""",
    "mj-social-element": f"""{_FONT} {_PADDING} align alt background-color border-radius href icon-height
        icon-padding icon-size name rel src target text-padding title vertical-align {_ANY}""",
}
ATTRIBUTES: dict[str, frozenset[str]] = {tag: frozenset(names.split()) for tag, names in _ATTRIBUTES.items()}
_EVERY = frozenset().union(*ATTRIBUTES.values())
ATTRIBUTES |= {"mj-all": _EVERY, "mj-class": _EVERY | {"name"}}
