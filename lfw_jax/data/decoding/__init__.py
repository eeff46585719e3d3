"""From an encoded image to a square of pixels: headers, decoding, crop geometry, resizing, validity."""
