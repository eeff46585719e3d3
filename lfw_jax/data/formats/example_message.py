"""Extraction of one feature from a serialised `tf.train.Example` without parsing the others.

An Example is a protocol buffer with a map of features (field 1 of field 1). Each entry has a key (field 1) and a value
(field 2), whose list of bytes (field 1) holds its elements in field 1. Parsing a whole record into Python objects takes a
third as long as decoding its image.
"""

_FIRST, _SECOND = 0x0A, 0x12  # the tags of fields 1 and 2 that hold bytes or a message


def bytes_feature(example: bytes, key: str) -> bytes | None:
    """Return the only element of a bytes feature, or None if it is not found.

    The key is expected before its value, as serialisers write it. None therefore does not prove that the feature is absent;
    a full parser has to confirm it.

    Args:
      example: the serialised Example.
      key: the name of the feature.
    """
    name = key.encode()
    begin = bytes([_FIRST, len(name)]) + name  # the start of an entry; lengths up to 127 take one byte
    try:
        position, end = _inside(example, 0, len(example), _FIRST)
        while position < end and len(name) < 128:
            length, position = _varint(example, position + 1)
            after = position + length
            if example.startswith(begin, position):
                position += len(begin)
                for field in (_SECOND, _FIRST, _FIRST):
                    position, after = _inside(example, position, after, field)
                return example[position:after]
            position = after
    except (IndexError, ValueError):
        return None
    return None


def _inside(message: bytes, start: int, end: int, field: int) -> tuple[int, int]:
    """Return the bounds of a field that fills part of a message. Raises ValueError if it does not."""
    length, position = _varint(message, start + 1)
    if message[start] != field or position + length != end:
        raise ValueError("another field, or more than one")
    return position, end


def _varint(message: bytes, position: int) -> tuple[int, int]:
    """Return a base-128 varint and the position after it. Raises IndexError at the end of the message."""
    byte = message[position]
    value, shift = byte & 127, 7
    while byte & 128:
        position += 1
        byte = message[position]
        value |= (byte & 127) << shift
        shift += 7
    return value, position + 1
