"""The address and the end of a service."""

import pytest

from lfw_jax.errors import UserError
from lfw_jax.serving.server import bound_socket


def test_two_services_that_start_together_do_not_share_a_port():
    with bound_socket("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(UserError, match=rf"^--port: {port} is taken on 127\.0\.0\.1\. Choose another one"):
            bound_socket("127.0.0.1", port).close()
    bound_socket("127.0.0.1", port).close()
