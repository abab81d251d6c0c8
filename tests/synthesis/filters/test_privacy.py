"""Personal data: what is found by form and check digits, and what only looks like it."""

from __future__ import annotations

import pytest

from smolcourse.data import milk_tea
from smolcourse.synthesis.filters import privacy
from smolcourse.synthesis.rows import Row, drafts_of

THERE = [
    ("Gửi về lan.nguyen+shop@vi-du.com.vn nhé", "email", "lan.nguyen+shop@vi-du.com.vn"),
    ("lan (at) example.com", "email", "lan (at) example.com"),
    ("Gọi 0912 345 678 trước", "phone", "0912 345 678"),
    ("gọi 0912.345.678.", "phone", "0912.345.678"),
    ("+84 912345678", "phone", "+84 912345678"),
    ("(+84) 38-123-4567", "phone", "(+84) 38-123-4567"),
    ("máy bàn 024 3825 1234", "phone", "024 3825 1234"),
    ("call +44 20 7946 0958 now", "phone", "+44 20 7946 0958"),
    ("call (212) 555-0147", "phone", "(212) 555-0147"),
    ("CCCD: 001203004567", "identity", "001203004567"),
    ("số CMND 012345678 cấp tại Hà Nội", "identity", "012345678"),
    ("thẻ 4111 1111 1111 1111", "card", "4111 1111 1111 1111"),
    ("5555555555554444", "card", "5555555555554444"),
    ("IBAN GB82 WEST 1234 5698 7654 32", "iban", "GB82 WEST 1234 5698 7654 32"),
    ("DE89370400440532013000", "iban", "DE89370400440532013000"),
    ("từ 192.168.1.20", "address", "192.168.1.20"),
]
NOT_THERE = [
    "Mã đơn 123456789, tổng 1.250.000 đồng.",
    "4111 1111 1111 1112",
    "0000 0000 0000 0000",
    "GB82 WEST 1234 5698 7654 33",
    "số 005203004567",  # no province has the code 005
    "001903004567",  # nobody was born in the 2400s
    "phiên bản 1.2.3.4567, ngày 20/11/2026, 2026-11-20",
    "Pi là 3.14159265358979, tốc độ ánh sáng 299.792.458 m/s",
    "2 ly trà sữa size M, 50% đường, 3 topping",
    "@smolcourse trên mạng xã hội",
    "99999999999999999999999",
]


@pytest.mark.parametrize(("text", "kind", "part"), THERE)
def test_found(text: str, kind: str, part: str) -> None:
    assert [(one.kind, text[one.start : one.end]) for one in privacy.personal(text)] == [(kind, part)]
    assert privacy.redacted(text) == text.replace(part, f"[{kind.upper()}]")


@pytest.mark.parametrize("text", NOT_THERE)
def test_not_found(text: str) -> None:
    assert privacy.personal(text) == []


def test_check_digits() -> None:
    assert privacy.luhn("79927398713") and not privacy.luhn("79927398710")
    assert privacy.iban("GB82WEST12345698765432") and not privacy.iban("GB82") and not privacy.iban("XX00 !!")
    assert privacy.citizen("079 099 001 234") and not privacy.citizen("079499001234")


def test_orders_hold_none() -> None:
    rows = milk_tea.generate(300, seed=2)
    assert [row for row in rows if any(privacy.personal(message["content"]) for message in row["messages"])] == []


def test_steps() -> None:
    row = Row("k", {"instruction": "Số của quán là gì?", "response": "Hotline 0912 345 678, thư a@b.vn"})
    [draft] = drafts_of(privacy.redact(row))
    assert draft.data["response"] == "Hotline [PHONE], thư [EMAIL]" and draft.scores == {"redacted": 2.0}
    assert [one.dropped for one in drafts_of(privacy.without(row))] == ["personal data: phone"]
    assert [one.dropped for one in drafts_of(privacy.without(row, public=["0912 345 678"]))] == ["personal data: email"]
    assert [one.dropped for one in drafts_of(privacy.without(row, part="instruction"))] == [None]
