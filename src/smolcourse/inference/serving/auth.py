"""Who may ask: API keys, and for a server without them, programs of this machine only."""

from __future__ import annotations

import hmac
import ipaddress
import os
import stat
import sys
from hashlib import sha256
from pathlib import Path

from smolcourse.errors import SmolError
from smolcourse.inference.endpoint import KEY
from smolcourse.inference.serving.problems import Problem
from smolcourse.language import tr


def read_keys(file: Path | None) -> tuple[bytes, ...]:
    """The hashes of all keys: one a line in the file (# begins a comment), commas between them in the environment variable.

    Raises:
        SmolError: a file that cannot be read, holds no key, or a key that is too short.
    """
    if file is None:
        keys = [key.strip() for key in os.environ.get(KEY, "").split(",")]
        where = KEY
    else:
        where = str(file)
        try:
            if os.name == "posix" and file.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
                # Not refused: secrets that containers mount often come so.
                warning = tr("Chú ý: người khác trên máy đọc được", "Note: others on this machine can read")
                print(f"{warning} {file} (chmod 600)", file=sys.stderr)
            keys = [line.split("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines()]
        except (OSError, UnicodeDecodeError) as error:
            raise SmolError("không đọc được tệp khoá", "the file of keys cannot be read", where=where) from error
        if not any(keys):
            raise SmolError("tệp khoá không có khoá nào", "the file holds no key", where=where)
    if any(0 < len(key) < 16 for key in keys):
        raise SmolError(
            "API key phải có ít nhất 16 ký tự",
            "an API key needs 16 characters at least",
            where=where,
            fix='python -c "import secrets; print(secrets.token_urlsafe())"',
        )
    return tuple(sha256(key.encode()).digest() for key in keys if key)


def check_key(header: str, keys: tuple[bytes, ...]) -> None:
    """Raises `Problem` 401 unless `Bearer KEY` holds one of the keys. Takes as long for any wrong key."""
    scheme, _, given = header.partition(" ")
    hashed = sha256(given.strip().encode("utf-8", "replace")).digest()
    known = [hmac.compare_digest(hashed, key) for key in keys]
    if scheme.lower() != "bearer" or not any(known):
        raise Problem(
            401,
            "thiếu API key hoặc key sai (Authorization: Bearer …)",
            "no API key, or a wrong one (Authorization: Bearer …)",
            code="invalid_api_key",
            headers={"WWW-Authenticate": "Bearer"},
        )


def check_host(header: str) -> None:
    """Raises `Problem` 403 unless the request was meant for this machine.

    Without keys, loopback is the only guard; a web page whose name was made to point to 127.0.0.1 would get past it.
    """
    host = header.rsplit(":", 1)[0] if not header.endswith("]") else header
    if not is_loopback(host.strip("[]")):
        raise Problem(
            403,
            "server này chỉ nhận yêu cầu gửi tới localhost",
            "this server only takes requests for localhost",
            code="wrong_host",
        )


def is_loopback(host: str) -> bool:
    """Whether a name or an address is this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
