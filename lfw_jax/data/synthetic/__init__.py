"""Synthetic faces in LFW's folder layout: a data set that needs neither a download nor a licence.

`identity` has the parameters that all images of an identity share (geometry, skin, hair, features), and `identity_sampling`
samples them; `nuisance` has those of a single photograph (pose, light, expression, occlusion, blur, noise). `portrait` draws an
image from back to front: the background, `hair` behind the head, `face` (with neck and clothes), `hair` on the head, and
`occlusion`, all in head coordinates through `camera`. `light` then shades the head and applies camera effects. `folder` names
the identities and writes images and View 1 lists.

Pixels are a pure function of the arguments, up to rounding differences between machines; files also depend on Pillow's JPEG
encoder. No identity is a real person, and metrics on them say nothing about real faces.
"""

from lfw_jax.data.synthetic.folder import write_folder
from lfw_jax.data.synthetic.portrait import draw

__all__ = ["draw", "write_folder"]
