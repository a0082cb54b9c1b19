"""Header values: encoded so that any mail client reads them, and the headers every provider adds."""

from __future__ import annotations

import re
from binascii import b2a_base64

from delivery.email import Email
from delivery.provider import Rejected

_WORD_BYTES = 45  # 60 characters of base64 and 12 around them: an encoded word has at most 75 (RFC 2047)
_FIRST_WORD_BYTES = 36  # it shares its line with the header's name
_LINE = 76
_URL = re.compile(r"https?://[!-;=?-~]{1,900}")
_LIST_ID = re.compile(r"[A-Za-z0-9._-]{1,200}")
_NOT_IN_FEEDBACK_ID = re.compile(r"[^A-Za-z0-9_.-]")


def unstructured(name: str, text: str) -> str:
    """The header `name` with `text` as its value, folded; a reader gets back exactly `text`."""
    folded = _fold(f"{name}: ", text) if _is_plain(text) else None
    return folded if folded is not None else f"{name}: {_encoded_words(text)}"


def mailbox(display_name: str, address: str) -> str:
    """`"Ana" <ana@example.com>`, or the address alone when there is no name."""
    name = display_name.strip()
    if not name:
        return address
    if _is_plain(name) and len(name) <= _LINE // 2:
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}"{_gap(address)}<{address}>'
    return f"{_encoded_words(name)}{_gap(address)}<{address}>"


def list_headers(email: Email) -> dict[str, str]:
    """What tells mailbox providers that this is automatic, which list it belongs to and how to leave it.

    Raises Rejected when the unsubscribe link or the list's name would not survive in a header.
    """
    headers = {"Auto-Submitted": "auto-generated"}
    if email.list_id:
        if _LIST_ID.fullmatch(email.list_id) is None:
            raise Rejected("list_id takes letters, digits, dots, - and _ only; nothing was sent")
        headers |= {"List-Id": f"<{email.list_id}>", "Precedence": "bulk"}
    if email.unsubscribe_url:
        if _URL.fullmatch(email.unsubscribe_url) is None:
            raise Rejected(
                "unsubscribe_url is not a plain http(s) link of at most 900 characters; nothing was sent"
            )
        headers["List-Unsubscribe"] = f"<{email.unsubscribe_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058
    if email.categories:
        parts = [_NOT_IN_FEEDBACK_ID.sub("_", part)[:60] for part in reversed(email.categories[:3])]
        headers["Feedback-ID"] = ":".join([*parts, "runup"])
    return headers


def _gap(address: str) -> str:
    return " " if len(address) < _LINE // 3 else "\r\n "


def _is_plain(text: str) -> bool:
    # "=?" would be read as the start of an encoded word; spaces at the ends or in a row would get lost.
    return text.isascii() and "=?" not in text and "  " not in text and text == text.strip(" ") and text != ""


def _fold(start: str, text: str) -> str | None:
    """`text` broken at its spaces into lines of at most 76; None when a word is too long for that."""
    lines, line = [], start
    for word in text.split(" "):
        if len(line) + len(word) >= _LINE and line.strip() and line != start:
            lines.append(line.removesuffix(" "))
            line = " "
        if len(word) > _LINE:
            return None
        line += word + " "
    lines.append(line.removesuffix(" "))
    return "\r\n".join(lines)


def _encoded_words(text: str) -> str:
    words: list[str] = []
    chunk: list[str] = []
    size, limit = 0, _FIRST_WORD_BYTES
    for character in text:
        width = len(character.encode("utf-8"))
        if size + width > limit:
            words.append(_encoded_word("".join(chunk)))
            chunk, size, limit = [], 0, _WORD_BYTES
        chunk.append(character)
        size += width
    words.append(_encoded_word("".join(chunk)))
    return "\r\n ".join(words)


def _encoded_word(text: str) -> str:
    return f"=?utf-8?b?{b2a_base64(text.encode('utf-8'), newline=False).decode('ascii')}?="
