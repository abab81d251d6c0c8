"""Vietnamese phrases."""

from smolcourse.data.milk_tea.phrases import Carriers, Phrases, Speaker, options, spellings

VIETNAMESE = Phrases(
    numbers=(("một",), ("hai",), ("ba",), ("bốn",), ("năm",)),
    heads_one=("{drink}", "{n} ly {drink}", "{n} ly {drink}", "{n} cốc {drink}", "{n} {drink}", "ly {drink}"),
    heads_many=("{n} ly {drink}", "{n} ly {drink}", "{n} cốc {drink}", "{n} {drink}", "{drink} x{digit}"),
    sized_one=("{n} ly {size} {drink}", "{n} cốc {size} {drink}", "ly {size} {drink}"),
    sized_many=("{n} ly {size} {drink}", "{n} cốc {size} {drink}"),
    size_words={"S": ("size S", "size S", "nhỏ"), "M": ("size M", "size M", "vừa"), "L": ("size L", "size L", "lớn")},
    sizes={
        "S": ("size S", "size nhỏ"),
        "M": ("size M", "size vừa"),
        "L": ("size L", "size lớn"),
    },
    sugar_and_ice=("đường", "đá"),
    sugar={
        0: ("không đường", "0% đường"),
        30: ("ít đường", "30% đường"),
        50: ("nửa đường", "50% đường"),
        70: ("70% đường",),
        100: ("đường bình thường", "100% đường"),
    },
    ice={
        0: ("không đá", "0% đá"),
        30: ("ít đá", "30% đá"),
        50: ("nửa đá", "50% đá"),
        70: ("70% đá",),
        100: ("đá bình thường", "100% đá"),
    },
    all_normal=("đường đá bình thường", "100% đường 100% đá"),
    toppings=(
        "thêm {toppings}",
        "thêm {toppings}",
        "topping {toppings}",
        "kèm {toppings}",
        "cho thêm {toppings}",
    ),
    no_toppings=("không topping", "không lấy topping"),
    last_topping=(" và ", " với ", ", "),
    mixed_sugar={0: ("no sugar",), 30: ("less sugar",), 50: ("half sugar",), 70: ("70% sugar",), 100: ("full sugar",)},
    mixed_ice={0: ("no ice",), 30: ("less ice",), 50: ("half ice",), 70: ("70% ice",), 100: ("full ice",)},
    mixed_toppings=("add {toppings}", "add thêm {toppings}", "extra {toppings}"),
    corrections=("{wrong} à nhầm {right}", "{wrong}, à không, {right}", "{wrong} ủa lộn {right}"),
    and_words=(" và ", " với ", " và "),
    known=Carriers(
        speakers=(
            Speaker("shop", "mình", ("nha", "nhé", "nha shop", "với")),
            Speaker("shop", "em", ("ạ", "nha", "nha shop", "với ạ")),
            Speaker("quán", "mình", ("nha", "nhé", "với")),
            Speaker("quán", "em", ("ạ", "nha", "với ạ")),
            Speaker("em", "anh", ("nhé", "nha em", "em nhé")),
            Speaker("em", "chị", ("nhé", "nha em", "em nhé")),
            Speaker("chị", "em", ("ạ", "nha chị", "chị nhé", "với ạ")),
            Speaker("anh", "em", ("ạ", "nha anh", "với ạ")),
            Speaker("bạn", "mình", ("nha", "nhé", "nha bạn")),
            Speaker("bạn", "tớ", ("nhé", "với", "nha bạn")),
        ),
        greetings=("{you} ơi", "{you} ơi", "alo {you}", "chào {you}", "hi {you}"),
        asks=options(
            "cho {me} | cho {me} | cho {me} xin | cho {me} đặt | {me} lấy | {me} đặt | {me} order | {me} gọi | {me} muốn đặt"
            "| lấy cho {me} | làm cho {me} | làm giúp {me} | đặt giúp {me} | bán cho {me} | đặt |"
        ),
        closings=options(
            "cảm ơn {you} | {you} làm nhanh giúp {me} | giao giúp {me} | {me} mang về | {me} uống tại quán | trời nóng quá"
            "| {me} chuyển khoản rồi | tính tiền luôn | ghi tên {name} | {me} tên {name} | giao số {number} {street}"
            "| giao lên tầng {floor} | {hour} giờ {me} qua lấy | {hour}h giao | {me} đưa {money}k | sđt đuôi {tail}"
            "| nhà số {number} {street}"
        ),
        mixed_closings=("take away nha", "thanks {you}", "ship asap nha", "tks {you} nhiều"),
    ),
    unseen=Carriers(
        speakers=(
            Speaker("cô", "con", ("nghen cô", "cô nghen", "nghe cô")),
            Speaker("chú", "cháu", ("chú nhá", "nhá chú")),
            Speaker("tiệm", "tui", ("nghen", "hen", "đó nghen")),
            Speaker("bác", "cháu", ("bác nhá", "nhá bác")),
            Speaker("ad", "mị", ("nhá", "nhá ad", "hen")),
        ),
        greetings=("dạ {you}", "{you} có đó không", "{you} à", "xin phép {you}", "hello {you}"),
        asks=options(
            "{me} cần | {me} chốt | {me} thèm | {me} kêu | lên đơn cho {me} | pha cho {me} | chuẩn bị cho {me} | cho {me} mua"
            "| nhờ {you} làm | phiền {you} pha"
        ),
        closings=options(
            "tổng hết bao nhiêu | để ở phòng bảo vệ | gói kỹ giùm {me} | nhớ kèm ống hút | tới nơi thì gọi {me}"
            "| có mã giảm giá hông | giao phòng {number} | giao hẻm {number} | {me} đợi ngoài cổng | {me} ngồi bàn {floor}"
            "| bữa trước uống ngon quá | chúc {you} đắt khách"
        ),
    ),
    fillers={
        "name": options("Lan | Huy | Ngọc | Minh | Trang | Hà | Tú | Phúc"),
        "street": options("Lê Lợi | Hai Bà Trưng | Hàng Bông | Trần Phú | Nguyễn Trãi | Hoa Mai"),
        "number": options("5 | 8 | 12 | 27 | 30 | 50 | 64 | 105"),
        "floor": options("2 | 3 | 5 | 7 | 9"),
        "hour": options("2 | 3 | 4 | 5 | 9 | 10"),
        "money": options("50 | 100 | 200 | 500"),
        "tail": options("123 | 482 | 500 | 709 | 915"),
    },
    typed=spellings(
        "không: ko, k, hông | mình: mik, mk | em: e | anh: a | chị: c | với: vs | giúp: júp | nhé: nhóe | ơi: ưi | shop: sốp"
        "| trà sữa: ts, trà sửa | trân châu: tc, chân châu | đường: đừong | ít: ích | thêm: thim | size: sai, sz"
        "| topping: toping | pudding: puding | matcha: macha | socola: sô cô la | cheese: chese | ô long: olong | một: 1"
        "| bình thường: bt | cảm ơn: cảm mơn, cám ơn | quá: wá | rồi: ròi"
    ),
)
