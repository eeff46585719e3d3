"""A data set that needs neither download nor licence: drawn faces in LFW's folder layout.

`identity` says who a person is (geometry, skin, hair, features), `nuisance` how one photograph of them came out (pose,
light, expression, occlusion, blur, noise). `portrait` draws one image from back to front: a background, `hair`
behind the head, `face` (with neck and clothes), `hair` on it, `occlusion`, all in head coordinates through `camera`; then
`light` shades the head and adds what a camera does. `folder` names the people and writes images and View 1 lists.

Pixels depend on nothing but the arguments, up to the last bit of a machine's sines; files also on Pillow's JPEG
encoder. Nobody drawn here exists, and scores on them say nothing about people.
"""

from lfw_jax.data.synthetic.folder import write_folder
from lfw_jax.data.synthetic.portrait import draw

__all__ = ["draw", "write_folder"]
