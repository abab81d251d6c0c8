"""English phrases: the same design as the Vietnamese ones."""

from smolcourse.data.milk_tea.phrases import Carriers, Phrases, Speaker, options, spellings

ENGLISH = Phrases(
    numbers=(("one", "a"), ("two",), ("three",), ("four",), ("five",)),
    heads_one=("{drink}", "one {drink}", "1 {drink}", "a {drink}", "{n} cup of {drink}", "1x {drink}"),
    heads_many=("{n} cups of {drink}", "{n} cups of {drink}", "{drink} x{digit}", "{digit}x {drink}"),
    sized_one=("{n} {size} {drink}", "{n} {size} {drink}", "{n} {size} cup of {drink}"),
    sized_many=("{n} {size} cups of {drink}",),
    size_words={"S": ("small",), "M": ("medium",), "L": ("large",)},
    sizes={
        "S": ("size S", "small", "small size"),
        "M": ("size M", "medium", "medium size"),
        "L": ("size L", "large", "large size"),
    },
    sugar_and_ice=("sugar", "ice"),
    sugar={
        0: ("no sugar", "0% sugar", "unsweetened", "without sugar"),
        30: ("less sugar", "30% sugar", "a little sugar"),
        50: ("half sugar", "50% sugar", "half sweet"),
        70: ("70% sugar", "70 percent sugar"),
        100: ("normal sugar", "full sugar", "100% sugar"),
    },
    ice={
        0: ("no ice", "0% ice", "without ice", "hold the ice"),
        30: ("less ice", "30% ice", "a little ice"),
        50: ("half ice", "50% ice"),
        70: ("70% ice", "70 percent ice"),
        100: ("normal ice", "full ice", "100% ice"),
    },
    all_normal=("normal sugar and ice", "100% sugar 100% ice"),
    toppings=("add {toppings}", "with {toppings}", "topped with {toppings}", "plus {toppings}", "extra {toppings}"),
    no_toppings=("no toppings", "without toppings"),
    last_topping=(" and ", " & ", ", "),
    mixed_sugar={},
    mixed_ice={},
    mixed_toppings=(),
    corrections=("{wrong}, sorry, {right}", "{wrong}, no wait, {right}", "{wrong}, I mean {right}"),
    and_words=(" and ", ", ", " and also "),
    known=Carriers(
        speakers=(
            Speaker("there", "me", ("please", "thanks")),
            Speaker("team", "me", ("please", "thank you")),
            Speaker("guys", "me", ("please", "cheers")),
        ),
        greetings=("hi {you}", "hello {you}", "hey {you}", "good morning"),
        asks=options(
            "can I get | could I have | I'd like | I want | I'll have | I'll take | get {me} | please make {me} | give {me}"
            "| can you make {me} | let {me} order | ordering |"
        ),
        closings=options(
            "thanks a lot | make it quick | to go | I'll drink it here | I paid by card | it's so hot today | the name is {name}"
            "| name: {name} | deliver to {number} {street} | deliver to floor {floor} | I'll pick it up at {hour} pm"
            "| need it by {hour} o'clock | I'll pay ${money} in cash | phone ends in {tail}"
        ),
    ),
    unseen=Carriers(
        speakers=(
            Speaker("folks", "my sister", ("pretty please", "much appreciated")),
            Speaker("boss", "my dad", ("thank you kindly", "if you can")),
        ),
        greetings=("howdy {you}", "good evening", "greetings {you}", "yo {you}"),
        asks=options(
            "I'm craving | we need | I'm after | may I request | would you mix | kindly prepare | {me} wants | put me down for"
        ),
        closings=options(
            "how much is that | leave it at the front desk | wrap it well | don't forget straws | ring when you arrive"
            "| bring it to room {number} | apartment {number} | I'm waiting outside | we sit at table {floor}"
            "| any discount code | last one was great"
        ),
    ),
    fillers={
        "name": options("Lan | Huy | Anna | Ben | Tom | Mai | Kate | Sam"),
        "street": options("Oak Street | King Road | Hill Lane | Park Avenue | Rose Street"),
        "number": options("5 | 8 | 12 | 27 | 30 | 50 | 64 | 105"),
        "floor": options("2 | 3 | 5 | 7 | 9"),
        "hour": options("2 | 3 | 4 | 5 | 9 | 10"),
        "money": options("20 | 30 | 50 | 100"),
        "tail": options("123 | 482 | 500 | 709 | 915"),
    },
    typed=spellings(
        "please: pls, plz | thanks: thx | with: w/ | without: w/o | and: & | you: u | large: lg | medium: med | sugar: suger"
        "| milk tea: mlk tea | pearls: perls | pudding: puding | jelly: jely | matcha: macha | strawberry: strawbery"
        "| chocolate: choclate | caramel: carmel | oolong: olong | lychee: lichee | coconut: coconot | cheese: chese"
        "| want: wanna get | extra: xtra | hello: helo | half: haf | deliver: delivr | one: 1 | cups: cup"
    ),
)
