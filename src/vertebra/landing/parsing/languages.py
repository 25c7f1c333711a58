"""Letters beyond ASCII of languages, and the code pages that texts in them are written in.

The letters of an alphabet are in the order of how frequent they are, the most frequent first. Only the order is used,
so it need not be exact. The alphabets are those of the Unicode CLDR (main and common auxiliary letters).
"""

from __future__ import annotations

from typing import Final

ALPHABETS: Final[dict[str, str]] = {
    "Spanish": "óáíéñúüçàè",
    "Catalan": "àóèéíçòúïüñá",
    "Galician": "óáíéñúü",
    "French": "éèàêçôîûâùëïœüÿæ",
    "Italian": "àèùòìéî",
    "Portuguese": "ãçáéíóêâõúàôü",
    "German": "üäößé",
    "Dutch": "ëéïöüèêáó",
    "Danish": "øåæéöäü",
    "Norwegian": "øåæéòôóêü",
    "Swedish": "äåöéü",
    "Finnish": "äöåšž",
    "Icelandic": "áðíóöþæúéý",
    "English": "éüèöáñçïôê",
    "Irish": "áéíóú",
    "Polish": "łąęóżśćńźéöü",
    "Czech": "íáéěýčřžšůúňťďóöü",
    "Slovak": "áíéčýžšúľťôóňäďŕĺěř",
    "Hungarian": "áéöóőüíúűä",
    "Romanian": "ăîâşţșțéö",
    "Croatian": "čšžćđ",
    "Slovenian": "čšžćđ",
    "Albanian": "ëç",
    "Turkish": "ıişğüçöâîû",
    "Estonian": "äõüöšžé",
    "Latvian": "āīēšūņļžčģķō",
    "Lithuanian": "ėšžųūčįąę",
    "Vietnamese": "àđôâưáơăêéíóúýèìòùãõ\u0300\u0301\u0303\u0309\u0323",
    "Russian": "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфёъ",
    "Ukrainian": "оанивітерслкумдпзяьбгйчхцжюєїшщфґ",
    "Belarusian": "анаірыелскотдуявмпкьзгубйчцхжўшэюёф",
    "Bulgarian": "аиоентрсвлдкпмузябгчъшщйхжцюфь",
    "Serbian": "аоиенртсуклмвдпјбгзчшљхњцћжђфџ",
    "Macedonian": "аоиентрсвкдлумпјзгбчшцжѓќњљхфџѕ",
    "Greek": "αοιετνσηρςπκμλίυάόέγωήδθύφώχβξζψϊϋΐΰ",
    "Hebrew": "יוהלאמרתבשנםדעקחפטגכןזסצךףץ",
    "Arabic": "اليمنرتوبعدسفهكقحجأشةصطخىضإئءذزثغظآؤ\u064b\u064f\u064e\u0651\u0650",
    "Persian": "ایرندمهتوسبلشزکخگفعحقجآپطصچضغژثظذئءً",
    "Thai": (
        "านรกอเงมยลวดทสต\u0e48\u0e31\u0e35\u0e49ปหแบ\u0e34คจะพชโข\u0e37ใ\u0e38ไ"
        "ผ\u0e39ภถฐศธ\u0e4cซณษ\u0e36\u0e47ฟฉญฮฤำฝ"
    ),
}  # fmt: skip

_WESTERN: Final = (
    "Spanish", "Catalan", "Galician", "French", "Italian", "Portuguese", "German", "Dutch", "Danish", "Norwegian",
    "Swedish", "Finnish", "Icelandic", "English", "Irish",
)  # fmt: skip
_CENTRAL: Final = (
    "Polish", "Czech", "Slovak", "Hungarian", "Romanian", "Croatian", "Slovenian", "Albanian",
)  # fmt: skip
_TURKISH: Final = ("Turkish",)
_BALTIC: Final = ("Estonian", "Latvian", "Lithuanian")
_CYRILLIC: Final = ("Russian", "Ukrainian", "Belarusian", "Bulgarian", "Serbian", "Macedonian")

CODE_PAGES: Final[dict[str, tuple[float, tuple[str, ...]]]] = {
    "windows-1252": (0, _WESTERN),
    "windows-1250": (-1, _CENTRAL),
    "windows-1251": (-1, _CYRILLIC),
    "windows-1253": (-1, ("Greek",)),
    "windows-1254": (-1.5, _TURKISH),
    "windows-1255": (-1.5, ("Hebrew",)),
    "windows-1256": (-1.5, ("Arabic", "Persian")),
    "windows-1257": (-2, _BALTIC),
    "windows-1258": (-2, ("Vietnamese",)),
    "windows-874": (-1.5, ("Thai",)),
    "iso-8859-1": (-1, _WESTERN),
    "iso-8859-15": (-1.5, _WESTERN),
    "iso-8859-2": (-1.5, _CENTRAL),
    "iso-8859-4": (-4, _BALTIC),
    "iso-8859-5": (-3, _CYRILLIC),
    "iso-8859-6": (-3, ("Arabic",)),
    "iso-8859-7": (-2, ("Greek",)),
    "iso-8859-8": (-3, ("Hebrew",)),
    "iso-8859-9": (-2, _TURKISH),
    "iso-8859-13": (-3, _BALTIC),
    "iso-8859-16": (-3.5, ("Romanian", "Polish", "Hungarian", "Croatian")),
    "koi8-r": (-2, ("Russian", "Bulgarian")),
    "koi8-u": (-2.5, ("Ukrainian", "Russian", "Belarusian")),
    "cp850": (-2.5, _WESTERN),
    "cp437": (-3, _WESTERN),
    "cp852": (-2.5, _CENTRAL),
    "cp737": (-4, ("Greek",)),
    "cp775": (-4, _BALTIC),
    "cp855": (-4, _CYRILLIC),
    "cp857": (-3.5, _TURKISH),
    "cp862": (-4, ("Hebrew",)),
    "cp866": (-2.5, ("Russian", "Ukrainian", "Belarusian", "Bulgarian")),
    "mac-roman": (-2.5, _WESTERN),
    "mac-latin2": (-4, _CENTRAL),
    "mac-cyrillic": (-4, _CYRILLIC),
    "mac-greek": (-4, ("Greek",)),
    "mac-turkish": (-4, _TURKISH),
    "shift-jis": (-1, ("Japanese",)),
    "euc-jp": (-2, ("Japanese",)),
    "gb18030": (-1, ("Chinese",)),
    "big5": (-1.5, ("Chinese (traditional)",)),
    "euc-kr": (-1, ("Korean",)),
}
"""For each code page, the logarithm of how common it is, relative to windows-1252, and the languages it is used for.

Of code pages that read a text the same way, the first is named.
"""

GUESTS: Final[dict[tuple[str, ...], tuple[str, ...]]] = {
    _CENTRAL: ("German",),
    _TURKISH: ("German", "French"),
    _BALTIC: ("Polish", "German", "Finnish", "Swedish"),
}
"""Languages that are seldom written in the code pages of others, because another code page is usual for them."""

CODECS: Final[dict[str, str]] = {
    "windows-874": "cp874",
    "mac-roman": "mac_roman",
    "shift-jis": "cp932",
    "big5": "cp950",
    "euc-kr": "cp949",
}
"""Python's codecs of code pages that Python knows under another name, or with fewer characters."""

SIGNS: Final = "€\u00a0°’–“”²ºª«»£…®©·•½¼¾±§µ×¿¡™—³„‘‚‰÷¢¥№"
"""Signs in texts of any language, the most frequent first."""
