"""One feature of a serialised `tf.train.Example`, found without parsing the others.

An Example is a protocol buffer: a map of features (field 1 of field 1), each a key (field 1) and a value (field 2) whose list of
bytes (field 1) has its elements in field 1. Parsing a record into Python objects takes a third of the time of decoding its
image.
"""

_FIRST, _SECOND = 0x0A, 0x12  # the bytes that begin field 1 and field 2, where these hold bytes or a message


def bytes_feature(example: bytes, key: str) -> bytes | None:
    """The only element of a feature of bytes.

    None where it is not found, which a parser has to confirm: here a key comes before its value, as serialisers write it.
    """
    name = key.encode()
    begin = bytes([_FIRST, len(name)]) + name  # of an entry; its length is one byte up to 127
    try:
        place, end = _inside(example, 0, len(example), _FIRST)
        while place < end and len(name) < 128:
            length, place = _varint(example, place + 1)
            after = place + length
            if example.startswith(begin, place):
                place += len(begin)
                for field in (_SECOND, _FIRST, _FIRST):
                    place, after = _inside(example, place, after, field)
                return example[place:after]
            place = after
    except (IndexError, ValueError):
        return None
    return None


def _inside(message: bytes, start: int, end: int, field: int) -> tuple[int, int]:
    """Where the content of a field starts that fills a part of a message. Raises ValueError where it does not."""
    length, place = _varint(message, start + 1)
    if message[start] != field or place + length != end:
        raise ValueError("another field, or more than one")
    return place, end


def _varint(message: bytes, place: int) -> tuple[int, int]:
    """A number of seven bits a byte, lowest first, and the place after it. Raises IndexError at the end of the message."""
    byte = message[place]
    value, shift = byte & 127, 7
    while byte & 128:
        place += 1
        byte = message[place]
        value |= (byte & 127) << shift
        shift += 7
    return value, place + 1
