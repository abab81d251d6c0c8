"""Abuse, by word lists: small ones of our own, Vietnamese and English.

What word lists do to text about the people whom slurs are aimed at, Dodge et al. 2021 show (arXiv:2104.08758, section 5.3: C4's
list removed more of what minorities wrote). So these hold insults and threats, and no names of groups; a recipe may add
its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from smolcourse.data.text import comparable
from smolcourse.synthesis.rows import Draft, Row, drop, keep
from smolcourse.synthesis.texts import Part, part_of

# As `comparable` writes them. `_` stands for a space within a phrase.
_VIETNAMESE = """
đm đmm đcm đkm vcl vkl clgt đéo đếch địt đụ_má đụ_mẹ địt_mẹ địt_con_mẹ con_mẹ_mày tổ_sư_mày mẹ_kiếp mả_cha_mày bố_láo mất_dạy
đồ_ngu thằng_ngu con_ngu ngu_như_chó ngu_như_bò ngu_như_lợn óc_chó não_chó óc_lợn đồ_chó thằng_chó con_chó_cái đồ_khốn
thằng_khốn khốn_nạn đồ_rác_rưởi thằng_điên con_điên đồ_điên đồ_mất_nết đồ_súc_vật súc_sinh chó_đẻ đồ_đĩ con_đĩ đồ_điếm con_điếm
câm_mồm câm_mẹ_mồm im_mồm_đi cút_mẹ cút_xéo đi_chết_đi tao_giết_mày giết_chết_mày đánh_chết_mày
vãi_lồn cái_lồn đầu_buồi cặc
"""
_ENGLISH = """
fuck fucks fucking fucker fuckers fucked motherfucker motherfuckers motherfucking bullshit shithead shitty asshole assholes bitch
bitches bastard bastards dickhead dickheads wanker wankers twat twats cunt cunts whore whores slut sluts dumbass jackass scumbag
scumbags stfu gtfo kys moron morons imbecile shut_the_hell_up piece_of_shit go_to_hell kill_yourself
go_die drop_dead i_will_kill_you i'll_kill_you you_deserve_to_die you_are_worthless you_stupid you_idiot you_are_an_idiot
"""

_MASKS = str.maketrans({"@": "a", "$": "s", "0": "o", "1": "i", "3": "e"})


@lru_cache(maxsize=8)
def _pattern(more: tuple[str, ...]) -> re.Pattern[str]:
    words = sorted(
        {comparable(word.replace("_", " ")) for word in (*_VIETNAMESE.split(), *_ENGLISH.split(), *more)}, key=len, reverse=True
    )
    return re.compile(r"(?<!\w)(?:" + "|".join(re.escape(word) for word in words) + r")(?!\w)")


def abuse(text: str, more: tuple[str, ...] = ()) -> list[str]:
    """The listed words and phrases that stand in a text; also with letters masked ("sh1thead") or drawn out ("fuuuck")."""
    plain = comparable(text)
    forms = (plain, plain.translate(_MASKS), re.sub(r"(\w)\1{2,}", r"\1", plain))
    return sorted({match[0] for form in forms for match in _pattern(more).finditer(form)})


def without(row: Row, *, part: Part = "all", most: int = 0, words: list[str] = []) -> Iterator[Draft]:  # noqa: B006
    """Leaves out texts with more than `most` different words of the lists.

    Args:
        words: further ones, as they are written.
    """
    found = abuse(part_of(row.data, part), tuple(words))
    yield drop(row, "abuse", {"abuse": float(len(found))}) if len(found) > most else keep(row)
